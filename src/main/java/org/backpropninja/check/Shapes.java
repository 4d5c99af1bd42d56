package org.backpropninja.check;

import java.util.stream.IntStream;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;

/** Shapes of arrays and the input types that stand for them. */
final class Shapes {

  private Shapes() {}

  /** Whether a shape is the one said, in which −1 stands for a length that is not known. */
  static boolean isOf(long[] shape, long[] said) {
    return shape.length == said.length
        && IntStream.range(0, shape.length).allMatch(k -> said[k] < 0 || said[k] == shape[k]);
  }

  /** The same input with a channel more. */
  static InputType wider(InputType type) {
    return withChannels(type, LayerSubject.shape(type, 1)[LayerSubject.channelAxis(type)] + 1);
  }

  /** The same input with another number of channels. */
  static InputType withChannels(InputType type, long channels) {
    long[] shape = LayerSubject.shape(type, 1);
    shape[LayerSubject.channelAxis(type)] = channels;
    return type(shape, type);
  }

  /** The input type of arrays of a shape, with channels where another type has them. */
  static InputType type(long[] shape, InputType like) {
    boolean last = LayerSubject.channelAxis(like) > 1;
    long c = shape[last ? shape.length - 1 : 1];
    int k = last ? 1 : 2; // the first axis of positions
    return switch (shape.length) {
      case 2 -> InputType.feedForward(c);
      case 3 -> InputType.recurrent(c, shape[k], last ? RNNFormat.NWC : RNNFormat.NCW);
      case 4 ->
          InputType.convolutional(
              shape[k], shape[k + 1], c, last ? CNN2DFormat.NHWC : CNN2DFormat.NCHW);
      case 5 ->
          InputType.convolutional3D(
              last ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW,
              shape[k],
              shape[k + 1],
              shape[k + 2],
              c);
      default -> throw new IllegalArgumentException("no input has rank " + shape.length);
    };
  }
}
