package org.backpropninja.stepwise;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.ops.NDBase;

/** What every chain asks of its arguments, and the one-hot rows that two of them need. */
final class Arrays2d {
  private static final NDBase ND = new NDBase();

  private Arrays2d() {}

  static void requireMatrix(String name, INDArray x) {
    if (x.rank() != 2) {
      throw new IllegalArgumentException("%s %s must be a matrix".formatted(name, shape(x)));
    }
    if (x.dataType() != DataType.FLOAT && x.dataType() != DataType.DOUBLE) {
      throw new IllegalArgumentException(
          "%s (%s) must be FLOAT or DOUBLE".formatted(name, x.dataType()));
    }
  }

  /** A matrix of these sizes and of {@code like}'s data type. */
  static void requireMatrix(String name, INDArray x, long rows, long columns, INDArray like) {
    requireMatrix(name, x);
    if (x.size(0) != rows || x.size(1) != columns) {
      throw new IllegalArgumentException(
          "%s %s must be [%d, %d]".formatted(name, shape(x), rows, columns));
    }
    if (x.dataType() != like.dataType()) {
      throw new IllegalArgumentException(
          "%s (%s) must be %s like the input".formatted(name, x.dataType(), like.dataType()));
    }
  }

  /**
   * A matrix of any numeric type whose elements are the whole numbers 0 to {@code bound} − 1. ND4J
   * itself reads beyond the array for others.
   *
   * @return the same indices as INT
   */
  static INDArray requireIndices(String name, INDArray x, long bound) {
    if (x.rank() != 2) {
      throw new IllegalArgumentException("%s %s must be a matrix".formatted(name, shape(x)));
    }
    double[] values = x.castTo(DataType.DOUBLE).reshape(x.length()).toDoubleVector();
    for (int i = 0; i < values.length; i++) {
      if (!(values[i] >= 0 && values[i] < bound && values[i] == Math.rint(values[i]))) {
        throw new IllegalArgumentException(
            "%s[%d, %d] (%s) must be a whole number from 0 to %d"
                .formatted(name, i / x.size(1), i % x.size(1), values[i], bound - 1));
      }
    }
    return x.castTo(DataType.INT32);
  }

  /** One row for each index, 1 in the index's column and 0 elsewhere. */
  static INDArray oneHot(INDArray indices, long columns, DataType type) {
    return ND.oneHot(indices.reshape(indices.length()), (int) columns, -1, 1, 0, type);
  }

  static String shape(INDArray x) {
    return java.util.Arrays.toString(x.shape());
  }
}
