package org.backpropninja.arrays;

import java.lang.ref.Reference;
import java.util.Arrays;
import org.backpropninja.Backward;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.executioner.OpExecutioner;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Copies matrices and vectors between ND4J arrays of any type, order, stride and offset and
 * row-major {@code double[]}.
 *
 * <p>FLOAT arrays in host memory that are dense in 'c' or 'f' order and DOUBLE ones in 'c' order,
 * views into a larger array included, are copied in bulk without an ND4J operation; all others take
 * one.
 */
public final class Crossing {

  /** Floats on the way: 32 KiB, so that they stay in the first-level cache. */
  static final int BLOCK = 8192;

  /** Per thread, because networks may be trained in several threads at once. */
  static final ThreadLocal<float[]> FLOATS = ThreadLocal.withInitial(() -> new float[BLOCK]);

  private Crossing() {}

  /**
   * Copies an array out.
   *
   * @param x matrix or vector
   * @return its elements, row by row
   */
  public static double[] read(INDArray x) {
    double[] elements = new double[length(x)];
    read(x, elements);
    return elements;
  }

  /**
   * Copies an array out into a buffer.
   *
   * @param x matrix or vector
   * @param into its elements, row by row; may be longer
   */
  public static void read(INDArray x, double[] into) {
    int length = length(x);
    if (HostElements.reaches(x)) {
      HostElements.inPlace(x).read(0, length, into);
    } else if (isDenseInHost(x, DataType.FLOAT)) {
      readColumns(x, into, length);
    } else {
      System.arraycopy(x.dup('c').data().asDouble(), 0, into, 0, length);
    }
    Reference.reachabilityFence(x); // or its memory might be freed under the pointer
  }

  /**
   * Makes an ND4J matrix.
   *
   * @param elements row by row; may be longer
   * @param rows number of rows
   * @param columns number of columns
   * @return a new DOUBLE array [rows, columns], in the current workspace if there is one
   */
  public static INDArray matrix(double[] elements, int rows, int columns) {
    return Nd4j.create(Arrays.copyOf(elements, rows * columns), new long[] {rows, columns}, 'c');
  }

  /**
   * Copies a matrix, whatever its type, order and strides are.
   *
   * @param x matrix
   * @return a new dense DOUBLE array in 'c' order, in the current workspace if there is one
   */
  public static INDArray matrix(INDArray x) {
    return matrix(read(x), rows(x), columns(x));
  }

  /** Of a FLOAT matrix in 'f' order. */
  private static void readColumns(INDArray x, double[] into, int length) {
    FloatPointer from = HostMemory.floats(x);
    float[] block = FLOATS.get();
    for (int done = 0; done < length; done += BLOCK) {
      int some = Math.min(BLOCK, length - done);
      from.getPointer(done).get(block, 0, some);
      spreadColumns(block, some, done, rows(x), columns(x), into);
    }
  }

  /**
   * Puts a stretch of a column-major matrix, from element number {@code done}, where its rows are.
   */
  private static void spreadColumns(
      float[] block, int some, int done, int rows, int columns, double[] into) {
    for (int k = 0; k < some; ) {
      int i = (done + k) % rows;
      int j = (done + k) / rows;
      int end = Math.min(k + rows - i, some); // of this column in this block
      for (int to = i * columns + j; k < end; k++, to += columns) {
        into[to] = block[k];
      }
    }
  }

  /**
   * Copies a buffer into an array.
   *
   * @param from elements, row by row; may be longer
   * @param x matrix or vector that takes them, rounded to its type
   */
  public static void write(double[] from, INDArray x) {
    int length = length(x);
    if (HostElements.reaches(x)) {
      HostElements.inPlace(x).write(from, 0, length);
    } else if (isDenseInHost(x, DataType.FLOAT)) {
      writeColumns(from, x, length);
    } else {
      x.assign(Nd4j.create(Arrays.copyOf(from, length), x.shape(), 'c'));
    }
    Reference.reachabilityFence(x);
  }

  /**
   * Copies a buffer into an array.
   *
   * @param from elements, row by row; may be longer
   * @param x matrix or vector that takes them, rounded to its type
   */
  public static void write(float[] from, INDArray x) {
    int length = length(x);
    if (HostElements.reaches(x)) {
      HostElements.inPlace(x).write(from, 0, length);
    } else {
      x.assign(Nd4j.create(Arrays.copyOf(from, length), x.shape(), 'c'));
    }
  }

