package org.backpropninja.math;

/**
 * The exponential of numbers that are not positive, as softmax wants it.
 *
 * <p>{@code Math.exp} goes one number at a time. Here x = k·ln 2 + r with a whole k and |r| ≤ ln 2
 * / 2, so that eˣ = 2ᵏ·eʳ, and eʳ is Taylor's polynomial: of degree 13 in double, whose remainder
 * is less than 5·10⁻¹⁸, and of degree 7 in float, where it is less than 6·10⁻⁹. All but the factor
 * 2ᵏ are loops that the JIT compiler turns into vector instructions.
 */
final class Exp {

  /** Elements at a time, see {@link Tanh}. */
  private static final int BLOCK = 448;

  /** Here k is −1023, for which 2ᵏ comes out as 0, and so it is from about −708.7 on down. */
  private static final double SMALLEST = -709.1;

  /** The same for k = −127, from about −87.7 on down. */
  private static final float SMALLEST_FLOAT = -88;

  /** ln 2 = HIGH + LOW, and k·HIGH is exact: HIGH ends with zeros. */
  private static final double HIGH = 0x1.62e42feep-1;

  private static final double LOW = 0x1.a39ef35793c76p-33;

  private static final float HIGH_FLOAT = 0x1.63p-1f;

  private static final float LOW_FLOAT = -0x1.bd0106p-13f;

  /**
   * Added to a number of less than 2⁵¹ it leaves a double whose lowest bits are the number, rounded
   * to a whole one, and here plus 1023, as in the exponent of a double.
   */
  private static final double WHOLE = 0x1.8p52 + 1023;

  /** The same for floats and numbers of less than 2²². */
  private static final float WHOLE_FLOAT = 0x1.8p23f + 127;

  private double[] r = {};
  private double[] k = {}; // + WHOLE
  private float[] rFloat = {};
  private float[] kFloat = {}; // + WHOLE_FLOAT

  /** y = eˣ, within 3·10⁻¹⁶ of it, relatively, where that is a normal number. */
  void of(double[] x, double[] y, int length) {
    if (r.length == 0) {
      r = new double[BLOCK];
      k = new double[BLOCK];
    }
    for (int from = 0; from < length; from += BLOCK) {
      int some = Math.min(BLOCK, length - from);
      System.arraycopy(x, from, r, 0, some);
      reduce(r, k, some);
      taylor(r, some);
      for (int i = 0; i < some; i++) {
        y[from + i] = r[i] * Double.longBitsToDouble(Double.doubleToRawLongBits(k[i]) << 52);
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

  /** y = eˣ, within 2·10⁻⁷ of it, relatively, where that is a normal number. */
  void of(float[] x, float[] y, int length) {
    if (rFloat.length == 0) {
      rFloat = new float[BLOCK];
      kFloat = new float[BLOCK];
    }
    for (int from = 0; from < length; from += BLOCK) {
      int some = Math.min(BLOCK, length - from);
      System.arraycopy(x, from, rFloat, 0, some);
      reduce(rFloat, kFloat, some);
      taylor(rFloat, some);
      for (int i = 0; i < some; i++) {
        y[from + i] = rFloat[i] * Float.intBitsToFloat(Float.floatToRawIntBits(kFloat[i]) << 23);
      }
    }
  }

  private static void reduce(float[] r, float[] k, int length) {
    for (int i = 0; i < length; i++) {
      float x = Math.max(SMALLEST_FLOAT, r[i]);
      k[i] = x * (float) (1 / 0.6931471805599453) + WHOLE_FLOAT;
      float whole = k[i] - WHOLE_FLOAT;
      r[i] = (x - whole * HIGH_FLOAT) - whole * LOW_FLOAT;
    }
  }

  private static void taylor(float[] r, int length) {
    for (int i = 0; i < length; i++) {
      float x = r[i];
      float p = 1 / 720f + x * (1 / 5040f);
      p = 1 / 24f + x * (1 / 120f + x * p);
      r[i] = 1 + x * (1 + x * (1 / 2f + x * (1 / 6f + x * p)));
    }
  }
}
