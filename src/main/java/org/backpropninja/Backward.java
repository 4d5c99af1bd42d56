package org.backpropninja;

/**
 * Which of two independent ways computes a layer or the loss, forward and backward.
 *
 * <p>Both give the same gradients but for rounding; each is the other's second opinion.
 */
public enum Backward {
  /** The closed forms of {@link org.backpropninja.math} on plain arrays; fast. */
  FUSED,
  /**
   * The notebooks' small steps of {@link org.backpropninja.stepwise} in ND4J operations. A layer on
   * an ND4J backend whose memory is not the host's takes this way whatever it is told.
   */
  STEPWISE
}
