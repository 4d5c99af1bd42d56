package org.backpropninja.math;

import java.util.Arrays;
import java.util.Locale;

/**
 * Batch normalisation of the columns of a matrix and the nonlinearity that may follow, in one go.
 *
 * <pre>
 * bnraw   = (hprebn − mean)·(var + ε)^−½
 * hpreact = gain·bnraw + bias
 * h       = hpreact or tanh(hpreact)
 * </pre>
 *
 * <p>Shapes: hprebn, bnraw, hpreact, h [n, H]; mean, var, gain, bias [H]. In training mean and var
 * are the minibatch's, var divided by n − 1 or by n ({@link Variance}); in inference they are given
 * and constant. One object serves one layer: {@link #backward} goes back through the forward pass
 * that ran last. The matrices go through in blocks of rows. A tangent is kept for the way back;
 * bnraw is computed again from hprebn, which costs less than memory for it. Sources: Ioffe and
 * Szegedy, "Batch Normalization", 2015; makemore part 4, which divides by n − 1.
 */
public class BatchNorm {

  private final int H;
  private final double epsilon;
  private final Variance variance;
  private final Nonlinearity nonlinearity;
  private final Precision precision;
  private final double[] bnmeani; // [H]
  private final double[] bnvarInv; // [H]
  private final double[] residue; // [H], what is left of the mean when it is rounded
  private final double[] column; // [H], on its way into a block
  private final Block bndiff; // rows of hprebn − mean
  private final Block h;
  private final Block dh;
  private final Block means;
  private final Block scale; // gain·bnvarInv
  private final Block shift; // bias − scale·residue
  private final Block gradientFactor;
  private final Block gradientShift;
  private final Block dbiasSum;
  private final Block dgainSum;
  private final Block zeros;
  private Elements kept = Elements.of(new float[0]); // h, if it is a tangent
  private int keptLength;
  private final Moments moments;
  private BatchNorm wide; // the same in double, null until it is needed
  private boolean goesWide; // whether the pass that ran last was its
  private int n;
  private boolean constantStatistics;

  /**
   * Makes the normalisation of {@code H} columns.
   *
   * @param H number of columns, at least 1
   * @param epsilon ε, added to the variance
   * @param variance the divisor of the variance in training
   * @param nonlinearity what follows
   * @param precision of the loops over elements
   * @throws IllegalArgumentException if {@code H} is less than 1 or {@code epsilon} is negative or
   *     NaN
   */
  public BatchNorm(
      int H, double epsilon, Variance variance, Nonlinearity nonlinearity, Precision precision) {
    if (!(epsilon >= 0)) {
      throw new IllegalArgumentException("epsilon (" + epsilon + ") must be at least 0");
    }
    this.H = H;
    this.epsilon = epsilon;
    this.variance = variance;
    this.nonlinearity = nonlinearity;
    this.precision = precision;
    moments = new Moments(H, precision);
    bnmeani = new double[H];
    bnvarInv = new double[H];
    residue = new double[H];
    column = new double[H];
    bndiff = Block.of(precision, H);
    h = Block.of(precision, H);
    dh = Block.of(precision, H);
    means = Block.of(precision, H);
    scale = Block.of(precision, H);
    shift = Block.of(precision, H);
    gradientFactor = Block.of(precision, H);
    gradientShift = Block.of(precision, H);
    dbiasSum = Block.of(precision, H);
    dgainSum = Block.of(precision, H);
    zeros = Block.of(precision, H);
  }

