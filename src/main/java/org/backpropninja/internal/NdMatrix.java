package org.backpropninja.internal;

import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.util.Objects;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.indexer.DoubleIndexer;
import org.bytedeco.javacpp.indexer.FloatIndexer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.executioner.OpExecutioner;
import org.nd4j.linalg.factory.Nd4j;

/**
 * An ND4J matrix or vector of floats or doubles that lies dense in host memory, perhaps as a view:
 * read, written and multiplied where it is.
 *
 * <p>Memory has no bounds of its own, so each stretch is checked. A vector is a matrix of one row.
 */
public abstract class NdMatrix extends HostMatrix {

  /** ND4J's CPU backend brings OpenBLAS; on another backend its classes need not be there. */
  private static final boolean HAS_OPENBLAS =
      ClassPath.has("org.bytedeco.openblas.global.openblas_nolapack");

  private final boolean rowMajor;

  private NdMatrix(INDArray array, Precision precision) {
    super(array, rows(array), columns(array), precision);
    rowMajor = isDense(array, 'c');
  }

  /**
   * Tells whether an array is one of those.
   *
   * @param x any array
   * @return whether it is a FLOAT or DOUBLE matrix or vector, dense in host memory in 'c' or 'f'
   *     order
   */
  public static boolean reaches(INDArray x) {
    return (x.dataType() == DataType.FLOAT || x.dataType() == DataType.DOUBLE)
        && x.rank() <= 2
        && (isDense(x, 'c') || isDense(x, 'f'))
        && isHostBackend();
  }

  /**
   * Makes the matrix of an array.
   *
   * @param x one that this {@link #reaches}
   * @return its own elements, not a copy
   * @throws IllegalArgumentException if this does not reach it
   */
  public static NdMatrix of(INDArray x) {
    if (!reaches(x)) {
      throw new IllegalArgumentException(
          "x (%s of rank %d) must be a FLOAT or DOUBLE matrix, dense in host memory"
              .formatted(x.dataType(), x.rank()));
    }
    return x.dataType() == DataType.FLOAT ? new Floats(x) : new Doubles(x);
  }

  /**
   * Returns the array.
   *
   * @return the one that this was made of
   */
  public INDArray array() {
    return array;
  }

  boolean isRowMajor() {
    return rowMajor;
  }

  abstract Pointer pointer();

  static boolean isHostBackend() {
    return Nd4j.getExecutioner().type() == OpExecutioner.ExecutionerType.NATIVE_CPU;
  }

  /** Whether the elements stand one after the other in that order, wherever the first one is. */
  static boolean isDense(INDArray x, char order) {
    long dense = 1;
    for (int k = 0; k < x.rank(); k++) {
      int axis = order == 'c' ? x.rank() - 1 - k : k;
      if (x.size(axis) != 1 && x.stride(axis) != dense) {
        return false;
      }
      dense *= x.size(axis);
    }
    return true;
  }

  private static long rows(INDArray x) {
    return x.rank() == 2 ? x.size(0) : 1;
  }

  private static long columns(INDArray x) {
    return x.rank() == 2 ? x.size(1) : x.length();
  }

  /** Where an element is, counted in elements from the first one in memory. */
  final long place(int row, int column) {
    return rowMajor ? (long) row * columns() + column : (long) column * rows() + row;
  }

  final void requireRow(int row) {
    Objects.checkIndex(row, rows());
  }

  /** One call of OpenBLAS on the arrays' own memory; where that is not possible, ND4J's product. */
  @Override
  protected final void multiply(
      Matrix a, boolean transposeA, Matrix b, boolean transposeB, boolean add) {
    if (HAS_OPENBLAS && isAlike(a) && isAlike(b)) {
      OpenBlas.gemm((NdMatrix) a, transposeA, (NdMatrix) b, transposeB, add, this);
      Reference.reachabilityFence(a);
      Reference.reachabilityFence(b);
      Reference.reachabilityFence(this);
      return;
    }
    INDArray left = NdArrays.array(a, array.dataType());
    INDArray right = NdArrays.array(b, array.dataType());
    INDArray product =
        (transposeA ? left.transpose() : left).mmul(transposeB ? right.transpose() : right);
    if (add) {
      array.addi(product);
    } else {
      array.assign(product);
    }
  }

  private boolean isAlike(Matrix other) {
    return other instanceof NdMatrix && other.precision() == precision();
  }

  /** FLOAT memory. */
  private static final class Floats extends NdMatrix {

    /** Accesses from which on a buffer, which takes long to make, is worth its faster copies. */
    private static final int MANY = 16;

