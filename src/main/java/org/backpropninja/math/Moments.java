package org.backpropninja.math;

/**
 * Mean and spread of the columns of a matrix.
 *
 * @param n rows
 * @param mean Σx / n of each column
 * @param squares Σ (x − mean)² of each column
 */
public record Moments(long n, double[] mean, double[] squares) {

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
}
