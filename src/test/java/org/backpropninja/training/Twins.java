package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Small networks and their data, of which one is trained by network.fit and its twin compiled. */
final class Twins {

  static final int V = 7; // classes, and codes of the embedding
  static final int T = 2;
  static final int I = 4; // width of real features
  private static final int EXAMPLES = 31;
  private static final int BATCH = 7; // so that the last of 5 minibatches has 3

  private Twins() {}

  // Networks

  static NeuralNetConfiguration.Builder settings() {
    return Networks.settings(DataType.FLOAT).updater(new Sgd(0.1));
  }

  /** Embedding, dense without bias, batch norm with tanh, dense; loss layer. */
  static MultiLayerNetwork charMlp(UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    return Networks.stack(
        setting.apply(settings()),
        InputType.feedForward(T),
        new EmbeddingConcat.Builder().nIn(V).nOut(3).build(),
        new ManualDense.Builder().nOut(5).hasBias(false).activation(Activation.IDENTITY).build(),
        new BatchNormBessel.Builder().activation(Activation.TANH).build(),
        new ManualDense.Builder().nOut(V).activation(Activation.IDENTITY).build(),
        lossLayer());
  }

  static MultiLayerNetwork charMlp() {
    return charMlp(conf -> conf);
  }

  static org.deeplearning4j.nn.conf.layers.Layer lossLayer() {
    return new LossLayer.Builder(new ManualCrossEntropyLoss())
        .activation(Activation.SOFTMAX)
        .build();
  }

  static org.deeplearning4j.nn.conf.layers.Layer outputLayer() {
    return new OutputLayer.Builder(new ManualCrossEntropyLoss())
        .nOut(V)
        .activation(Activation.SOFTMAX)
        .build();
  }

  /** The same, in every bit, with parameters and a configuration of its own. */
  static MultiLayerNetwork twin(MultiLayerNetwork network) {
    String conf = network.getLayerWiseConfigurations().toJson();
    MultiLayerNetwork twin = new MultiLayerNetwork(MultiLayerConfiguration.fromJson(conf));
    twin.init();
    twin.setParams(network.params());
    return twin;
  }

  // Data

  /** Contexts and their first codes. */
  static DataSet contexts(int n, long seed) {
    int[] codes = Networks.classes(seed, n * T, V);
    float[] x = new float[n * T];
    float[] y = new float[n];
    for (int k = 0; k < codes.length; k++) {
      x[k] = codes[k];
      y[k / T] = codes[k / T * T];
    }
    return new DataSet(
        Nd4j.createFromArray(x).reshape(n, T), Nd4j.createFromArray(y).reshape(n, 1));
  }

  /** Real numbers, and rows of targets that do not sum to one. */
  static DataSet reals(int n, long seed) {
    return new DataSet(
        Layers.random(seed, -1, 1, n, I).castTo(DataType.FLOAT),
        Layers.random(seed + 1, 0.1, 0.7, n, V).castTo(DataType.FLOAT));
  }

  static DataSetIterator minibatches(DataSet all) {
    return new ListDataSetIterator<>(all.asList(), BATCH);
  }

  static DataSetIterator minibatchesOfContexts() {
    return minibatches(contexts(EXAMPLES, 3));
  }

  static DataSetIterator minibatchesOfReals() {
    return minibatches(reals(EXAMPLES, 3));
  }

  // Comparison

  /** Iteration, epoch and score of each step. */
  static final class Scores extends BaseTrainingListener {
    final List<String> steps = new ArrayList<>();

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      steps.add(iteration + " " + epoch + " " + model.score());
    }
  }

  static Scores listenTo(MultiLayerNetwork network) {
    Scores scores = new Scores();
    network.setListeners(scores);
    return scores;
  }

  static void assertTrained(INDArray before, MultiLayerNetwork network) {
    assertNotEquals(before, network.params(), "nothing was trained");
  }

  /** Parameters, running statistics, gradients, updater state, score and counts, bit for bit. */
  static void assertSameNetworks(MultiLayerNetwork expected, MultiLayerNetwork actual) {
    assertSameBits(expected.params(), actual.params(), "parameters");
    INDArray state = expected.getUpdater().getStateViewArray();
    if (state != null) {
      assertSameBits(state, actual.getUpdater().getStateViewArray(), "updater state");
    }
    assertSameBits(
        expected.getGradientsViewArray(), actual.getGradientsViewArray(), "all gradients");
    var gradients = expected.gradient().gradientForVariable();
    assertEquals(gradients.keySet(), actual.gradient().gradientForVariable().keySet());
    gradients.forEach(
        (key, array) -> assertSameBits(array, actual.gradient().getGradientFor(key), key));
    assertEquals(expected.score(), actual.score(), "score");
    assertEquals(counts(expected), counts(actual), "iterations and epochs");
    assertEquals(expected.getInput(), actual.getInput(), "input");
    assertEquals(expected.getLabels(), actual.getLabels(), "labels");
    assertEquals(expected.batchSize(), actual.batchSize(), "batch size");
  }

  private static List<Integer> counts(MultiLayerNetwork network) {
    List<Integer> counts = new ArrayList<>();
    counts.add(network.getIterationCount());
    counts.add(network.getEpochCount());
    for (Layer layer : network.getLayers()) {
      counts.addAll(Arrays.asList(layer.getIterationCount(), layer.getEpochCount()));
    }
    return counts;
  }

  static void assertSameBits(INDArray expected, INDArray actual, String what) {
    assertEquals(expected.dataType(), actual.dataType(), what);
    double[] values = NdArrays.values(expected);
    assertTrue(Arrays.stream(values).allMatch(Double::isFinite), what + " have diverged");
    assertArrayEquals(values, NdArrays.values(actual), what);
  }
}
