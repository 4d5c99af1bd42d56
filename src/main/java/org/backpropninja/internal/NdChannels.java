package org.backpropninja.internal;

import java.lang.ref.Reference;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
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
abstract class NdChannels extends HostMatrix {

  private final int positions;
  private final long exampleStride;
  final long positionStride;
  final long channelStride;

  private NdChannels(INDArray x, int axis, Precision precision) {
    super(x, x.length() / x.size(axis), x.size(axis), precision);
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

  /** What is done to some rows, or to a part of one, of one example. */
  private interface Rows {
    /**
     * Copies elements.
     *
     * @param k number of the first one in the stretch
     * @param place where it is in memory
     * @param rows how many
     * @param columns of each
     */
    void copy(int k, long place, int rows, int columns);
  }

  /** Goes through a stretch of elements. */
  final void forEachExample(int first, int length, Rows rows) {
    requireStretch(first, length);
    int C = columns();
    for (int k = 0; k < length; ) {
      int row = (first + k) / C;
      int column = (first + k) % C;
      int position = row % positions;
      long place =
          row / positions * exampleStride + position * positionStride + column * channelStride;
      int whole = column > 0 ? 0 : Math.min((length - k) / C, positions - position);
      int some = whole > 0 ? C : Math.min(C - column, length - k); // of columns
      rows.copy(k, place, Math.max(1, whole), some);
      k += Math.max(1, whole) * some;
    }
    Reference.reachabilityFence(this);
  }

  /** FLOAT memory. */
  private static final class Floats extends NdChannels {

    private final FloatIndexer memory;

    Floats(INDArray x, int axis) {
      super(x, axis, Precision.SINGLE);
      memory = FloatIndexer.create(HostMemory.floats(x).capacity(extent()));
    }

    @Override
    public void read(int first, int length, float[] into) {
      forEachExample(
          first, length, (k, place, rows, columns) -> gather(into, k, place, rows, columns));
    }

    /** Four rows at a time: neighbours in memory are mostly neighbouring positions. */
    private void gather(float[] into, int k, long place, int rows, int columns) {
      int i = 0;
      for (; i + 3 < rows; i += 4) {
        int to = k + i * columns;
        long from = place + i * positionStride;
        for (int j = 0; j < columns; j++, from += channelStride) {
          into[to + j] = memory.get(from);
          into[to + columns + j] = memory.get(from + positionStride);
          into[to + 2 * columns + j] = memory.get(from + 2 * positionStride);
          into[to + 3 * columns + j] = memory.get(from + 3 * positionStride);
        }
      }
      for (; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          into[k + i * columns + j] = memory.get(place + i * positionStride + j * channelStride);
        }
      }
    }

    @Override
    public void write(float[] from, int first, int length) {
      forEachExample(
          first, length, (k, place, rows, columns) -> scatter(from, k, place, rows, columns));
    }

    private void scatter(float[] from, int k, long place, int rows, int columns) {
      int i = 0;
      for (; i + 3 < rows; i += 4) {
        int at = k + i * columns;
        long to = place + i * positionStride;
        for (int j = 0; j < columns; j++, to += channelStride) {
          memory.put(to, from[at + j]);
          memory.put(to + positionStride, from[at + columns + j]);
          memory.put(to + 2 * positionStride, from[at + 2 * columns + j]);
          memory.put(to + 3 * positionStride, from[at + 3 * columns + j]);
        }
      }
      for (; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          memory.put(place + i * positionStride + j * channelStride, from[k + i * columns + j]);
        }
      }
    }

    @Override
    public void read(int first, int length, double[] into) {
      readFloats(first, length, into);
    }

    @Override
    public void write(double[] from, int first, int length) {
      writeFloats(from, first, length);
    }
  }

  /** DOUBLE memory. */
  private static final class Doubles extends NdChannels {

    private final DoubleIndexer memory;

    Doubles(INDArray x, int axis) {
      super(x, axis, Precision.DOUBLE);
      memory = DoubleIndexer.create(HostMemory.doubles(x).capacity(extent()));
    }

    @Override
    public void read(int first, int length, double[] into) {
      forEachExample(
          first, length, (k, place, rows, columns) -> gather(into, k, place, rows, columns));
    }

    /** Four rows at a time: neighbours in memory are mostly neighbouring positions. */
    private void gather(double[] into, int k, long place, int rows, int columns) {
      int i = 0;
      for (; i + 3 < rows; i += 4) {
        int to = k + i * columns;
        long from = place + i * positionStride;
        for (int j = 0; j < columns; j++, from += channelStride) {
          into[to + j] = memory.get(from);
          into[to + columns + j] = memory.get(from + positionStride);
          into[to + 2 * columns + j] = memory.get(from + 2 * positionStride);
          into[to + 3 * columns + j] = memory.get(from + 3 * positionStride);
        }
      }
      for (; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          into[k + i * columns + j] = memory.get(place + i * positionStride + j * channelStride);
        }
      }
    }

    @Override
    public void write(double[] from, int first, int length) {
      forEachExample(
          first, length, (k, place, rows, columns) -> scatter(from, k, place, rows, columns));
    }

    private void scatter(double[] from, int k, long place, int rows, int columns) {
      int i = 0;
      for (; i + 3 < rows; i += 4) {
        int at = k + i * columns;
        long to = place + i * positionStride;
        for (int j = 0; j < columns; j++, to += channelStride) {
          memory.put(to, from[at + j]);
          memory.put(to + positionStride, from[at + columns + j]);
          memory.put(to + 2 * positionStride, from[at + 2 * columns + j]);
          memory.put(to + 3 * positionStride, from[at + 3 * columns + j]);
        }
      }
      for (; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          memory.put(place + i * positionStride + j * channelStride, from[k + i * columns + j]);
        }
      }
    }

    @Override
    public void read(int first, int length, float[] into) {
      readDoubles(first, length, into);
    }

    @Override
    public void write(float[] from, int first, int length) {
      writeDoubles(from, first, length);
    }
  }
}