  /**
   * Copies a row into every row of a matrix.
   *
   * @param row [H]
   * @param x matrix [n, H] that takes it, rounded to its type
   */
  public static void writeRows(double[] row, INDArray x) {
    int n = rows(x);
    if (!isPlainFloats(x)) {
      double[] rows = new double[n * row.length];
      for (int i = 0; i < n; i++) {
        System.arraycopy(row, 0, rows, i * row.length, row.length);
      }
      write(rows, x);
      return;
    }
    int H = row.length;
    int some = Math.min(n, Math.max(1, BLOCK / H)); // rows at a time
    float[] floats = some * H <= BLOCK ? FLOATS.get() : new float[H];
    for (int j = 0; j < H; j++) {
      floats[j] = (float) row[j];
    }
    for (int i = 1; i < some; i++) {
      System.arraycopy(floats, 0, floats, i * H, H);
    }
    FloatPointer into = HostMemory.floats(x);
    for (int i = 0; i < n; i += some) {
      into.position((long) i * H).put(floats, 0, Math.min(some, n - i) * H);
    }
    Reference.reachabilityFence(x);
  }

  /** Into a FLOAT matrix in 'f' order. */
  private static void writeColumns(double[] from, INDArray x, int length) {
    FloatPointer into = HostMemory.floats(x);
    float[] block = FLOATS.get();
    for (int done = 0; done < length; done += BLOCK) {
      int some = Math.min(BLOCK, length - done);
      gatherColumns(from, some, done, rows(x), columns(x), block);
      into.getPointer(done).put(block, 0, some);
    }
  }

  /** The reverse of {@link #spreadColumns}. */
  private static void gatherColumns(
      double[] from, int some, int done, int rows, int columns, float[] block) {
    for (int k = 0; k < some; ) {
      int i = (done + k) % rows;
      int j = (done + k) / rows;
      int end = Math.min(k + rows - i, some); // of this column in this block
      for (int at = i * columns + j; k < end; k++, at += columns) {
        block[k] = (float) from[at];
      }
    }
  }

  /**
   * Whether the elements stand one after the other in the given order, wherever the first one is.
   */
  static boolean isDense(INDArray x, char order) {
    if (x.rank() == 0) {
      return true;
    }
    if (x.rank() == 1) {
      return x.length() == 1 || x.stride(0) == 1;
    }
    int rows = rows(x);
    int columns = columns(x);
    long rowStride = order == 'c' ? columns : 1;
    long columnStride = order == 'c' ? 1 : rows;
    return (rows == 1 || x.stride(0) == rowStride) && (columns == 1 || x.stride(1) == columnStride);
  }

  private static int rows(INDArray x) {
    return x.rank() == 2 ? (int) x.size(0) : 1;
  }

  private static int columns(INDArray x) {
    return x.rank() == 2 ? (int) x.size(1) : (int) x.length();
  }

  private static int length(INDArray x) {
    if (x.rank() > 2) {
      throw new IllegalArgumentException("x (rank " + x.rank() + ") must be a matrix or a vector");
    }
    return Math.toIntExact(x.length());
  }

  static boolean isInHost(INDArray x, DataType type) {
    return x.dataType() == type && isHostBackend();
  }

  /** Whether the elements can be copied as they lie, row by row, into a {@code float[]}. */
  static boolean isPlainFloats(INDArray x) {
    return isInHost(x, DataType.FLOAT) && isDense(x, 'c');
  }

  /** Whether BLAS, or a loop with one stride a dimension, may work on the array's own memory. */
  static boolean isDenseInHost(INDArray x, DataType type) {
    return isInHost(x, type) && (isDense(x, 'c') || isDense(x, 'f'));
  }

  /**
   * Tells which way to compute.
   *
   * @param configured what the user asked for
   * @return that, but stepwise where ND4J's arrays do not lie in the host's memory
   */
  public static Backward way(Backward configured) {
    return isHostBackend() ? configured : Backward.STEPWISE;
  }

  static boolean isHostBackend() {
    return Nd4j.getExecutioner().type() == OpExecutioner.ExecutionerType.NATIVE_CPU;
  }
}
