package org.backpropninja.training;

import java.io.IOException;
import java.util.function.UnaryOperator;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.testing.Saved;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** In a MultiLayerNetwork. */
class FlatGradientUpdaterTest extends FlatGradientUpdaterContract<MultiLayerNetwork> {

  /** Our layers and stock ones: both run on the same updater. */
  @Override
  MultiLayerNetwork network(UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    MultiLayerConfiguration conf =
        setting
            .apply(new NeuralNetConfiguration.Builder().seed(3))
            .list()
            .layer(new DenseLayer.Builder().nOut(6).activation(Activation.TANH).build())
            .layer(new ManualDense.Builder().nOut(4).activation(Activation.IDENTITY).build())
            .layer(new BatchNormBessel.Builder().activation(Activation.TANH).build())
            .layer(
                new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
                    .nOut(3)
                    .activation(Activation.IDENTITY)
                    .build())
            .setInputType(InputType.feedForward(5))
            .build();
    MultiLayerNetwork network = new MultiLayerNetwork(conf);
    network.init();
    return network;
  }

  @Override
  MultiLayerNetwork bare(MultiLayerNetwork like) {
    return new MultiLayerNetwork(like.getLayerWiseConfigurations());
  }

  @Override
  void install(MultiLayerNetwork network) {
    FlatGradientUpdater.install(network);
  }

  @Override
  void fit(MultiLayerNetwork network) {
    DataType type = network.params().dataType();
    network.fit(data(1, type, 5), data(2, type, 3));
  }

  @Override
  int iterations(MultiLayerNetwork network) {
    return network.getIterationCount();
  }

  @Override
  void setEpoch(MultiLayerNetwork network, int epoch) {
    network.setEpochCount(epoch);
  }

  @Override
  BaseMultiLayerUpdater<?> updater(MultiLayerNetwork network) {
    return (BaseMultiLayerUpdater<?>) network.getUpdater();
  }

  @Override
  void computeGradient(MultiLayerNetwork network) {
    DataType type = network.params().dataType();
    network.setInput(data(1, type, 5));
    network.setLabels(data(2, type, 3));
    network.computeGradientAndScore();
  }

  @Override
  void makeGradientsAnew(MultiLayerNetwork network) {
    network.initGradientsView();
  }

  @Override
  void setLearningRate(MultiLayerNetwork network, double rate) {
    network.setLearningRate(rate);
  }

  @Override
  MultiLayerNetwork saveAndRestore(MultiLayerNetwork network) throws IOException {
    return Saved.copy(network);
  }

  @Override
  MultiLayerNetwork copy(MultiLayerNetwork network) {
    return network.clone();
  }
}
