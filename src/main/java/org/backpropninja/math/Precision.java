package org.backpropninja.math;

/**
 * The type that the loops over a matrix's elements compute in. What is one number a column, such as
 * a mean, is computed in double in either.
 */
public enum Precision {
  /** {@code float}. */
  SINGLE,
  /** {@code double}. */
  DOUBLE
}
