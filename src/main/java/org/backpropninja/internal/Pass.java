package org.backpropninja.internal;

/** What a forward pass is for. */
public enum Pass {
  /** A backward pass follows, and the statistics are the minibatch's. */
  TRAINING,
  /** Nothing follows: nothing is kept for a way back. */
  INFERENCE,
  /** Inference again, because a backward pass came after all, as in a frozen layer. */
  INFERENCE_AND_BACK;

  /**
   * Tells whether the pass is a step of training.
   *
   * @return whether the statistics are the minibatch's
   */
  public boolean trains() {
    return this == TRAINING;
  }

  /**
   * Tells whether a backward pass follows.
   *
   * @return whether to keep what it needs
   */
  public boolean keeps() {
    return this != INFERENCE;
  }
}
