package org.backpropninja.internal;

import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What the tests of ND4J's arrays fill them with. */
final class Matrices {

  private Matrices() {}

  /** Whole numbers from 0 to 2047: exact in every type. */
  static double[] wholeNumbers(long[] shape, int seed) {
    return IntStream.range(0, (int) (shape[0] * shape[1]))
        .mapToDouble(k -> (k * 37L + seed * 11L) % 2048)
        .toArray();
  }

  static INDArray matrix(double[] values, DataType type, long... shape) {
    return Nd4j.create(values, shape, 'c').castTo(type);
  }

  static double[] elements(INDArray x) {
    return x.dup('c').data().asDouble();
  }

  static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int k = 0; k < values.length; k++) {
      floats[k] = (float) values[k];
    }
    return floats;
  }
}
