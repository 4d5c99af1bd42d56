package org.backpropninja.math;

/** The variance's divisor. */
public enum Variance {
  /** By n − 1, Bessel's correction: the expected value is the variance of the distribution. */
  UNBIASED {
    @Override
    public long divisor(long n) {
      return n - 1;
    }
  },
  /** By n: the variance of the values at hand. */
  BIASED {
    @Override
    public long divisor(long n) {
      return n;
    }
  };

  /**
   * Returns the divisor for {@code n} values.
   *
   * @param n number of values
   * @return n − 1 or n
   */
  public abstract long divisor(long n);
}
