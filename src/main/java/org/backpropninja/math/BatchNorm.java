package org.backpropninja.math;

/**
 * Batch normalisation of the columns of a matrix and the activation that may follow, in one go.
 *
 * <pre>
 * bnraw   = (hprebn − mean)·(var + ε)^−½
 * hpreact = gain·bnraw + bias
 * h       = hpreact or tanh(hpreact)
 * </pre>
 *
 * <p>Shapes: hprebn, bnraw, hpreact, h [n, H]; mean, var [H]; gain, bias [1, H]. In training mean
 * and var are the minibatch's, var divided by n − 1 or by n ({@link Variance}); in inference they
 * are constants. One object serves one layer: {@link #backward} goes back through the forward pass
 * that ran last, of which it has kept bnraw and a tangent. Sources: Ioffe and Szegedy, "Batch
 * Normalization", 2015; makemore part 4, which divides by n − 1; docs/derivations.md.
 */
final class BatchNorm implements Cores.BatchNorm {

  private final int H;
  private final double epsilon;
  private final Activation activation;
  private final Threads threads;
  private final Scratch[] scratch; // one a thread
  private final MomentsAccumulator moments;

  private final Block bnmeani; // one row each, broadcast
  private final Block bnmeaniRest;
  private final Block bnvarInv;
  private final Block gain;
  private final Block bias;
  private final Block direct;
  private final Block throughMean;
  private final Block throughVariance;

  private final Kept bnrawRoom;
  private final Kept hRoom;
  private final Kept dhpreactRoom;
  private Matrix bnraw; // [n, H], null if the last pass kept nothing
  private Matrix h; // [n, H], null too where the way back does not need it
  private Statistics statistics; // of the last pass
  private final SumsOfStripes dbias;
  private final SumsOfStripes dgain;

  /** What one thread works on: some rows of each matrix. */
  private static final class Scratch {
    final Block bnraw;
    final Block h;
    final Block dhpreact;
    final Block dhprebn;
    final ColumnSums dbias;
    final ColumnSums dgain;

    Scratch(int H, Precision precision) {
      bnraw = Block.of(precision, H);
      h = Block.of(precision, H);
      dhpreact = Block.of(precision, H);
      dhprebn = Block.of(precision, H);
      dbias = new ColumnSums(precision, H);
      dgain = new ColumnSums(precision, H);
    }
  }

  /**
   * Makes the normalisation of {@code H} columns.
   *
   * @param H number of columns, at least 1
   * @param epsilon ε, added to the variance
   * @param activation what follows
   * @param precision of the loops over elements
   * @throws IllegalArgumentException if {@code H} is less than 1 or {@code epsilon} is negative or
   *     NaN
   */
  BatchNorm(int H, double epsilon, Activation activation, Precision precision) {
    this(H, epsilon, activation, precision, Threads.ofAll());
  }

  BatchNorm(int H, double epsilon, Activation activation, Precision precision, Threads threads) {
    if (!(epsilon >= 0)) {
      throw new IllegalArgumentException("epsilon (" + epsilon + ") must be at least 0");
    }
    this.H = H;
    this.epsilon = epsilon;
    this.activation = activation;
    this.threads = threads;
    moments = new MomentsAccumulator(H, precision, threads);
    scratch = threads.each(Scratch[]::new, () -> new Scratch(H, precision));
    bnmeani = Block.of(precision, H);
    bnmeaniRest = Block.of(precision, H);
    bnvarInv = Block.of(precision, H);
    gain = Block.of(precision, H);
    bias = Block.of(precision, H);
    direct = Block.of(precision, H);
    throughMean = Block.of(precision, H);
    throughVariance = Block.of(precision, H);
    bnrawRoom = new Kept(precision);
    hRoom = new Kept(precision);
    dhpreactRoom = new Kept(precision);
    dbias = new SumsOfStripes(H);
    dgain = new SumsOfStripes(H);
  }

  @Override
  public Moments measure(Matrix hprebn) {
    moments.reset();
    moments.add(hprebn);
    return moments.moments();
  }

  @Override
  public void forward(
      Matrix hprebn, Statistics statistics, Matrix gain, Matrix bias, Matrix h, boolean keep) {
    int n = hprebn.rows();
    hprebn.require("hprebn", n, H);
    gain.require("gain", 1, H);
    bias.require("bias", 1, H);
    h.require("h", n, H);
    this.statistics = statistics;
    this.bnraw = keep ? bnrawRoom.matrix(n, H) : null;
    this.h = keep && activation != Activation.IDENTITY ? hRoom.matrix(n, H) : null;
    broadcastMeans(statistics.mean());
    bnvarInv.broadcast(bnvarInv());
    this.gain.broadcast(gain);
    this.bias.broadcast(bias);
    forEachBlock(
        n,
        (s, first, some) -> {
          s.bnraw.read(hprebn, first, some);
          s.bnraw.subtractAndScale(bnmeani, bnmeaniRest, bnvarInv);
          s.h.scaleAndShift(s.bnraw, this.gain, this.bias); // hpreact
          activation.forward(s.h);
          s.h.write(h, first);
          keep(s, first);
        });
  }

