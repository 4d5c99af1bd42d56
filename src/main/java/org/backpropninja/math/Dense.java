package org.backpropninja.math;

/**
 * The affine map of a dense layer and the activation that may follow.
 *
 * <pre>
 * z = x·W + b,   z[i, j] = Σ_k x[i, k]·W[k, j] + b[j]
 * h = z or tanh(z)
 * </pre>
 *
 * <p>Shapes: x [n, I], W [I, H], b [1, H], z, h [n, H]. Source: makemore part 4, {@code hprebn =
 * embcat @ W1 + b1} and {@code logits = h @ W2 + b2}; docs/derivations.md.
 */
final class Dense implements Cores.Dense {

  private final int H;
  private final Activation activation;
  private final Threads threads;
  private final Scratch[] scratch; // one a thread
  private final Block bias; // one row, broadcast
  private final Columns columns;
  private final Kept hRoom;
  private Matrix h; // [n, H], null where the way back does not need it
  private Matrix dzRoom; // [n, H], null until it is needed

  private static final class Scratch {
    final Block h;
    final Block dz;

    Scratch(int H, Precision precision) {
      h = Block.of(precision, H);
      dz = Block.of(precision, H);
    }
  }

  /**
   * Makes the map to {@code H} columns.
   *
   * @param H number of columns, at least 1
   * @param activation what follows
   * @param precision of the loops over elements
   */
  Dense(int H, Activation activation, Precision precision) {
    this(H, activation, precision, Threads.ofAll());
  }

  Dense(int H, Activation activation, Precision precision, Threads threads) {
    this.H = H;
    this.activation = activation;
    this.threads = threads;
    scratch = threads.each(Scratch[]::new, () -> new Scratch(H, precision));
    bias = Block.of(precision, H);
    columns = new Columns(H, precision, threads);
    hRoom = new Kept(precision);
  }

  @Override
  public void forward(Matrix x, Matrix W, Matrix b, Matrix h, boolean keep) {
    int n = x.rows();
    h.require("h", n, H);
    if (b != null) {
      b.require("b", 1, H);
      bias.broadcast(b);
      forEachBlock(n, (s, first, some) -> bias.writeRows(h, first, some));
    }
    h.product(x, false, W, false, b != null); // z = x·W + b
    if (activation != Activation.IDENTITY) {
      Matrix kept = keep ? hRoom.matrix(n, H) : null;
      this.h = kept;
      forEachBlock(n, (s, first, some) -> activate(s, h, kept, first, some));
    }
  }

  private void activate(Scratch s, Matrix h, Matrix kept, int first, int some) {
    s.h.read(h, first, some);
    activation.forward(s.h);
    s.h.write(h, first);
    if (kept != null) {
      s.h.write(kept, first);
    }
  }

  @Override
  public void backward(Matrix dh, Matrix x, Matrix W, Matrix dx, Matrix dW, Matrix db) {
    dh.require("dh", x.rows(), H);
    Matrix dz = dz(dh);
    dW.product(x, true, dz, false, false); // dW = xᵀ·dz
    if (dx != null) {
      dx.product(dz, false, W, true, false); // dx = dz·Wᵀ
    }
    if (db != null) {
      db.require("db", 1, H);
      double[] sum = new double[H];
      columns.sum(dz, sum); // db = Σ_rows dz
      db.write(sum, 0, H);
    }
  }

  /** dz = dh or (1 − h²)·dh. */
  private Matrix dz(Matrix dh) {
    if (activation == Activation.IDENTITY) {
      return dh;
    }
    if (h == null) {
      throw new IllegalStateException("backward needs a forward pass that keeps its values");
    }
    Matrix dz = dzRoom = Kept.reuse(dzRoom, dh);
    forEachBlock(
        dh.rows(),
        (s, first, some) -> {
          s.dz.read(dh, first, some);
          s.h.read(h, first, some);
          activation.backward(s.h, s.dz);
          s.dz.write(dz, first);
        });
    return dz;
  }

  private void forEachBlock(int n, Stripes.Work<Scratch> work) {
    new Stripes(n, H).forEachBlock(threads, scratch, work);
  }
}
