package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Saved;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.AttentionVertex;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.impl.FrozenVertex;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** In a ComputationGraph. */
class FlatGradientUpdaterOfGraphsTest extends FlatGradientUpdaterContract<ComputationGraph> {

  /**
   * Two inputs and two outputs, frozen layers, vertices and a layer without parameters. DL4J's
   * batch norm passes its running statistics as gradients, which must not be divided. Vertices are
   * added in another order than that of the data, in which parameters are laid out.
   */
  @Override
  ComputationGraph network(UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    ComputationGraph network =
        new ComputationGraph(
            setting
                .apply(new NeuralNetConfiguration.Builder().seed(3))
                .graphBuilder()
                .addInputs("x", "z")
                .addLayer("first", output(3), "after")
                .addLayer("second", output(2), "frozen")
                .addLayer("after", new ActivationLayer(Activation.TANH), "sum")
                .addVertex(
                    "sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "merged", "stock")
                .addLayer("stock", new BatchNormalization.Builder().build(), "norm")
                .addLayer(
                    "norm",
                    new BatchNormBessel.Builder().activation(Activation.TANH).build(),
                    "merged")
                .addVertex("merged", new MergeVertex(), "passing", "frozen")
                .addLayer(
                    "passing",
                    new FrozenLayerWithBackprop(
                        new DenseLayer.Builder().nOut(6).activation(Activation.TANH).build()),
                    "dense")
                .addLayer("frozen", new FrozenLayer(new ManualDense.Builder().nOut(4).build()), "z")
                .addLayer(
                    "dense",
                    new DenseLayer.Builder().nOut(6).activation(Activation.TANH).build(),
                    "x")
                .setOutputs("first", "second")
                .setInputTypes(InputType.feedForward(5), InputType.feedForward(4))
                .build());
    network.init();
    return network;
  }

  private static OutputLayer output(int nOut) {
    return new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
        .nOut(nOut)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static INDArray[] inputs(DataType type) {
    return new INDArray[] {data(1, type, 5), data(3, type, 4)};
  }

  private static INDArray[] labels(DataType type) {
    return new INDArray[] {data(2, type, 3), data(4, type, 2)};
  }

  @Override
  ComputationGraph bare(ComputationGraph like) {
    return new ComputationGraph(like.getConfiguration());
  }

  @Override
  void install(ComputationGraph network) {
    FlatGradientUpdater.install(network);
  }

  @Override
  void fit(ComputationGraph network) {
    DataType type = network.params().dataType();
    network.fit(inputs(type), labels(type));
  }

  @Override
  int iterations(ComputationGraph network) {
    return network.getIterationCount();
  }

  @Override
  void setEpoch(ComputationGraph network, int epoch) {
    network.getConfiguration().setEpochCount(epoch);
  }

  @Override
  BaseMultiLayerUpdater<?> updater(ComputationGraph network) {
    return network.getUpdater();
  }

  @Override
  void computeGradient(ComputationGraph network) {
    DataType type = network.params().dataType();
    network.setInputs(inputs(type));
    network.setLabels(labels(type));
    network.computeGradientAndScore();
  }

  @Override
  void makeGradientsAnew(ComputationGraph network) {
    network.initGradientsView();
  }

  @Override
  void setLearningRate(ComputationGraph network, double rate) {
    network.setLearningRate(rate);
  }

  @Override
  ComputationGraph saveAndRestore(ComputationGraph network) throws IOException {
    return Saved.copy(network);
  }

  /** DL4J's clone of a graph counts its iterations anew. */
  @Override
  ComputationGraph copy(ComputationGraph network) {
    ComputationGraph clone = network.clone();
    clone.getConfiguration().setIterationCount(network.getIterationCount());
    return clone;
  }

  /** Its parameters are a vertex's, not a layer's, and some of them are frozen. */
  @Test
  void verticesWithParameters() {
    ComputationGraph stock = attention();
    ComputationGraph ours = attention();
    assertTrue(Arrays.stream(ours.getVertices()).anyMatch(FrozenVertex.class::isInstance));
    FlatGradientUpdater.install(ours);
    INDArray before = ours.params().dup();
    for (ComputationGraph network : List.of(stock, ours)) {
      for (int step = 0; step < 10; step++) {
        network.fit(sequences(1, 3), sequences(2, 2));
      }
    }
    assertSameNetwork(stock, ours);
    assertNotEquals(before, ours.params(), "nothing was trained");
  }

  private static INDArray[] sequences(long seed, int columns) {
    return new INDArray[] {Layers.random(seed, -1, 1, BATCH, columns, 4).castTo(DataType.FLOAT)};
  }

  private static ComputationGraph attention() {
    ComputationGraph network =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .seed(3)
                .updater(new Adam(0.01))
                .graphBuilder()
                .addInputs("x")
                .addVertex("frozen", attention(3), "x", "x", "x")
                .addVertex("attention", attention(4), "frozen", "frozen", "frozen")
                .addLayer(
                    "out",
                    new RnnOutputLayer.Builder(LossFunctions.LossFunction.MSE)
                        .nOut(2)
                        .activation(Activation.IDENTITY)
                        .build(),
                    "attention")
                .setOutputs("out")
                .setInputTypes(InputType.recurrent(3, 4))
                .build());
    network.init();
    return new TransferLearning.GraphBuilder(network).setFeatureExtractor("frozen").build();
  }

  private static AttentionVertex attention(int nIn) {
    return new AttentionVertex.Builder()
        .nInQueries(nIn)
        .nInKeys(nIn)
        .nInValues(nIn)
        .nOut(4)
        .nHeads(2)
        .projectInput(true)
        .build();
  }

  @Test
  void aGraphWithoutParameters() {
    ComputationGraph network =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .graphBuilder()
                .addInputs("x")
                .addLayer(
                    "out",
                    new LossLayer.Builder(LossFunctions.LossFunction.MSE)
                        .activation(Activation.TANH)
                        .build(),
                    "x")
                .setOutputs("out")
                .setInputTypes(InputType.feedForward(5))
                .build());
    network.init();
    FlatGradientUpdater.install(network);
    assertEquals(List.of(), network.getUpdater().getUpdaterBlocks());
  }
}
