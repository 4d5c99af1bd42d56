package org.backpropninja.internal;

import java.util.Arrays;
import java.util.StringJoiner;
import java.util.stream.IntStream;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.DataFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Which axis of an array holds its channels, so that sequences, images and volumes are matrices: a
 * row for each example and position, a column for each channel.
 *
 * <p>Rows go example by example, and within an example through its positions in 'c' order. What is
 * written for the rows of a matrix thus serves [n, c], [n, c, t], [n, t, c], NCHW, NHWC, NCDHW and
 * NDHWC.
 */
public final class Layout {

  private final long[] shape;
  private final int axis; // of the channels
  private final long length; // elements

  private Layout(long[] shape, int axis) {
    this.shape = shape;
    this.axis = axis;
    length = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  /**
   * Describes an array.
   *
   * @param shape of rank 2 at least
   * @param channelsLast whether the channels are the last axis; otherwise they are the second one
   * @return its layout
   */
  public static Layout of(long[] shape, boolean channelsLast) {
    return new Layout(shape.clone(), channelsLast ? shape.length - 1 : 1);
  }

  /**
   * Tells what DL4J's formats say.
   *
   * @param format of sequences, images or volumes
   * @return whether their channels are the last axis
   */
  public static boolean isChannelsLast(DataFormat format) {
    return format == RNNFormat.NWC
        || format == CNN2DFormat.NHWC
        || format == Convolution3D.DataFormat.NDHWC;
  }

  /**
   * Returns the shape of such an array.
   *
   * @return a copy of it
   */
  public long[] shape() {
    return shape.clone();
  }

  /**
   * Returns the number of examples.
   *
   * @return n
   */
  public long examples() {
    return shape[0];
  }

  /**
   * Returns the number of positions of an example.
   *
   * @return time steps or pixels, 1 for a matrix
   */
  public long positions() {
    return length / Math.max(1, examples() * columns());
  }

  /**
   * Returns the number of rows.
   *
   * @return examples times positions
   */
  public long rows() {
    return examples() * positions();
  }

  /**
   * Returns the number of channels.
   *
   * @return columns
   */
  public long columns() {
    return shape[axis];
  }

  /**
   * Describes an array with other channels at the same positions.
   *
   * @param columns how many
   * @return its layout
   */
  public Layout withColumns(long columns) {
    long[] other = shape.clone();
    other[axis] = columns;
    return new Layout(other, axis);
  }

  /**
   * Returns the shape of an array that has no channels.
   *
   * @return examples and positions: [n], [n, t], [n, h, w] or [n, d, h, w]
   */
  public long[] withoutColumns() {
    return IntStream.range(0, shape.length)
        .filter(k -> k != axis)
        .mapToLong(k -> shape[k])
        .toArray();
  }

  /**
   * Tells whether an array has this shape.
   *
   * @param x any array
   * @return whether it has
   */
  public boolean fits(INDArray x) {
    return Arrays.equals(x.shape(), shape);
  }

  /**
   * Names an element as a user would.
   *
   * @param row from 0
   * @param column from 0
   * @return its indices, such as {@code "3, 0, 12"}
   */
  public String place(int row, int column) {
    long[] indices = new long[shape.length];
    long rest = row;
    for (int k = shape.length - 1; k >= 0; k--) {
      if (k == axis) {
        indices[k] = column;
      } else if (k == 0) {
        indices[k] = rest;
      } else {
        indices[k] = rest % shape[k];
        rest /= shape[k];
      }
    }
    StringJoiner place = new StringJoiner(", ");
    Arrays.stream(indices).forEach(index -> place.add(Long.toString(index)));
    return place.toString();
  }

  // Arrays as matrices

  /**
   * Tells whether an array's own memory can be read and written.
   *
   * @param x of this shape
   * @param type FLOAT or DOUBLE
   * @return whether {@link #in} gives its own elements and not a copy's
   */
  public boolean reaches(INDArray x, DataType type) {
    return x.dataType() == type
        && (x.rank() == 2 ? NdMatrix.reaches(x) : NdChannels.reaches(x, axis));
  }

  /**
   * Makes a matrix to be read.
   *
   * @param x of this shape
   * @param type FLOAT or DOUBLE
   * @return its own elements if this {@link #reaches} it, otherwise a copy's
   */
  public Matrix in(INDArray x, DataType type) {
    if (x.rank() == 2) {
      return NdArrays.in(x, type);
    }
    if (NdMatrix.isHostBackend()) {
      return matrix(reaches(x, type) ? x : NdArrays.copy(x, type));
    }
    return copy(x);
  }

  /** A copy in a Java array. */
  Matrix copy(INDArray x) {
    return Matrix.of(NdArrays.values(channelsLast(x)), (int) rows(), (int) columns());
  }

  /** Where channels are next to each other, positions are as the rows of a matrix are. */
  private Matrix matrix(INDArray x) {
    boolean rowMajor = axis == shape.length - 1 && NdMatrix.isDense(x, 'c');
    return rowMajor ? NdMatrix.of(x.reshape('c', rows(), columns())) : NdChannels.of(x, axis);
  }

  private INDArray channelsLast(INDArray x) {
    int[] axes = IntStream.range(0, shape.length).filter(k -> k != axis).toArray();
    int[] order = Arrays.copyOf(axes, shape.length);
    order[shape.length - 1] = axis;
    return x.permute(order);
  }

  /**
   * Makes a matrix to be written.
   *
   * @param x of this shape
   * @return its own elements, or others that {@link NdArrays.Out#done} copies into it
   */
  public NdArrays.Out out(INDArray x) {
    if (x.rank() == 2) {
      return NdArrays.out(x);
    }
    DataType type = NdArrays.workingType(x.dataType());
    if (reaches(x, type)) {
      return new NdArrays.Out(matrix(x), x, () -> {});
    }
    if (NdMatrix.isHostBackend()) {
      INDArray[] work = new INDArray[1];
      Workspaces.outside(() -> work[0] = Nd4j.createUninitialized(type, shape, 'c'));
      return new NdArrays.Out(matrix(work[0]), x, () -> x.assign(work[0]));
    }
    return elsewhere(x);
  }

  /** A matrix in a Java array, whose elements are copied into an array. */
  NdArrays.Out elsewhere(INDArray x) {
    double[] values = new double[(int) length];
    INDArray last = channelsLast(x);
    return new NdArrays.Out(
        Matrix.of(values, (int) rows(), (int) columns()),
        x,
        () -> last.assign(Nd4j.create(values, last.shape(), 'c')));
  }

  /**
   * Makes an uninitialised array in a layer's workspace.
   *
   * @param workspaces the layer's
   * @param use what the array is for
   * @param type of its elements
   * @return dense, in 'c' order
   */
  public INDArray make(LayerWorkspaceMgr workspaces, ArrayType use, DataType type) {
    return shape.length == 2
        ? NewMatrix.of(workspaces, use, type, shape[0], shape[1])
        : workspaces.createUninitialized(use, type, shape, 'c');
  }

  /**
   * Makes an uninitialised array in the current workspace if there is one.
   *
   * @param type of its elements
   * @return dense, in 'c' order
   */
  public INDArray make(DataType type) {
    return shape.length == 2
        ? NewMatrix.of(type, shape[0], shape[1])
        : Nd4j.createUninitialized(type, shape, 'c');
  }

  // Masks

  /**
   * Spreads a mask over the rows.
   *
   * @param mask one value for each example, or for each position: [n], [n, 1], [n, t] or [n, 1, t],
   *     [n, 1, h, w] with any of h and w being 1, and so on, whichever axis holds the channels
   * @return the value for each row; null if the mask is of another shape
   */
  public double[] rowsOf(INDArray mask) {
    long[] positions = withoutColumns();
    long[] sizes = withoutChannel(mask.shape(), positions.length);
    if (sizes == null) {
      return null;
    }
    for (int k = 0; k < positions.length; k++) {
      if (sizes[k] != positions[k] && (k == 0 || sizes[k] != 1)) {
        return null;
      }
    }
    double[] values = NdArrays.values(mask);
    double[] rows = new double[(int) rows()];
    for (int row = 0; row < rows.length; row++) {
      rows[row] = values[element(row, positions, sizes)];
    }
    return rows;
  }

  /** A mask's shape as one of examples and positions; null if its axes are others. */
  private static long[] withoutChannel(long[] mask, int rank) {
    if (mask.length == rank + 1 && mask[1] == 1) {
      long[] sizes = Arrays.copyOfRange(mask, 1, mask.length);
      sizes[0] = mask[0];
      return sizes;
    }
    boolean isOfExamples = mask.length == 1 || mask.length == 2 && mask[1] == 1;
    if (mask.length != rank && !isOfExamples) {
      return null;
    }
    long[] sizes = new long[rank];
    Arrays.fill(sizes, 1);
    System.arraycopy(mask, 0, sizes, 0, mask.length);
    return sizes;
  }

  private static int element(int row, long[] positions, long[] sizes) {
    long element = 0;
    long step = 1;
    long rest = row;
    for (int k = positions.length - 1; k >= 0; k--) {
      element += sizes[k] == 1 ? 0 : rest % positions[k] * step;
      step *= sizes[k];
      rest /= positions[k];
    }
    return (int) element;
  }
}
