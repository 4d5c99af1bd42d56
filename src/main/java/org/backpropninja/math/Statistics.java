package org.backpropninja.math;

/**
 * The means and variances that batch norm normalises by, and how far they depend on its input.
 *
 * @param mean of each column [H]
 * @param variance of each column [H]
 * @param n rows that the mean was taken of; 0 if the statistics are constants, as in inference
 * @param divisor of the variance: n − 1 or n; 0 if they are constants
 */
public record Statistics(double[] mean, double[] variance, long n, long divisor) {

  /**
   * Makes constant statistics, as in inference.
   *
   * @param mean of each column [H]
   * @param variance of each column [H]
   * @return statistics without a gradient
   */
  public static Statistics constant(double[] mean, double[] variance) {
    return new Statistics(mean, variance, 0, 0);
  }

  /** Whether the way back goes through mean and variance too. */
  boolean areOfTheInput() {
    return n > 0;
  }
}
