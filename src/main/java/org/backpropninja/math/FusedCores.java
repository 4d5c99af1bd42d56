package org.backpropninja.math;

/**
 * The closed forms.
 *
 * @param precision of the loops over elements
 */
public record FusedCores(Precision precision) implements Cores {

  @Override
  public Cores.Embedding embedding(int D) {
    return new org.backpropninja.math.Embedding(D, precision);
  }

  @Override
  public Cores.Dense dense(int H, Activation activation) {
    return new org.backpropninja.math.Dense(H, activation, precision);
  }

  @Override
  public Cores.BatchNorm batchNorm(int H, double epsilon, Activation activation) {
    return new org.backpropninja.math.BatchNorm(H, epsilon, activation, precision);
  }

  @Override
  public Cores.CrossEntropy crossEntropy(int V) {
    return new org.backpropninja.math.CrossEntropy(V, precision);
  }
}
