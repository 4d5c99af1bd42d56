package org.backpropninja.stepwise;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * The hidden layer's activation, {@code h = tanh(hpreact)}.
 *
 * <p>Source: the notebook "makemore part 4: becoming a backprop ninja", step h.
 *
 * @param h the activations, [n, H]
 */
record TanhSteps(INDArray h) {

  /**
   * Takes the hyperbolic tangent of each element.
   *
   * @param hpreact [n, H], FLOAT or DOUBLE
   * @return the step with its output
   * @throws IllegalArgumentException for another rank or type
   */
  public static TanhSteps forward(INDArray hpreact) {
    Arrays2d.requireMatrix("hpreact", hpreact);
    return new TanhSteps(Transforms.tanh(hpreact));
  }

  /**
   * Goes back through the step: {@code dhpreact = (1 − h²) · dh}.
   *
   * @param dh the loss's gradient with respect to h, [n, H]
   * @return dhpreact, [n, H]
   * @throws IllegalArgumentException for another shape or type than h's
   */
  public INDArray backward(INDArray dh) {
    Arrays2d.requireMatrix("dh", dh, h.rows(), h.columns(), h);
    return h.mul(h).rsubi(1).muli(dh);
  }
}