    private final FloatPointer memory;
    private int accesses;
    private volatile FloatBuffer buffer; // null until there have been many accesses

    Floats(INDArray x) {
      super(x, Precision.SINGLE);
      memory = HostMemory.floats(x);
    }

    @Override
    Pointer pointer() {
      return memory;
    }

    /** The memory as a buffer, null where it is not worth one or too large for it. */
    private FloatBuffer buffer() {
      if (buffer == null && accesses < MANY && ++accesses == MANY) {
        boolean fits = length() <= Integer.MAX_VALUE / Float.BYTES;
        buffer = fits ? memory.getPointer(0).capacity(length()).asBuffer() : null;
      }
      return buffer;
    }

    private FloatIndexer elements() {
      return FloatIndexer.create(memory.getPointer(0).capacity(length()));
    }

    @Override
    public void read(int first, int length, float[] into) {
      requireStretch(first, length);
      FloatBuffer buffer = buffer();
      if (isRowMajor() && buffer != null) {
        buffer.get(first, into, 0, length);
      } else if (isRowMajor()) {
        memory.getPointer(first).get(into, 0, length);
      } else {
        FloatIndexer elements = elements();
        for (int k = 0; k < length; k++) {
          int element = first + k;
          into[k] = elements.get(place(element / columns(), element % columns()));
        }
      }
      Reference.reachabilityFence(this);
    }

    @Override
    public void read(int first, int length, double[] into) {
      readFloats(first, length, into);
    }

    @Override
    public void write(float[] from, int first, int length) {
      requireStretch(first, length);
      FloatBuffer buffer = buffer();
      if (isRowMajor() && buffer != null) {
        buffer.put(first, from, 0, length);
      } else if (isRowMajor()) {
        memory.getPointer(first).put(from, 0, length);
      } else {
        FloatIndexer elements = elements();
        for (int k = 0; k < length; k++) {
          int element = first + k;
          elements.put(place(element / columns(), element % columns()), from[k]);
        }
      }
      Reference.reachabilityFence(this);
    }

    @Override
    public void write(double[] from, int first, int length) {
      writeFloats(from, first, length);
    }

    @Override
    public void readRows(int[] rows, int count, float[] into) {
      FloatIndexer elements = elements();
      int D = columns();
      long right = isRowMajor() ? 1 : rows();
      for (int i = 0; i < count; i++) {
        requireRow(rows[i]);
        long from = place(rows[i], 0);
        for (int d = 0; d < D; d++) {
          into[i * D + d] = elements.get(from + d * right);
        }
      }
      Reference.reachabilityFence(this);
    }

    @Override
    public void writeRows(double[] from, int[] rows, int count) {
      Pointer.memset(memory, 0, (long) length() * Float.BYTES);
      FloatIndexer elements = elements();
      int D = columns();
      long right = isRowMajor() ? 1 : rows();
      for (int i = 0; i < count; i++) {
        requireRow(rows[i]);
        long to = place(rows[i], 0);
        for (int d = 0; d < D; d++) {
          elements.put(to + d * right, (float) from[i * D + d]);
        }
      }
      Reference.reachabilityFence(this);
    }
  }

  /** DOUBLE memory. */
  private static final class Doubles extends NdMatrix {

    private final DoublePointer memory;

    Doubles(INDArray x) {
      super(x, Precision.DOUBLE);
      memory = HostMemory.doubles(x);
    }

    @Override
    Pointer pointer() {
      return memory;
    }

    private DoubleIndexer elements() {
      return DoubleIndexer.create(memory.getPointer(0).capacity(length()));
    }

    @Override
    public void read(int first, int length, double[] into) {
      requireStretch(first, length);
      if (isRowMajor()) {
        memory.getPointer(first).get(into, 0, length);
      } else {
        DoubleIndexer elements = elements();
        for (int k = 0; k < length; k++) {
          int element = first + k;
          into[k] = elements.get(place(element / columns(), element % columns()));
        }
      }
      Reference.reachabilityFence(this);
    }

    @Override
    public void read(int first, int length, float[] into) {
      readDoubles(first, length, into);
    }

    @Override
    public void write(double[] from, int first, int length) {
      requireStretch(first, length);
      if (isRowMajor()) {
        memory.getPointer(first).put(from, 0, length);
      } else {
        DoubleIndexer elements = elements();
        for (int k = 0; k < length; k++) {
          int element = first + k;
          elements.put(place(element / columns(), element % columns()), from[k]);
        }
      }
      Reference.reachabilityFence(this);
    }

    @Override
    public void write(float[] from, int first, int length) {
      writeDoubles(from, first, length);
    }
  }
}
