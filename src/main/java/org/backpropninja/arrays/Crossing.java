package org.backpropninja.arrays;

import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
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
  private static final int BLOCK = 8192;

  /** Per thread, because networks may be trained in several threads at once. */
  private static final ThreadLocal<float[]> FLOATS =
      ThreadLocal.withInitial(() -> new float[BLOCK]);

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
    boolean rowMajor = isDense(x, 'c');
    if (isInHost(x, DataType.FLOAT) && (rowMajor || isDense(x, 'f'))) {
      readFloats(x, rowMajor, into, length);
    } else if (isInHost(x, DataType.DOUBLE) && rowMajor) {
      new DoublePointer(x.data().addressPointer()).get(into, 0, length);
    } else {
      System.arraycopy(x.dup('c').data().asDouble(), 0, into, 0, length);
    }
  }

  private static void readFloats(INDArray x, boolean rowMajor, double[] into, int length) {
    float[] block = FLOATS.get();
    FloatPointer from = new FloatPointer(x.data().addressPointer());
    int step = rowMajor ? 1 : columns(x);
    int wrap = rowMajor ? 0 : step * rows(x) - 1;
    int to = 0;
    for (int done = 0; done < length; done += BLOCK) {
      int some = Math.min(BLOCK, length - done);
      from.getPointer(done).get(block, 0, some);
      for (int k = 0; k < some; k++) {
        into[to] = block[k];
        to += step;
        if (to >= length && wrap > 0) {
          to -= wrap; // top of the next column
        }
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
    boolean rowMajor = isDense(x, 'c');
    if (isInHost(x, DataType.FLOAT) && (rowMajor || isDense(x, 'f'))) {
      writeFloats(from, x, rowMajor, length);
    } else if (isInHost(x, DataType.DOUBLE) && rowMajor) {
      new DoublePointer(x.data().addressPointer()).put(from, 0, length);
    } else {
      x.assign(Nd4j.create(Arrays.copyOf(from, length), x.shape(), 'c'));
    }
  }

  private static void writeFloats(double[] from, INDArray x, boolean rowMajor, int length) {
    float[] block = FLOATS.get();
    FloatPointer into = new FloatPointer(x.data().addressPointer());
    int step = rowMajor ? 1 : columns(x);
    int wrap = rowMajor ? 0 : step * rows(x) - 1;
    int at = 0;
    for (int done = 0; done < length; done += BLOCK) {
      int some = Math.min(BLOCK, length - done);
      for (int k = 0; k < some; k++) {
        block[k] = (float) from[at];
        at += step;
        if (at >= length && wrap > 0) {
          at -= wrap; // top of the next column
        }
      }
      into.getPointer(done).put(block, 0, some);
    }
  }

  /**
   * Whether the elements stand one after the other in the given order, wherever the first one is.
   */
  private static boolean isDense(INDArray x, char order) {
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

  private static boolean isInHost(INDArray x, DataType type) {
    return x.dataType() == type
        && Nd4j.getExecutioner().type() == OpExecutioner.ExecutionerType.NATIVE_CPU;
  }
}
