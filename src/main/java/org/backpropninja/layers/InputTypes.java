package org.backpropninja.layers;

import org.backpropninja.internal.Layout;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;

/** What DL4J's types of layer input have in common: a rank, channels and a format. */
final class InputTypes {

  private InputTypes() {}

  /** The rank of arrays of that type; 2 for images that come flat. */
  static int rank(InputType type) {
    return switch (type.getType()) {
      case FF, CNNFlat -> 2;
      case RNN -> 3;
      case CNN -> 4;
      case CNN3D -> 5;
    };
  }

  /** The channels of sequences, images or volumes. */
  static long channels(InputType type) {
    if (type instanceof InputType.InputTypeRecurrent sequence) {
      return sequence.getSize();
    }
    return type instanceof InputType.InputTypeConvolutional image
        ? image.getChannels()
        : ((InputType.InputTypeConvolutional3D) type).getChannels();
  }

  /** Whether the last axis of sequences, images or volumes holds their channels. */
  static boolean isChannelsLast(InputType type) {
    if (type instanceof InputType.InputTypeRecurrent sequence) {
      return Layout.isChannelsLast(sequence.getFormat());
    }
    return Layout.isChannelsLast(
        type instanceof InputType.InputTypeConvolutional image
            ? image.getFormat()
            : ((InputType.InputTypeConvolutional3D) type).getDataFormat());
  }

  /** The same with other channels; of volumes in the format that the layer knows of, if any. */
  static InputType withChannels(InputType type, long channels, Boolean last) {
    if (type instanceof InputType.InputTypeRecurrent t) {
      return InputType.recurrent(channels, t.getTimeSeriesLength(), t.getFormat());
    }
    if (type instanceof InputType.InputTypeConvolutional t) {
      return InputType.convolutional(t.getHeight(), t.getWidth(), channels, t.getFormat());
    }
    InputType.InputTypeConvolutional3D t = (InputType.InputTypeConvolutional3D) type;
    Convolution3D.DataFormat format = last == null ? t.getDataFormat() : volumes(last);
    return InputType.convolutional3D(format, t.getDepth(), t.getHeight(), t.getWidth(), channels);
  }

  private static Convolution3D.DataFormat volumes(boolean channelsLast) {
    return channelsLast ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW;
  }
}
