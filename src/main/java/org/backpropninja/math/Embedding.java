package org.backpropninja.math;

import java.util.Arrays;

/**
 * Looks up a vector per index and lays the vectors of an example side by side.
 *
 * <pre>embcat[i, t·D + d] = C[Xb[i, t], d]</pre>
 *
 * <p>Shapes: C [V, D]; Xb [n, T] indices from 0 to V−1; embcat [n, T·D], context-major (all of the
 * first position's vector, then all of the second's). It works on the U rows of the table that a
 * minibatch names, so that a large vocabulary costs no more than the zeros in its gradient. Source:
 * makemore part 4, {@code emb = C[Xb]; embcat = emb.view(n, -1)}; docs/derivations.md.
 */
final class Embedding implements Cores.Embedding {

  private final int D;
  private final Precision precision;
  private final Threads threads;
  private final Block[] emb; // one a thread, rows of D
  private Block vectors; // the U rows that are named, each once
  private int[] rows = {}; // their numbers in the table
  private int U;
  private int[] placeOf = {}; // [V]: a row's number among those, plus 1, or 0 if it is not there
  private int[] places = {}; // [n·T]: Xb, in numbers among those
  private int n;
  private int count; // n·T
  private double[] dvectors = {}; // [U, D]

  /**
   * Makes the lookup of vectors of {@code D} numbers.
   *
   * @param D length of one vector
   * @param precision of the table
   */
  Embedding(int D, Precision precision) {
    this(D, precision, Threads.ofAll());
  }

  Embedding(int D, Precision precision, Threads threads) {
    this.D = D;
    this.precision = precision;
    this.threads = threads;
    emb = threads.each(Block[]::new, () -> Block.of(precision, D));
    vectors = Block.of(precision, D);
  }

  @Override
  public void forward(Matrix C, int[] Xb, Matrix embcat) {
    C.require("C", C.rows(), D);
    n = embcat.rows();
    count = Xb.length;
    embcat.require("embcat", n, count / n * D);
    if (count % n != 0) {
      throw new IllegalArgumentException(
          "Xb (%d) must hold as many indices for each of the %d rows of embcat"
              .formatted(count, n));
    }
    nameRows(Xb, C.rows());
    if (vectors.capacity < U * D || vectors.capacity / 4 > Math.max(U, Block.rows(D)) * D) {
      vectors = Block.of(precision, D, Math.max(U, Block.rows(D)));
    }
    vectors.readRows(C, rows, U);
    new Stripes(count, D)
        .forEachBlock(
            threads,
            emb,
            (emb, first, some) -> {
              emb.gather(vectors, places, first, some);
              emb.write(embcat, first);
            });
  }

  /** Numbers the rows that are named in the order in which they come. */
  private void nameRows(int[] Xb, int V) {
    placeOf = placeOf.length == V ? placeOf : new int[V];
    rows = Kept.suits(rows.length, Math.min(V, count)) ? rows : new int[Math.min(V, count)];
    places = Kept.suits(places.length, count) ? places : new int[count];
    U = 0;
    try {
      for (int k = 0; k < count; k++) {
        int row = Xb[k];
        if (placeOf[row] == 0) {
          rows[U++] = row;
          placeOf[row] = U;
        }
        places[k] = placeOf[row] - 1;
      }
    } finally { // also if an index is beyond the table
      for (int k = 0; k < U; k++) {
        placeOf[rows[k]] = 0; // cleared for the next minibatch without touching all V
      }
    }
  }

  @Override
  public void backward(Matrix dembcat, Matrix dC) {
    dembcat.require("dembcat", n, count / n * D);
    dC.require("dC", placeOf.length, D);
    dvectors = Kept.suits(dvectors.length, U * D) ? dvectors : new double[U * D];
    Arrays.fill(dvectors, 0, U * D, 0);
    Block demb = emb[0];
    Stripes stripes = new Stripes(count, D);
    for (int stripe = 0; stripe < stripes.count(); stripe++) {
      stripes.forEachBlock(
          stripe,
          (first, some) -> {
            demb.read(dembcat, first, some);
            demb.scatterAdd(places, first, dvectors); // dC[v] = Σ of demb where Xb = v
          });
    }
    dC.writeRows(dvectors, rows, U);
  }
}
