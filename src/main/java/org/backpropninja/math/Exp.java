package org.backpropninja.math;

/**
 * The exponential of numbers that are not positive, as softmax wants it.
 *
 * <p>{@code Math.exp} goes one number at a time. Here x = k·ln 2 + r with a whole k and |r| ≤ ln 2
 * / 2, so that eˣ = 2ᵏ·eʳ, and eʳ is Taylor's polynomial of degree 13, whose remainder is less than
 * 5·10⁻¹⁸. All but the factor 2ᵏ are loops that the JIT compiler turns into vector instructions.
 */
final class Exp {

  /** Elements at a time, see {@link Tanh}. */
  private static final int BLOCK = 448;

  /** Here k is −1023, for which 2ᵏ comes out as 0, and so it is from about −708.7 on down. */
  private static final double SMALLEST = -709.1;

  /** ln 2 = HIGH + LOW, and k·HIGH is exact: HIGH ends with zeros. */
  private static final double HIGH = 0x1.62e42feep-1;

  private static final double LOW = 0x1.a39ef35793c76p-33;

  /**
   * Added to a number of less than 2⁵¹ it leaves a double whose lowest bits are the number, rounded
   * to a whole one, and here plus 1023, as in the exponent of a double.
   */
  private static final double WHOLE = 0x1.8p52 + 1023;

  private final double[] r = new double[BLOCK];
  private final double[] k = new double[BLOCK]; // + WHOLE

  /** Replaces x by eˣ; within 3·10⁻¹⁶ of it, relatively, where that is a normal number. */
  void inPlace(double[] x, int length) {
    for (int from = 0; from < length; from += BLOCK) {
      int some = Math.min(BLOCK, length - from);
      System.arraycopy(x, from, r, 0, some);
      reduce(r, k, some);
      taylor(r, some);
      for (int i = 0; i < some; i++) {
        x[from + i] = r[i] * Double.longBitsToDouble(Double.doubleToRawLongBits(k[i]) << 52);
      }
    }
  }

  private static void reduce(double[] r, double[] k, int length) {
    for (int i = 0; i < length; i++) {
      double x = Math.max(SMALLEST, r[i]);
      k[i] = x * (1 / 0.6931471805599453) + WHOLE;
      double whole = k[i] - WHOLE;
      r[i] = (x - whole * HIGH) - whole * LOW;
    }
  }

  private static void taylor(double[] r, int length) {
    for (int i = 0; i < length; i++) {
      double x = r[i];
      double p = 1 / 479001600.0 + x * (1 / 6227020800.0);
      p = 1 / 3628800.0 + x * (1 / 39916800.0 + x * p);
      p = 1 / 40320.0 + x * (1 / 362880.0 + x * p);
      p = 1 / 720.0 + x * (1 / 5040.0 + x * p);
      p = 1 / 24.0 + x * (1 / 120.0 + x * p);
      r[i] = 1 + x * (1 + x * (1 / 2.0 + x * (1 / 6.0 + x * p)));
    }
  }
}
