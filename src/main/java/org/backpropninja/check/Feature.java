package org.backpropninja.check;

/**
 * What a layer may or may not do, declared by {@link LayerConformance#supports} and {@link
 * LayerConformance#refuses}.
 *
 * <p>A layer is expected to do each of them unless it is declared to refuse it; then the check asks
 * for an exception instead. Masks are the exception: a layer that says nothing about them is not
 * checked with any.
 */
public enum Feature {
  /**
   * Masks of examples, steps or pixels. Neither checked nor refused unless declared.
   *
   * <p>In what a mask leaves out the output is 0, the error from above is ignored, the error that
   * is passed down is 0, and the input makes no difference elsewhere. A mask may have holes and be
   * of any type.
   */
  MASKS(false),
  /** A mask that leaves out every example and position of a minibatch. */
  FULLY_MASKED(true),
  /** A training minibatch of one example. */
  SINGLE_EXAMPLE(true),
  /** A backward pass after a forward pass in inference, as a frozen layer has. */
  BACKWARD_AFTER_INFERENCE(true),
  /** A constraint on the parameters. */
  CONSTRAINTS(true),
  /** Dropout on the layer's input. */
  DROPOUT(true),
  /** Weight noise. */
  WEIGHT_NOISE(true),
  /** Being the layer inside a frozen layer. */
  FROZEN(true),
  /** Input that the network's transfer learning has made wider. */
  TRANSFER_LEARNING(true),
  /** A FLOAT network. */
  FLOAT(true);

  private final boolean unlessDeclared;

  Feature(boolean unlessDeclared) {
    this.unlessDeclared = unlessDeclared;
  }

  /** Whether a layer that declares nothing is expected to do this. */
  boolean isExpectedUnlessDeclared() {
    return unlessDeclared;
  }
}
