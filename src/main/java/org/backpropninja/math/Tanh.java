package org.backpropninja.math;

/**
 * The hyperbolic tangent, element by element.
 *
 * <pre>h = tanh(hpreact)</pre>
 *
 * <p>Source: makemore part 4.
 */
public final class Tanh {

  private Tanh() {}

  /**
   * Replaces {@code hpreact} by its hyperbolic tangent.
   *
   * @param h hpreact, then h
   * @param length number of elements
   */
  public static void forwardInPlace(double[] h, int length) {
    for (int k = 0; k < length; k++) {
      h[k] = Math.tanh(h[k]);
    }
  }

  /**
   * Replaces {@code dh} by {@code dhpreact = (1 − h²)·dh}.
   *
   * @param h what {@link #forwardInPlace} gave
   * @param dh dh, then dhpreact
   * @param length number of elements
   */
  public static void backwardInPlace(double[] h, double[] dh, int length) {
    for (int k = 0; k < length; k++) {
      dh[k] *= 1 - h[k] * h[k];
    }
  }
}
