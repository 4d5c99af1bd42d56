package org.backpropninja.math;

import java.util.Arrays;
import java.util.Locale;

/**
 * Batch normalisation of the columns of a matrix, in one go.
 *
 * <pre>
 * bnraw   = (hprebn − mean)·(var + ε)^−½
 * hpreact = gain·bnraw + bias
 * </pre>
 *
 * <p>Shapes: hprebn, bnraw, hpreact [n, H]; mean, var, gain, bias [H]. In training mean and var are
 * the minibatch's, var divided by n − 1 or by n ({@link Variance}); in inference they are given and
 * constant. One object serves one layer: {@link #backward} goes back through the forward pass that
 * ran last. Sources: Ioffe and Szegedy, "Batch Normalization", 2015; makemore part 4, which divides
 * by n − 1.
 */
public class BatchNorm {

  private final int H;
  private final double epsilon;
  private final Variance variance;
  private final Moments moments;
  private final double[] bnmeani; // [H]
  private final double[] bnvarInv; // [H]
  private final double[] row;
  private final double[] rawRow;
  private final double[] scale; // gain·bnvarInv
  private final double[] throughMean; // Σ_rows dhpreact / n
  private final double[] throughVariance; // Σ_rows dhpreact·bnraw / divisor
  private double[] bnraw = {}; // [n, H]
  private int n;
  private boolean constantStatistics;

  /**
   * Makes the normalisation of {@code H} columns.
   *
   * @param H number of columns, at least 1
   * @param epsilon ε, added to the variance
   * @param variance the divisor of the variance in training
   * @throws IllegalArgumentException if {@code H} is less than 1 or {@code epsilon} is negative or
   *     NaN
   */
  public BatchNorm(int H, double epsilon, Variance variance) {
    if (!(epsilon >= 0)) {
      throw new IllegalArgumentException("epsilon (" + epsilon + ") must be at least 0");
    }
    this.H = H;
    this.epsilon = epsilon;
    this.variance = variance;
    moments = new Moments(H);
    bnmeani = new double[H];
    row = new double[H];
    rawRow = new double[H];
    scale = new double[H];
    throughMean = new double[H];
    throughVariance = new double[H];
    bnvarInv = new double[H];
  }

  /**
   * Normalises by the statistics of the rows given (training).
   *
   * @param hprebn input [n, H]
   * @param n rows, at least 2 for the unbiased variance and at least 1 for the biased one
   * @param gain [H]
   * @param bias [H]
   * @param hpreact result [n, H]; may be {@code hprebn} itself
   * @throws IllegalArgumentException if {@code n} is too small for the variance to have a value
   */
  public void forward(double[] hprebn, int n, double[] gain, double[] bias, double[] hpreact) {
    measure(hprebn, n);
    for (int j = 0; j < H; j++) {
      bnmeani[j] = moments.mean(j);
      bnvarInv[j] = 1 / Math.sqrt(moments.variance(j, variance) + epsilon);
    }
    constantStatistics = false;
    normalise(hprebn, n, bnmeani, gain, bias, hpreact);
  }

  /**
   * Takes the statistics of the rows given, which {@link #moments} then tells.
   *
   * @param hprebn input [n, H]
   * @param n rows
   * @throws IllegalArgumentException if {@code n} is too small for the variance to have a value
   */
  protected final void measure(double[] hprebn, int n) {
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
   * @param hpreact result [n, H]; may be {@code hprebn} itself
   */
  public void forward(
      double[] hprebn,
      int n,
      double[] mean,
      double[] var,
      double[] gain,
      double[] bias,
      double[] hpreact) {
    for (int j = 0; j < H; j++) {
      bnvarInv[j] = 1 / Math.sqrt(var[j] + epsilon);
    }
    constantStatistics = true;
    normalise(hprebn, n, mean, gain, bias, hpreact);
  }

  private void normalise(
      double[] hprebn, int n, double[] mean, double[] gain, double[] bias, double[] hpreact) {
    this.n = n;
    if (bnraw.length < n * H) {
      bnraw = new double[n * H];
    }
    for (int i = 0; i < n; i++) {
      System.arraycopy(hprebn, i * H, row, 0, H);
      normaliseRow(row, mean, bnvarInv);
      System.arraycopy(row, 0, bnraw, i * H, H);
      scaleAndShiftRow(row, gain, bias);
      System.arraycopy(row, 0, hpreact, i * H, H);
    }
  }

  private static void normaliseRow(double[] row, double[] mean, double[] bnvarInv) {
    for (int j = 0; j < row.length; j++) {
      row[j] = (row[j] - mean[j]) * bnvarInv[j];
    }
  }

  private static void scaleAndShiftRow(double[] row, double[] gain, double[] bias) {
    for (int j = 0; j < row.length; j++) {
      row[j] = gain[j] * row[j] + bias[j];
    }
  }

  /**
   * Computes the gradients of the forward pass that ran last.
   *
   * <pre>
   * dbias = Σ_rows dhpreact
   * dgain = Σ_rows dhpreact·bnraw
   * dhprebn = gain·bnvarInv/n · ( n·dhpreact − Σ_rows dhpreact − n/(n−1)·bnraw·Σ_rows(dhpreact·bnraw) )
   * </pre>
   *
   * <p>with n/n for n/(n−1) where the variance is the biased one, and just {@code
   * gain·bnvarInv·dhpreact} where the statistics were constant.
   *
   * @param dhpreact gradient of the result [n, H]
   * @param gain [H], as in the forward pass
   * @param dhprebn gradient of the input [n, H], overwritten; may be {@code dhpreact} itself
   * @param dgain gradient of the gain [H], overwritten
   * @param dbias gradient of the bias [H], overwritten
   */
  public void backward(
      double[] dhpreact, double[] gain, double[] dhprebn, double[] dgain, double[] dbias) {
    Arrays.fill(dgain, 0);
    Columns.sum(dhpreact, n, dbias);
    for (int i = 0; i < n; i++) {
      System.arraycopy(dhpreact, i * H, row, 0, H);
      System.arraycopy(bnraw, i * H, rawRow, 0, H);
      addProducts(row, rawRow, dgain);
    }
    double perMean = constantStatistics ? 0 : 1.0 / n;
    double perVariance = constantStatistics ? 0 : 1.0 / variance.divisor(n);
    for (int j = 0; j < H; j++) {
      scale[j] = gain[j] * bnvarInv[j];
      throughMean[j] = perMean * dbias[j];
      throughVariance[j] = perVariance * dgain[j];
    }
    for (int i = 0; i < n; i++) {
      System.arraycopy(dhpreact, i * H, row, 0, H);
      System.arraycopy(bnraw, i * H, rawRow, 0, H);
      backwardRow(row, rawRow, scale, throughMean, throughVariance);
      System.arraycopy(row, 0, dhprebn, i * H, H);
    }
  }

  private static void addProducts(double[] row, double[] rawRow, double[] sum) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += row[j] * rawRow[j];
    }
  }

  /** Three terms: through bndiff alone, through the mean, through the variance. */
  private static void backwardRow(
      double[] row,
      double[] rawRow,
      double[] scale,
      double[] throughMean,
      double[] throughVariance) {
    for (int j = 0; j < row.length; j++) {
      row[j] = scale[j] * (row[j] - throughMean[j] - rawRow[j] * throughVariance[j]);
    }
  }

  /**
   * Returns the statistics of the last training pass.
   *
   * @return mean and variance of the minibatch's columns
   */
  public final Moments moments() {
    return moments;
  }
}
