package org.backpropninja.internal;

import java.lang.ref.Reference;
import java.util.Objects;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.indexer.DoubleIndexer;
import org.bytedeco.javacpp.indexer.FloatIndexer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * An ND4J array of sequences, images or volumes in host memory as a matrix: a row for each example
 * and position, a column for each channel, read and written where it is.
 *
 * <p>Between neighbours there may be any distance, the same for all examples, positions and
 * channels. No transposed copy is made: a stretch of rows is gathered on its way to the loops,
 * which keep it in the cache.
 */
abstract class NdChannels extends Matrix {

  private final INDArray array; // held, or its memory might be freed under the pointer
  private final int positions;
  private final long exampleStride;
  private final long positionStride;
  private final long channelStride;

  private NdChannels(INDArray x, int axis, Precision precision) {
    super(x.length() / x.size(axis), x.size(axis), precision);
    array = x;
    positions = (int) (x.length() / x.size(axis) / x.size(0));
    exampleStride = x.stride(0);
    positionStride = positionStride(x, axis);
    channelStride = x.stride(axis);
  }

  /** Whether an array is FLOAT or DOUBLE, in host memory and its positions at equal distances. */
  static boolean reaches(INDArray x, int axis) {
    return (x.dataType() == DataType.FLOAT || x.dataType() == DataType.DOUBLE)
        && positionStride(x, axis) >= 0
        && NdMatrix.isHostBackend();
  }

  static NdChannels of(INDArray x, int axis) {
    return x.dataType() == DataType.FLOAT ? new Floats(x, axis) : new Doubles(x, axis);
  }

  /** Whether the elements of an array of any rank stand one after the other in 'c' order. */
  static boolean isRowMajor(INDArray x) {
    long dense = 1;
    for (int k = x.rank() - 1; k >= 0; k--) {
      if (x.size(k) != 1 && x.stride(k) != dense) {
        return false;
      }
      dense *= x.size(k);
    }
    return true;
  }

  /** The distance from one position to the next; negative if it is not the same for all. */
  private static long positionStride(INDArray x, int axis) {
    long first = 0; // of all positions, those of axes of one left out
    long expected = -1; // of the next axis outwards
    for (int k = x.rank() - 1; k > 0; k--) {
      if (k == axis || x.size(k) == 1) {
        continue;
      }
      if (expected < 0) {
        first = x.stride(k);
      } else if (x.stride(k) != expected) {
        return -1;
      }
      expected = x.stride(k) * x.size(k);
    }
    return first;
  }

  /** Elements from the first to the last one. */
  final long extent() {
    return 1
        + (array.size(0) - 1) * exampleStride
        + (positions - 1) * positionStride
        + (columns() - 1) * channelStride;
  }

  @Override
  public final Matrix another(int rows, int columns) {
    INDArray[] made = new INDArray[1];
    Workspaces.outside(() -> made[0] = NewMatrix.of(array.dataType(), rows, columns));
    return NdMatrix.of(made[0]);
  }

  /** BLAS needs its matrices in one piece. */
  @Override
  protected final void multiply(
      Matrix a, boolean transposeA, Matrix b, boolean transposeB, boolean add) {
    Matrix dense = another(rows(), columns());
    if (add) {
      NdArrays.copy(this, dense);
    }
    dense.product(a, transposeA, b, transposeB, add);
    NdArrays.copy(dense, this);
  }

  /** What is done to elements at equal distances, in the stretch and in memory. */
  private interface Line {
    void copy(int k, int step, long place, long stride, int count);
  }

  /** Goes through a stretch: channel by channel where rows are whole, else element by element. */
  final void forEachLine(int first, int length, Line line) {
    Objects.checkFromIndexSize(first, length, rows() * columns());
    int C = columns();
    for (int k = 0; k < length; ) {
      int row = (first + k) / C;
      int column = (first + k) % C;
      int position = row % positions;
      int whole = Math.min((length - k) / C, positions - position);
      long place = row / positions * exampleStride + position * positionStride;
      if (column > 0 || whole == 0) {
        int some = Math.min(C - column, length - k);
        line.copy(k, 1, place + column * channelStride, channelStride, some);
        k += some;
      } else {
        for (int j = 0; j < C; j++) {
          line.copy(k + j, C, place + j * channelStride, positionStride, whole);
        }
        k += whole * C;
      }
    }
    Reference.reachabilityFence(this);
  }

  /** FLOAT memory. */
  private static final class Floats extends NdChannels {

    private final FloatIndexer memory;

    Floats(INDArray x, int axis) {
      super(x, axis, Precision.SINGLE);
      FloatPointer pointer = HostMemory.floats(x);
      memory = FloatIndexer.create(pointer.capacity(extent()));
    }

    @Override
    public void read(int first, int length, float[] into) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              into[k + i * step] = memory.get(place + i * stride);
            }
          });
    }

    @Override
    public void read(int first, int length, double[] into) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              into[k + i * step] = memory.get(place + i * stride);
            }
          });
    }

    @Override
    public void write(float[] from, int first, int length) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              memory.put(place + i * stride, from[k + i * step]);
            }
          });
    }

    @Override
    public void write(double[] from, int first, int length) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              memory.put(place + i * stride, (float) from[k + i * step]);
            }
          });
    }
  }

  /** DOUBLE memory. */
  private static final class Doubles extends NdChannels {

    private final DoubleIndexer memory;

    Doubles(INDArray x, int axis) {
      super(x, axis, Precision.DOUBLE);
      DoublePointer pointer = HostMemory.doubles(x);
      memory = DoubleIndexer.create(pointer.capacity(extent()));
    }

    @Override
    public void read(int first, int length, float[] into) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              into[k + i * step] = (float) memory.get(place + i * stride);
            }
          });
    }

    @Override
    public void read(int first, int length, double[] into) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              into[k + i * step] = memory.get(place + i * stride);
            }
          });
    }

    @Override
    public void write(float[] from, int first, int length) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              memory.put(place + i * stride, from[k + i * step]);
            }
          });
    }

    @Override
    public void write(double[] from, int first, int length) {
      forEachLine(
          first,
          length,
          (k, step, place, stride, count) -> {
            for (int i = 0; i < count; i++) {
              memory.put(place + i * stride, from[k + i * step]);
            }
          });
    }
  }
}