  /** In two parts, what is left of the mean when it is rounded being the second one. */
  private void broadcastMeans(double[] mean) {
    bnmeani.broadcast(mean);
    double[] rest = new double[H];
    for (int j = 0; j < H; j++) {
      rest[j] = mean[j] - bnmeani.rounded(mean[j]);
    }
    bnmeaniRest.broadcast(rest);
  }

  private double[] bnvarInv() {
    double[] inverse = new double[H];
    for (int j = 0; j < H; j++) {
      inverse[j] = 1 / Math.sqrt(statistics.variance()[j] + epsilon);
    }
    return inverse;
  }

  private void keep(Scratch s, int first) {
    if (bnraw != null) {
      s.bnraw.write(bnraw, first);
    }
    if (h != null) {
      s.h.write(h, first);
    }
  }

  @Override
  public void backward(Matrix dh, Matrix dhprebn, Matrix dgain, Matrix dbias) {
    if (bnraw == null) {
      throw new IllegalStateException("backward needs a forward pass that keeps its values");
    }
    int n = bnraw.rows();
    dh.require("dh", n, H);
    dhprebn.require("dhprebn", n, H);
    dgain.require("dgain", 1, H);
    dbias.require("dbias", 1, H);
    double[] dbiasSum = new double[H];
    double[] dgainSum = new double[H];
    Matrix dhpreact = h == null ? dh : dhpreactRoom.matrix(n, H);
    sum(dh, dhpreact, dbiasSum, dgainSum);
    dbias.write(dbiasSum, 0, H);
    dgain.write(dgainSum, 0, H);
    prepareWaysBack(dbiasSum, dgainSum);
    forEachBlock(
        n,
        (s, first, some) -> {
          s.dhpreact.read(dhpreact, first, some);
          s.bnraw.read(bnraw, first, some);
          s.dhprebn.combine(direct, s.dhpreact, throughVariance, s.bnraw, throughMean);
          s.dhprebn.write(dhprebn, first);
        });
  }

  /**
   * dhpreact = dh or (1 − h²)·dh, and on the way dbias = Σ_rows dhpreact, dgain = Σ_rows
   * dhpreact·bnraw.
   */
  private void sum(Matrix dh, Matrix dhpreact, double[] dbiasSum, double[] dgainSum) {
    Stripes stripes = new Stripes(dh.rows(), H);
    dbias.prepare(stripes.count());
    dgain.prepare(stripes.count());
    threads.run(
        stripes.count(),
        (stripe, thread) -> {
          Scratch s = scratch[thread];
          s.dbias.start(dbias.of(stripe));
          s.dgain.start(dgain.of(stripe));
          stripes.forEachBlock(
              stripe,
              (first, some) -> {
                s.dhpreact.read(dh, first, some);
                if (h != null) {
                  s.h.read(h, first, some);
                  activation.backward(s.h, s.dhpreact);
                  s.dhpreact.write(dhpreact, first);
                }
                s.bnraw.read(bnraw, first, some);
                s.dbias.add(s.dhpreact);
                s.dgain.addProduct(s.dhpreact, s.bnraw);
              });
          s.dbias.finish();
          s.dgain.finish();
        });
    dbias.total(stripes.count(), dbiasSum);
    dgain.total(stripes.count(), dgainSum);
  }

  /**
   * The three ways from hpreact back to hprebn; constant statistics leave the direct one.
   * docs/derivations.md, "The three ways back".
   */
  private void prepareWaysBack(double[] dbias, double[] dgain) {
    double[] direct = new double[H];
    double[] throughMean = new double[H];
    double[] throughVariance = new double[H];
    double perMean = statistics.areOfTheInput() ? 1.0 / statistics.n() : 0;
    double perVariance = statistics.areOfTheInput() ? 1.0 / statistics.divisor() : 0;
    for (int j = 0; j < H; j++) {
      direct[j] = gain.get(j) * bnvarInv.get(j);
      throughMean[j] = -direct[j] * perMean * dbias[j];
      throughVariance[j] = -direct[j] * perVariance * dgain[j]; // times bnraw
    }
    this.direct.broadcast(direct);
    this.throughMean.broadcast(throughMean);
    this.throughVariance.broadcast(throughVariance);
  }

  private void forEachBlock(int n, Stripes.Work<Scratch> work) {
    new Stripes(n, H).forEachBlock(threads, scratch, work);
  }
}
