package org.backpropninja.testing;

import java.util.Arrays;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The formats of layer input: a rank, and which axis holds the channels.
 *
 * <p>Each has more than one position, but for the matrix, and positions that cannot be mistaken for
 * each other or for 3 channels.
 */
public enum Formats {
  NC(false, 6),
  NCW(false, 4, 5),
  NWC(true, 4, 5),
  NCHW(false, 2, 5, 4),
  NHWC(true, 2, 5, 4),
  NCDHW(false, 2, 4, 1, 5),
  NDHWC(true, 2, 4, 1, 5);

  private final boolean channelsLast;
  private final long[] places; // examples, then positions

  Formats(boolean channelsLast, long... places) {
    this.channelsLast = channelsLast;
    this.places = places;
  }

  public boolean isChannelsLast() {
    return channelsLast;
  }

  public int rank() {
    return places.length + 1;
  }

  public int examples() {
    return (int) places[0];
  }

  /** Examples times positions. */
  public int rows() {
    return (int) Arrays.stream(places).reduce(1, (a, b) -> a * b);
  }

  /** The shape of an array with so many channels. */
  public long[] shape(long channels) {
    long[] shape = Arrays.copyOf(places, rank());
    int axis = channelsLast ? rank() - 1 : 1;
    System.arraycopy(places, axis, shape, Math.min(axis + 1, rank() - 1), places.length - axis);
    shape[axis] = channels;
    return shape;
  }

  /** What DL4J calls an array of this format with so many channels. */
  public InputType inputType(long channels) {
    long[] s = shape(channels);
    return switch (this) {
      case NC -> InputType.feedForward(channels);
      case NCW -> InputType.recurrent(channels, s[2], RNNFormat.NCW);
      case NWC -> InputType.recurrent(channels, s[1], RNNFormat.NWC);
      case NCHW -> InputType.convolutional(s[2], s[3], channels, CNN2DFormat.NCHW);
      case NHWC -> InputType.convolutional(s[1], s[2], channels, CNN2DFormat.NHWC);
      case NCDHW ->
          InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, s[2], s[3], s[4], channels);
      case NDHWC ->
          InputType.convolutional3D(Convolution3D.DataFormat.NDHWC, s[1], s[2], s[3], channels);
    };
  }

  /** Random numbers of this format. */
  public INDArray random(long seed, double low, double high, long channels, DataType type) {
    return Layers.random(seed, low, high, shape(channels)).castTo(type);
  }

  /** An array of this format as the matrix of its rows. */
  public INDArray rows(INDArray x) {
    INDArray last = channelsLast ? x : Memory.channelsLast(x);
    return last.dup('c').reshape(rows(), last.size(rank() - 1));
  }

  /** The shapes of the masks that are allowed, apart from those of examples. */
  public Stream<long[]> masks() {
    long n = places[0];
    return switch (rank()) {
      case 2 -> Stream.of(new long[] {n}, new long[] {n, 1});
      case 3 -> Stream.of(new long[] {n, 1}, places, new long[] {n, 1, places[1]});
      case 4 ->
          Stream.of(
              new long[] {n, 1},
              new long[] {n, 1, places[1], places[2]},
              new long[] {n, 1, 1, places[2]},
              new long[] {n, 1, places[1], 1});
      default ->
          Stream.of(
              new long[] {n, 1},
              new long[] {n, 1, places[1], places[2], places[3]},
              new long[] {n, 1, places[1], 1, 1});
    };
  }

  /** A mask over the rows: its value at each example and position, by broadcasting in ND4J. */
  public INDArray mask(INDArray mask) {
    long[] shape = new long[places.length];
    Arrays.fill(shape, 1);
    shape[0] = places[0];
    int extra = mask.rank() - places.length; // the channels' axis
    for (int k = 1; k < places.length && k + Math.max(0, extra) < mask.rank(); k++) {
      shape[k] = mask.size(k + Math.max(0, extra));
    }
    return mask.dup('c').reshape('c', shape).broadcast(places).dup('c').reshape(rows(), 1);
  }
}
