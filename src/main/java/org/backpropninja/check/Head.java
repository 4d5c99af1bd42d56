package org.backpropninja.check;

import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Cnn3DLossLayer;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.RnnLossLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * The end of a network that can be fitted: what the layer puts out is compared with targets of the
 * same shape, by mean squares.
 */
final class Head {

  private Head() {}

  /**
   * DL4J's loss layer behind a layer with this output type. It has no parameters, but for sequences
   * with channels last.
   */
  static Layer of(InputType type) {
    LossFunction mse = LossFunction.MSE;
    Activation none = Activation.IDENTITY;
    if (type instanceof InputType.InputTypeRecurrent sequence) {
      return sequence.getFormat() == RNNFormat.NCW
          ? new RnnLossLayer.Builder(mse).activation(none).build()
          // With channels last DL4J's RnnLossLayer takes its input for the labels.
          : new RnnOutputLayer.Builder(mse)
              .dataFormat(RNNFormat.NWC)
              .nOut(sequence.getSize())
              .activation(none)
              .build();
    }
    if (type instanceof InputType.InputTypeConvolutional image) {
      return new CnnLossLayer.Builder(mse).format(image.getFormat()).activation(none).build();
    }
    if (type instanceof InputType.InputTypeConvolutional3D volume) {
      return new Cnn3DLossLayer.Builder(volume.getDataFormat())
          .lossFunction(mse)
          .activation(none)
          .build();
    }
    LossLayer rows = new LossLayer.Builder(mse).activation(none).build();
    rows.setNOut(type.arrayElementsPerExample()); // or DL4J warns of a size of zero
    return rows;
  }

  /**
   * A network of the layer and a head, initialised.
   *
   * @param change what is changed in the layer's configuration
   * @param settings what is changed in the network's
   */
  static MultiLayerNetwork network(
      LayerSubject subject,
      DataType type,
      UnaryOperator<Layer> change,
      Consumer<NeuralNetConfiguration.Builder> settings) {
    List<InputType> alone =
        configuration(subject, type, settings, change.apply(subject.layer()))
            .getLayerActivationTypes(subject.inputType());
    MultiLayerNetwork network =
        new MultiLayerNetwork(
            configuration(
                subject, type, settings, change.apply(subject.layer()), of(alone.get(0))));
    network.init();
    return network;
  }

  private static MultiLayerConfiguration configuration(
      LayerSubject subject,
      DataType type,
      Consumer<NeuralNetConfiguration.Builder> settings,
      Layer... layers) {
    NeuralNetConfiguration.Builder builder = Rig.settings(type);
    settings.accept(builder);
    layers[0].setLayerName(Rig.CHECKED);
    return builder
        .list(layers)
        .overrideNinUponBuild(false)
        .setInputType(subject.inputType())
        .validateOutputLayerConfig(false)
        .build();
  }

  /** Random examples with targets, shaped as the network's output, which this call computes. */
  static DataSet examples(LayerSubject subject, MultiLayerNetwork network, int n, Random random) {
    DataType type = network.getLayerWiseConfigurations().getDataType();
    INDArray x = LayerSubject.cast(subject.input(n, random), type);
    INDArray targets = LayerSubject.normal(random, network.output(x.dup()).shape());
    return new DataSet(x, LayerSubject.cast(targets, type));
  }
}
