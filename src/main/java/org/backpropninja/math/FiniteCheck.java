package org.backpropninja.math;

/** Tells whether all of a matrix is finite, at the speed of its other loops. */
public final class FiniteCheck {

  private final Block block;
  private final Block zeros;

  /**
   * Makes the buffers.
   *
   * @param precision the matrix's type, or a wider one
   */
  public FiniteCheck(Precision precision) {
    block = Block.of(precision, 1);
    zeros = Block.of(precision, 1);
  }

  /**
   * Looks at each element: 0·x is 0 only where x is finite.
   *
   * @param x any matrix
   * @param length how many elements
   * @return whether none is infinite or NaN
   */
  public boolean passes(Elements x, int length) {
    zeros.clear();
    for (int k = 0; k < length; k += block.capacity) {
      block.read(x, k, Math.min(block.capacity, length - k));
      zeros.addZeroTimes(block);
    }
    return zeros.isZero();
  }
}