  /**
   * Normalises by the statistics of the rows given (training).
   *
   * @param hprebn input [n, H]
   * @param n rows, at least 2 for the unbiased variance and at least 1 for the biased one
   * @param gain [H]
   * @param bias [H]
   * @param h result [n, H]
   * @return whether all of the input is finite; if not, the result has no meaning
   * @throws IllegalArgumentException if {@code n} is too small for the variance to have a value
   */
  public boolean forward(Elements hprebn, int n, double[] gain, double[] bias, Elements h) {
    measure(hprebn, n);
    // Far from 10^±38, so that neither variances nor what the gradient makes of them leave float.
    boolean ofFloat = true;
    for (int j = 0; j < H; j++) {
      double var = moments.variance(j, variance) + epsilon;
      ofFloat &= var > 1e-30 && var < 1e30; // not if it is NaN
      bnmeani[j] = moments.mean(j);
      bnvarInv[j] = 1 / Math.sqrt(var);
    }
    goesWide = precision == Precision.SINGLE && !ofFloat;
    if (goesWide) {
      wide =
          wide == null ? new BatchNorm(H, epsilon, variance, nonlinearity, Precision.DOUBLE) : wide;
      return wide.forward(hprebn, n, gain, bias, h);
    }
    constantStatistics = false;
    return normalise(hprebn, n, gain, bias, h);
  }

  /**
   * Takes the statistics of the rows given, which {@link #moments} then tells.
   *
   * @param hprebn input [n, H]
   * @param n rows
   * @throws IllegalArgumentException if {@code n} is too small for the variance to have a value
   */
  protected final void measure(Elements hprebn, int n) {
    if (variance.divisor(n) < 1) {
      throw new IllegalArgumentException(
          "n (%d) is too small: the %s variance of so few rows has no value"
              .formatted(n, variance.name().toLowerCase(Locale.ROOT)));
    }
    moments.reset();
    moments.add(hprebn, n);
  }

  /**
   * Normalises by statistics that do not depend on the input (inference).
   *
   * @param hprebn input [n, H]
   * @param n rows
   * @param mean [H]
   * @param var [H]
   * @param gain [H]
   * @param bias [H]
   * @param h result [n, H]
   * @return whether all of the input is finite; if not, the result has no meaning
   */
  public boolean forward(
      Elements hprebn,
      int n,
      double[] mean,
      double[] var,
      double[] gain,
      double[] bias,
      Elements h) {
    for (int j = 0; j < H; j++) {
      bnmeani[j] = mean[j];
      bnvarInv[j] = 1 / Math.sqrt(var[j] + epsilon);
    }
    constantStatistics = true;
    goesWide = false;
    return normalise(hprebn, n, gain, bias, h);
  }

  private boolean normalise(Elements hprebn, int n, double[] gain, double[] bias, Elements result) {
    this.n = n;
    means.repeat(bnmeani);
    for (int j = 0; j < H; j++) {
      residue[j] = bnmeani[j] - means.rounded(bnmeani[j]);
      column[j] = gain[j] * bnvarInv[j];
    }
    scale.repeat(column);
    for (int j = 0; j < H; j++) {
      column[j] = bias[j] - column[j] * residue[j];
    }
    shift.repeat(column);
    zeros.clear();
    // In float an infinite element has made the moments such that this is the wide one's task.
    boolean checks = constantStatistics || precision == Precision.DOUBLE;
    makeRoom(n * H);
    int some = Block.rows(H);
    for (int i = 0; i < n; i += some) {
      bndiff.read(hprebn, i, Math.min(some, n - i));
      if (checks) {
        zeros.addZeroTimes(bndiff);
      }
      bndiff.subtract(means);
      h.scaleAndShift(bndiff, scale, shift);
      nonlinearity.forward(h);
      h.write(result, i);
      if (keepsResult()) {
        h.write(kept, i);
      }
    }
    return zeros.isZero();
  }

  private boolean keepsResult() {
    return nonlinearity != Nonlinearity.IDENTITY;
  }

  private void makeRoom(int length) {
    if (keepsResult() && keptLength < length) {
      boolean single = precision == Precision.SINGLE;
      kept = single ? Elements.of(new float[length]) : Elements.of(new double[length]);
      keptLength = length;
    }
  }

