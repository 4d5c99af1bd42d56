package org.backpropninja.arrays;

import java.lang.ref.Reference;
import java.util.Objects;
import org.backpropninja.math.Elements;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The elements of a matrix that lies dense, row by row, in host memory: read and written there. */
public final class HostElements {

  private HostElements() {}

  /**
   * Tells whether a matrix is one of those: FLOAT or DOUBLE, in 'c' order, perhaps a view.
   *
   * @param x matrix
   * @return whether {@link #of} reaches its memory
   */
  public static boolean reaches(INDArray x) {
    return Crossing.isDense(x, 'c')
        && (Crossing.isInHost(x, DataType.FLOAT) || Crossing.isInHost(x, DataType.DOUBLE));
  }

  /**
   * Makes the elements of a matrix.
   *
   * @param x matrix
   * @return its own elements if this {@link #reaches} it, otherwise those of a copy, to be read
   *     only
   * @throws ArithmeticException if there are more than 2³¹ − 1 of them
   */
  public static Elements of(INDArray x) {
    Math.toIntExact(x.length());
    if (!reaches(x)) {
      return Elements.of(Crossing.read(x));
    }
    return inPlace(x);
  }

  /** Of a matrix, or vector, that this is known to {@linkplain #reaches reach}. */
  static Elements inPlace(INDArray x) {
    return x.dataType() == DataType.FLOAT ? new Floats(x) : new Doubles(x);
  }

  /** Memory has no bounds of its own: a stretch beyond the matrix would be somebody else's. */
  private static void require(INDArray x, int first, int length) {
    Objects.checkFromIndexSize(first, length, x.length());
  }

  /** FLOAT memory. The array is kept, or its memory might be freed under the pointer. */
  private record Floats(INDArray x, FloatPointer memory) implements Elements {

    Floats(INDArray x) {
      this(x, HostMemory.floats(x));
    }

    @Override
    public void read(int first, int length, float[] into) {
      require(x, first, length);
      memory.position(first).get(into, 0, length);
      Reference.reachabilityFence(this);
    }

    @Override
    public void read(int first, int length, double[] into) {
      float[] block = Crossing.FLOATS.get();
      for (int done = 0; done < length; done += Crossing.BLOCK) {
        int some = Math.min(Crossing.BLOCK, length - done);
        read(first + done, some, block);
        for (int k = 0; k < some; k++) {
          into[done + k] = block[k];
        }
      }
    }

    @Override
    public void write(float[] from, int first, int length) {
      require(x, first, length);
      memory.position(first).put(from, 0, length);
      Reference.reachabilityFence(this);
    }

    @Override
    public void write(double[] from, int first, int length) {
      float[] block = Crossing.FLOATS.get();
      for (int done = 0; done < length; done += Crossing.BLOCK) {
        int some = Math.min(Crossing.BLOCK, length - done);
        for (int k = 0; k < some; k++) {
          block[k] = (float) from[done + k];
        }
        write(block, first + done, some);
      }
    }
  }

  /** DOUBLE memory. */
  private record Doubles(INDArray x, DoublePointer memory) implements Elements {

    Doubles(INDArray x) {
      this(x, HostMemory.doubles(x));
    }

    @Override
    public void read(int first, int length, double[] into) {
      require(x, first, length);
      memory.position(first).get(into, 0, length);
      Reference.reachabilityFence(this);
    }

    @Override
    public void read(int first, int length, float[] into) {
      double[] elements = new double[length];
      read(first, length, elements);
      for (int k = 0; k < length; k++) {
        into[k] = (float) elements[k];
      }
    }

    @Override
    public void write(double[] from, int first, int length) {
      require(x, first, length);
      memory.position(first).put(from, 0, length);
      Reference.reachabilityFence(this);
    }

    @Override
    public void write(float[] from, int first, int length) {
      double[] elements = new double[length];
      for (int k = 0; k < length; k++) {
        elements[k] = from[k];
      }
      write(elements, first, length);
    }
  }
}
