package org.backpropninja.arrays;

import java.lang.ref.Reference;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.indexer.FloatIndexer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Some rows of a large ND4J matrix, without touching the others.
 *
 * <p>FLOAT matrices that are dense in host memory take the time of the rows; all others are copied
 * whole.
 */
public final class RowsOfMatrix {

  private RowsOfMatrix() {}

  /**
   * Copies rows out.
   *
   * @param matrix [V, D]
   * @param rows which rows
   * @param count how many of {@code rows} are used
   * @param into the rows one after the other, [count, D]
   */
  public static void read(INDArray matrix, int[] rows, int count, double[] into) {
    int D = (int) matrix.size(1);
    if (!Crossing.isDenseInHost(matrix, DataType.FLOAT)) {
      double[] all = Crossing.read(matrix);
      for (int k = 0; k < count; k++) {
        System.arraycopy(all, rows[k] * D, into, k * D, D);
      }
      return;
    }
    FloatIndexer elements = elements(matrix);
    long down = matrix.stride(0);
    long right = matrix.stride(1);
    for (int k = 0; k < count; k++) {
      for (int d = 0; d < D; d++) {
        into[k * D + d] = elements.get(rows[k] * down + d * right);
      }
    }
    Reference.reachabilityFence(matrix);
  }

  /**
   * Writes rows, and zeros everywhere else.
   *
   * @param from the rows one after the other, [count, D]
   * @param rows where they go, none twice
   * @param count how many of {@code rows} are used
   * @param matrix [V, D]
   */
  public static void write(double[] from, int[] rows, int count, INDArray matrix) {
    int D = (int) matrix.size(1);
    if (!Crossing.isDenseInHost(matrix, DataType.FLOAT)) {
      double[] all = new double[(int) matrix.length()];
      for (int k = 0; k < count; k++) {
        System.arraycopy(from, k * D, all, rows[k] * D, D);
      }
      Crossing.write(all, matrix);
      return;
    }
    Pointer.memset(HostMemory.floats(matrix), 0, matrix.length() * Float.BYTES);
    FloatIndexer elements = elements(matrix);
    long down = matrix.stride(0);
    long right = matrix.stride(1);
    for (int k = 0; k < count; k++) {
      for (int d = 0; d < D; d++) {
        elements.put(rows[k] * down + d * right, (float) from[k * D + d]);
      }
    }
    Reference.reachabilityFence(matrix);
  }

  private static FloatIndexer elements(INDArray matrix) {
    FloatPointer first = HostMemory.floats(matrix);
    return FloatIndexer.create(first.capacity(matrix.length()));
  }
}
