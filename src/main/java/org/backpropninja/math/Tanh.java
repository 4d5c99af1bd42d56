package org.backpropninja.math;

/**
 * The hyperbolic tangent, element by element.
 *
 * <pre>h = tanh(hpreact)</pre>
 *
 * <p>Source: makemore part 4. {@code Math.tanh} took more time than all of a step's matrix
 * products, so it is computed here in loops without branches, short enough for the JIT compiler to
 * turn them into vector instructions. It is odd and never beyond ±1.
 */
final class Tanh {

  /**
   * From here on the tangent is 1 in double precision; 20/32 is where the fraction is still exact.
   */
  private static final double LARGEST = 20;

  /** 9.1², from where on the tangent is 1 in single precision. */
  private static final float LARGEST_SQUARE = 82.81f;

  /**
   * Elements at a time, so that p and q stay in the first-level cache; not 512, which would put
   * them 4 KiB apart, where the processor takes a load of one for a load of what it has just stored
   * to the other.
   */
  private static final int BLOCK = 448;

  private Tanh() {}

  /**
   * Replaces {@code hpreact} by its hyperbolic tangent, within 2·10⁻¹⁵ of the exact value,
   * relatively.
   *
   * <p>Lambert's continued fraction for tanh(x/32), then five times tanh 2x = 2·tanh x / (1 + tanh²
   * x), numerator p and denominator q kept apart so that one division is left.
   *
   * @param h hpreact, then h
   * @param length number of elements
   */
  public static void forwardInPlace(double[] h, int length) {
    double[] p = new double[BLOCK];
    double[] q = new double[BLOCK];
    for (int from = 0; from < length; from += BLOCK) {
      int some = Math.min(BLOCK, length - from);
      System.arraycopy(h, from, p, 0, some);
      clamp(p, some);
      fraction(p, q, some);
      fourfoldAngle(p, q, some);
      fourfoldAngle(p, q, some);
      lastDoubling(p, q, some);
      System.arraycopy(p, 0, h, from, some);
    }
  }

  private static void clamp(double[] p, int length) {
    for (int k = 0; k < length; k++) {
      p[k] = Math.max(-LARGEST, Math.min(LARGEST, p[k])) / 32;
    }
  }

  /** p = 2·(p/q) / (1 + (p/q)²), which rounding might take beyond 1. */
  private static void lastDoubling(double[] p, double[] q, int length) {
    for (int k = 0; k < length; k++) {
      double tanh = 2 * p[k] * q[k] / (q[k] * q[k] + p[k] * p[k]);
      p[k] = Math.max(-1, Math.min(1, tanh));
    }
  }

  /** p/q = x/(1 + x²/(3 + x²/(5 + … + x²/13))) for x in p, q near 1. */
  private static void fraction(double[] p, double[] q, int length) {
    for (int k = 0; k < length; k++) {
      double x = p[k];
      double x2 = x * x;
      p[k] = x * (1 + x2 * (17325 / 135135.0 + x2 * (378 / 135135.0 + x2 * (1 / 135135.0))));
      q[k] = 1 + x2 * (62370 / 135135.0 + x2 * (3150 / 135135.0 + x2 * (28 / 135135.0)));
    }
  }

  /** Doubles the angle twice. */
  private static void fourfoldAngle(double[] p, double[] q, int length) {
    for (int k = 0; k < length; k++) {
      double twiceP = 2 * p[k] * q[k];
      double twiceQ = q[k] * q[k] + p[k] * p[k];
      p[k] = 2 * twiceP * twiceQ;
      q[k] = twiceQ * twiceQ + twiceP * twiceP;
    }
  }

  /**
   * Replaces {@code dh} by {@code dhpreact = (1 − h²)·dh}.
   *
   * @param h what {@link #forwardInPlace(double[], int)} gave
   * @param dh dh, then dhpreact
   * @param length number of elements
   */
  public static void backwardInPlace(double[] h, double[] dh, int length) {
    for (int k = 0; k < length; k++) {
      dh[k] = (1 - h[k] * h[k]) * dh[k];
    }
  }

  /**
   * Replaces {@code hpreact} by its hyperbolic tangent, within 4·10⁻⁷ of the exact value,
   * relatively.
   *
   * <p>A quotient of two polynomials, x·P(x²)/Q(x²), that is off by 2.3·10⁻⁸ at most; the rest is
   * rounding. Its coefficients are those of the least largest relative error on |x| ≤ 9.1, found by
   * Lawson's reweighted least squares on Chebyshev points (Lawson, 1961).
   *
   * @param h hpreact, then h
   * @param length number of elements
   */
  public static void forwardInPlace(float[] h, int length) {
    quotient(h, length);
    clamp(h, length);
  }

  private static void clamp(float[] h, int length) {
    for (int k = 0; k < length; k++) {
      h[k] = Math.max(-1f, Math.min(1f, h[k]));
    }
  }

  /** Beyond ±9.1 it is x/9.1. */
  private static void quotient(float[] h, int length) {
    for (int k = 0; k < length; k++) {
      float x = h[k];
      float u = Math.min(LARGEST_SQUARE, x * x);
      float p = 2.048120225e-05f + u * 1.317754327e-08f;
      float q = 3.272921740e-04f + u * 7.704054831e-07f;
      p = 9.999999772e-01f + u * (1.337447598e-01f + u * (3.487811998e-03f + u * p));
      q = 1 + u * (4.670778976e-01f + u * (2.584739218e-02f + u * q));
      h[k] = x * p / q;
    }
  }

  /**
   * Replaces {@code dh} by {@code dhpreact = (1 − h²)·dh}.
   *
   * @param h what {@link #forwardInPlace(float[], int)} gave
   * @param dh dh, then dhpreact
   * @param length number of elements
   */
  public static void backwardInPlace(float[] h, float[] dh, int length) {
    for (int k = 0; k < length; k++) {
      dh[k] = (1 - h[k] * h[k]) * dh[k];
    }
  }
}
