package org.backpropninja.math;

import java.util.Arrays;

/**
 * Mean and variance of each column of a matrix that may arrive in blocks of rows.
 *
 * <p>What is summed up is deviations from the mean of a block's first rows and their squares,
 * because {@code Σx² − (Σx)²/n} loses every digit of x = 10⁶ ± 1 (Chan, Golub, LeVeque, "Algorithms
 * for computing the sample variance", 1983, "shifted data"). That mean is one of some of the
 * block's own rows, so it is off by √(n_B / their number) standard deviations at most, and blocks
 * are kept short. They are merged with the parallel formula of the same authors (1979):
 *
 * <pre>
 * δ = mean_B − mean_A
 * mean = mean_A + δ·n_B/n
 * M2 = M2_A + M2_B + δ²·n_A·n_B/n
 * </pre>
 *
 * <p>so the result does not depend on how the rows were cut into blocks, but for rounding.
 */
public final class Moments {

  /** Elements, so many that merging costs little and so few that the shift is a good one. */
  private static final int BLOCK = 1 << 16;

  private final int columns;
  private final double[] mean;
  private final double[] squares; // M2 = Σ (x − mean)²
  private final Block deviations;
  private final Block shifts;
  private final Block deviationSums;
  private final Block squareSums;
  private final double[] blockMean; // the shift until it is known
  private final double[] blockSum; // Σ (x − shift)
  private final double[] blockSquares; // Σ (x − shift)²
  private long n;

  /**
   * Starts with no rows, computing in double.
   *
   * @param columns number of columns, at least 1
   * @throws IllegalArgumentException if {@code columns} is less than 1
   */
  public Moments(int columns) {
    this(columns, Precision.DOUBLE);
  }

  /**
   * Starts with no rows.
   *
   * @param columns number of columns, at least 1
   * @param precision of the loops over elements
   * @throws IllegalArgumentException if {@code columns} is less than 1
   */
  public Moments(int columns, Precision precision) {
    if (columns < 1) {
      throw new IllegalArgumentException("columns (" + columns + ") must be at least 1");
    }
    this.columns = columns;
    mean = new double[columns];
    squares = new double[columns];
    deviations = Block.of(precision, columns);
    shifts = Block.of(precision, columns);
    deviationSums = Block.of(precision, columns);
    squareSums = Block.of(precision, columns);
    blockMean = new double[columns];
    blockSum = new double[columns];
    blockSquares = new double[columns];
  }

  /** Forgets all rows. */
  public void reset() {
    n = 0;
    Arrays.fill(mean, 0);
    Arrays.fill(squares, 0);
  }

  /**
   * Takes in a block of rows.
   *
   * @param x block [rows, columns]
   * @param rows how many
   */
  public void add(Elements x, int rows) {
    int most = Math.max(1, BLOCK / columns);
    for (int first = 0; first < rows; first += most) {
      int some = Math.min(most, rows - first);
      measure(x, first, some);
      merge(some);
    }
  }

  private void measure(Elements x, int first, int rows) {
    deviationSums.clear(); // a pass that failed may have left something
    squareSums.clear();
    int some = Block.rows(columns);
    deviations.read(x, first, Math.min(some, rows));
    deviationSums.add(deviations);
    Arrays.fill(blockMean, 0);
    deviationSums.moveInto(blockMean);
    for (int j = 0; j < columns; j++) {
      blockMean[j] /= Math.min(some, rows);
    }
    shifts.repeat(blockMean);
    Arrays.fill(blockSum, 0);
    Arrays.fill(blockSquares, 0);
    for (int i = first; i < first + rows; i += some) {
      deviations.read(x, i, Math.min(some, first + rows - i));
      deviations.subtract(shifts);
      deviationSums.add(deviations);
      squareSums.addProduct(deviations, deviations);
    }
    deviationSums.moveInto(blockSum);
    squareSums.moveInto(blockSquares);
    for (int j = 0; j < columns; j++) {
      blockSquares[j] -= blockSum[j] * blockSum[j] / rows;
      blockMean[j] = shifts.rounded(blockMean[j]) + blockSum[j] / rows;
    }
  }

  private void merge(int rows) {
    long before = n;
    n += rows;
    double share = (double) rows / n;
    for (int j = 0; j < columns; j++) {
      double delta = blockMean[j] - mean[j];
      mean[j] += delta * share;
      squares[j] += blockSquares[j] + delta * delta * before * share;
    }
  }

  /**
   * Returns the number of rows taken in.
   *
   * @return rows since the last {@link #reset}
   */
  public long count() {
    return n;
  }

  /**
   * Returns the mean of a column.
   *
   * @param column from 0
   * @return Σx / n, or 0 before the first row
   */
  public double mean(int column) {
    return mean[column];
  }

  /**
   * Returns the variance of a column.
   *
   * @param column from 0
   * @param convention the divisor, n − 1 or n
   * @return Σ(x − mean)² divided by it; NaN if the divisor is 0
   */
  public double variance(int column, Variance convention) {
    return squares[column] / convention.divisor(n);
  }
}