  /**
   * Computes the gradients of the forward pass that ran last.
   *
   * <pre>
   * dhpreact = dh or (1 − h²)·dh
   * dbias = Σ_rows dhpreact
   * dgain = Σ_rows dhpreact·bnraw
   * dhprebn = gain·bnvarInv/n · ( n·dhpreact − Σ_rows dhpreact − n/(n−1)·bnraw·Σ_rows(dhpreact·bnraw) )
   * </pre>
   *
   * <p>with n/n for n/(n−1) where the variance is the biased one, and just {@code
   * gain·bnvarInv·dhpreact} where the statistics were constant.
   *
   * @param hprebn input [n, H], as in the forward pass
   * @param dh gradient of the result [n, H]
   * @param gain [H], as in the forward pass
   * @param dhprebn gradient of the input [n, H], overwritten; may be {@code dh} itself
   * @param dgain gradient of the gain [H], overwritten
   * @param dbias gradient of the bias [H], overwritten
   */
  public void backward(
      Elements hprebn,
      Elements dh,
      double[] gain,
      Elements dhprebn,
      double[] dgain,
      double[] dbias) {
    if (goesWide) {
      wide.backward(hprebn, dh, gain, dhprebn, dgain, dbias);
      return;
    }
    Elements dhpreact = keepsResult() ? dhprebn : dh; // dhprebn takes it until it is needed
    sumUp(hprebn, dh, dhpreact, dgain, dbias);
    double perMean = constantStatistics ? 0 : 1.0 / n;
    double perVariance = constantStatistics ? 0 : 1.0 / variance.divisor(n);
    // dhprebn = scale·dhpreact + gradientFactor·bndiff + gradientShift: through bndiff alone,
    // through the variance, through the mean.
    for (int j = 0; j < H; j++) {
      column[j] = -perVariance * gain[j] * bnvarInv[j] * bnvarInv[j] * dgain[j];
    }
    gradientFactor.repeat(column);
    for (int j = 0; j < H; j++) {
      column[j] = -perMean * gain[j] * bnvarInv[j] * dbias[j] - column[j] * residue[j];
    }
    gradientShift.repeat(column);
    int some = Block.rows(H);
    for (int i = 0; i < n; i += some) {
      readDifference(hprebn, i, some);
      this.dh.read(dhpreact, i, Math.min(some, n - i));
      this.dh.combine(scale, bndiff, gradientFactor, gradientShift);
      this.dh.write(dhprebn, i);
    }
  }

  /** Goes back through the nonlinearity and takes dbias and dgain on the way. */
  private void sumUp(
      Elements hprebn, Elements dh, Elements dhpreact, double[] dgain, double[] dbias) {
    Arrays.fill(dbias, 0);
    Arrays.fill(dgain, 0);
    dbiasSum.clear(); // a pass that failed may have left something
    dgainSum.clear();
    int blocks = 0;
    int some = Block.rows(H);
    for (int i = 0; i < n; i += some) {
      readDifference(hprebn, i, some);
      this.dh.read(dh, i, Math.min(some, n - i));
      if (keepsResult()) {
        h.read(kept, i, Math.min(some, n - i));
        nonlinearity.backward(h, this.dh);
        this.dh.write(dhpreact, i);
      }
      dbiasSum.add(this.dh);
      dgainSum.addProduct(this.dh, bndiff);
      if (++blocks % Block.SUMMED == 0) {
        dbiasSum.moveInto(dbias);
        dgainSum.moveInto(dgain);
      }
    }
    dbiasSum.moveInto(dbias);
    dgainSum.moveInto(dgain);
    for (int j = 0; j < H; j++) {
      dgain[j] = bnvarInv[j] * (dgain[j] - residue[j] * dbias[j]);
    }
  }

  private void readDifference(Elements hprebn, int firstRow, int some) {
    bndiff.read(hprebn, firstRow, Math.min(some, n - firstRow));
    bndiff.subtract(means);
  }

  /**
   * Returns the statistics of the last training pass.
   *
   * @return mean and variance of the minibatch's columns
   */
  public final Moments moments() {
    return goesWide ? wide.moments() : moments;
  }
}
