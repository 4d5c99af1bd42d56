package org.backpropninja.math;

import java.util.Arrays;

/**
 * Mean and variance of each column of a matrix that may arrive in blocks of rows.
 *
 * <p>A block is taken in two passes, the mean first and then the squared deviations from it,
 * because {@code Σx² − (Σx)²/n} loses every digit of x = 10⁶ ± 1. The second pass also sums the
 * deviations themselves, which removes the rounding of the mean (Chan, Golub, LeVeque, "Algorithms
 * for computing the sample variance", 1983, formula 1.7). Blocks are merged with the parallel
 * formula of the same authors (1979):
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

  private final int columns;
  private final double[] mean;
  private final double[] squares; // M2 = Σ (x − mean)²
  private final double[] row; // see package-info: why rows are copied out
  private final double[] blockMean;
  private final double[] blockSum; // Σ (x − blockMean), zero but for rounding
  private final double[] blockSquares;
  private long n;

  /**
   * Starts with no rows.
   *
   * @param columns number of columns, at least 1
   * @throws IllegalArgumentException if {@code columns} is less than 1
   */
  public Moments(int columns) {
    if (columns < 1) {
      throw new IllegalArgumentException("columns (" + columns + ") must be at least 1");
    }
    this.columns = columns;
    mean = new double[columns];
    squares = new double[columns];
    row = new double[columns];
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
  public void add(double[] x, int rows) {
    if (rows == 0) {
      return;
    }
    measure(x, rows);
    merge(rows);
  }

  private void measure(double[] x, int rows) {
    Columns.sum(x, rows, blockMean);
    for (int j = 0; j < columns; j++) {
      blockMean[j] /= rows;
    }
    Arrays.fill(blockSum, 0);
    Arrays.fill(blockSquares, 0);
    for (int i = 0; i < rows; i++) {
      System.arraycopy(x, i * columns, row, 0, columns);
      addDeviations(row, blockMean, blockSum, blockSquares);
    }
    for (int j = 0; j < columns; j++) {
      blockSquares[j] -= blockSum[j] * blockSum[j] / rows;
      blockMean[j] += blockSum[j] / rows;
    }
  }

  private static void addDeviations(double[] row, double[] mean, double[] sum, double[] squares) {
    for (int j = 0; j < sum.length; j++) {
      double deviation = row[j] - mean[j];
      sum[j] += deviation;
      squares[j] += deviation * deviation;
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
