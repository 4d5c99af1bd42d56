package org.backpropninja.math;

import java.io.Serializable;

/**
 * Mean and spread of the columns of a matrix.
 *
 * <p>Moments of parts of the rows, measured apart, {@link #merge} to those of all of them.
 *
 * @param n rows
 * @param mean Σx / n of each column
 * @param squares Σ (x − mean)² of each column
 */
public record Moments(long n, double[] mean, double[] squares) implements Serializable {

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

  /**
   * Returns what batch norm normalises these rows by.
   *
   * @param convention the variance's divisor, n − 1 or n
   * @return means and variances of all columns
   * @throws IllegalStateException if the rows are too few for the variance to have a value
   */
  public Statistics statistics(Variance convention) {
    long divisor = convention.divisor(n);
    if (divisor < 1) {
      throw new IllegalStateException(
          "n (%d) is too small: the %s variance of so few rows has no value"
              .formatted(n, convention));
    }
    double[] variances = new double[mean.length];
    for (int j = 0; j < mean.length; j++) {
      variances[j] = squares[j] / divisor;
    }
    return new Statistics(mean, variances, n, divisor);
  }

  /**
   * Returns the moments of these rows and others together.
   *
   * <pre>
   * δ = mean_B − mean_A
   * mean = mean_A + δ·n_B/n
   * M2 = M2_A + M2_B + δ²·n_A·n_B/n
   * </pre>
   *
   * <p>Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing
   * sample variances", 1979.
   *
   * @param others of as many columns
   * @return new moments, which do not depend on how the rows were cut, but for rounding
   * @throws IllegalArgumentException if the numbers of columns differ
   */
  public Moments merge(Moments others) {
    if (others.mean.length != mean.length) {
      throw new IllegalArgumentException(
          "others (of %d columns) must be of %d columns, as these are"
              .formatted(others.mean.length, mean.length));
    }
    Moments all = new Moments(n + others.n, mean.clone(), squares.clone());
    merge(all.mean, all.squares, n, others.mean, others.squares, others.n);
    return all;
  }

  /** Merges rows B into A's mean and squares, in place. */
  static void merge(
      double[] mean, double[] squares, long n, double[] meanB, double[] squaresB, long nB) {
    if (nB == 0) {
      return;
    }
    double share = (double) nB / (n + nB);
    for (int j = 0; j < mean.length; j++) {
      double delta = meanB[j] - mean[j];
      mean[j] += delta * share;
      squares[j] += squaresB[j] + delta * delta * n * share;
    }
  }
}
