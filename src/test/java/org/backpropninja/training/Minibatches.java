package org.backpropninja.training;

import org.backpropninja.random.TorchRandom;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Endless FLOAT minibatches of random contexts [n, T], each with one of its own codes as label. */
final class Minibatches {

  private final TorchRandom random = new TorchRandom(5);
  private final int V;
  private final int T;
  private final int n;

  Minibatches(int V, int T, int n) {
    this.V = V;
    this.T = T;
    this.n = n;
  }

  DataSet next() {
    int[] Xb = random.randint(V, n * T);
    float[] contexts = new float[n * T];
    float[] labels = new float[n];
    for (int k = 0; k < Xb.length; k++) {
      contexts[k] = Xb[k];
      labels[k / T] = Xb[k];
    }
    return new DataSet(
        Nd4j.createFromArray(contexts).reshape(n, T), Nd4j.createFromArray(labels).reshape(n, 1));
  }
}
