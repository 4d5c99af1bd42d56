package org.backpropninja.internal;

import org.backpropninja.math.Matrix;

/**
 * A layer's runtime without DL4J's bookkeeping: what DL4J's networks and CompiledNetwork both
 * drive.
 */
public interface Stage {

  /**
   * Returns the width of the input.
   *
   * @return columns of x
   */
  int inputs();

  /**
   * Returns the width of the result.
   *
   * @return columns of h
   */
  int outputs();

  /**
   * Computes the result.
   *
   * @param x [n, inputs]
   * @param pass what it is for
   * @param h result [n, outputs], overwritten
   */
  void forward(Matrix x, Pass pass, Matrix h);

  /**
   * Computes the gradients, those of the parameters into the network's gradient array.
   *
   * @param dh gradient of the result [n, outputs]
   * @param x as in the forward pass that ran last
   * @param dx gradient of the input [n, inputs], overwritten; null if it is not wanted
   */
  void backward(Matrix dh, Matrix x, Matrix dx);
}
