package org.backpropninja.bench;

import java.util.function.Supplier;

/**
 * What is measured: each method makes one step, whose result is returned only to keep the compiler
 * from leaving the work out. A side that has no such step refuses.
 */
interface Workloads {

  /** One training step of the character MLP with T = 3 and D = 10. */
  Supplier<?> fit(int n, int H, int V);

  /** The same on names.txt, V = 27, each minibatch drawn at random in the step. */
  default Supplier<?> draw(int n, int H) {
    throw new UnsupportedOperationException("draw");
  }

  /** Batch norm of [n, H], [n, c, t] or [n, c, h, w] in training, forward and backward. */
  default Supplier<?> batchNorm(long... shape) {
    throw new UnsupportedOperationException("batchNorm");
  }

  /** T vectors of size D out of V for each of n examples, forward and backward. */
  default Supplier<?> embedding(int V, int D, int T, int n) {
    throw new UnsupportedOperationException("embedding");
  }

  /** Softmax and cross entropy of [n, V]: the gradient and the score. */
  default Supplier<?> crossEntropy(int V, int n) {
    throw new UnsupportedOperationException("crossEntropy");
  }

  /** A dense layer from [n, I] to [n, H], forward and backward. */
  default Supplier<?> dense(int n, int I, int H) {
    throw new UnsupportedOperationException("dense");
  }
}
