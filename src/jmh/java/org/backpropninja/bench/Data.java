package org.backpropninja.bench;

import java.util.Arrays;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Random inputs, the same ones for both sides. */
final class Data {

  /** So many that a step does not find its minibatch in the cache because it was the last one. */
  private static final int MINIBATCHES = 64;

  private static final int MOST_ELEMENTS = 1 << 24; // all minibatches together

  private Data() {}

  /** Normal numbers. */
  static INDArray normal(long... shape) {
    Random random = new Random(1);
    float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int k = 0; k < values.length; k++) {
      values[k] = (float) random.nextGaussian();
    }
    return Nd4j.create(values, shape, 'c');
  }

  /** A FLOAT matrix [n, T] of whole numbers from 0 to V − 1. */
  static INDArray indices(Random random, int V, int n, int T) {
    float[] values = new float[n * T];
    for (int k = 0; k < values.length; k++) {
      values[k] = random.nextInt(V);
    }
    return Nd4j.create(values, new long[] {n, T}, 'c');
  }

  /** Rows [n, V] that are 1 at the index and 0 elsewhere. */
  static INDArray oneHot(INDArray indices, int V) {
    INDArray rows = Nd4j.zeros(indices.size(0), V);
    for (int i = 0; i < indices.size(0); i++) {
      rows.putScalar(i, indices.getInt(i, 0), 1);
    }
    return rows;
  }

  /**
   * Minibatches of contexts [n, 3] and labels, made of indices [n, 1] as the network wants them.
   */
  static DataSet[] minibatches(int n, int V, Function<INDArray, INDArray> labels) {
    Random random = new Random(2);
    int count = Math.max(2, Math.min(MINIBATCHES, MOST_ELEMENTS / (n * V)));
    return IntStream.range(0, count)
        .mapToObj(
            k ->
                new DataSet(
                    indices(random, V, n, OurWorkloads.T), labels.apply(indices(random, V, n, 1))))
        .toArray(DataSet[]::new);
  }
}
