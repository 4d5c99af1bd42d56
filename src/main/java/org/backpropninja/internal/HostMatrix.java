package org.backpropninja.internal;

import java.util.Objects;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A matrix in an ND4J array's own memory, which has no bounds, so that each stretch is checked. */
abstract class HostMatrix extends Matrix {

  /** Held, or its memory might be freed under the pointer. */
  final INDArray array;

  HostMatrix(INDArray array, long rows, long columns, Precision precision) {
    super(rows, columns, precision);
    this.array = array;
  }

  final void requireStretch(int first, int length) {
    Objects.checkFromIndexSize(first, length, length());
  }

  @Override
  public final Matrix another(int rows, int columns) {
    INDArray[] made = new INDArray[1];
    Workspaces.outside(() -> made[0] = NewMatrix.of(array.dataType(), rows, columns));
    return NdMatrix.of(made[0]);
  }

  // Stretches of the other type, by way of this one's

  final void readFloats(int first, int length, double[] into) {
    requireStretch(first, length);
    float[] floats = new float[length];
    read(first, length, floats);
    for (int k = 0; k < length; k++) {
      into[k] = floats[k];
    }
  }

  final void writeFloats(double[] from, int first, int length) {
    requireStretch(first, length);
    float[] floats = new float[length];
    for (int k = 0; k < length; k++) {
      floats[k] = (float) from[k];
    }
    write(floats, first, length);
  }

  final void readDoubles(int first, int length, float[] into) {
    requireStretch(first, length);
    double[] doubles = new double[length];
    read(first, length, doubles);
    for (int k = 0; k < length; k++) {
      into[k] = (float) doubles[k];
    }
  }

  final void writeDoubles(float[] from, int first, int length) {
    requireStretch(first, length);
    double[] doubles = new double[length];
    for (int k = 0; k < length; k++) {
      doubles[k] = from[k];
    }
    write(doubles, first, length);
  }
}
