package org.backpropninja.layers;

import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.exception.DL4JException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * DL4J's line searches set all parameters back to an older copy, and the running statistics with
 * them: batch norm is trained by gradient descent only.
 */
class OptimizationAlgorithmTest {

  private static final INDArray X = Layers.random(1, -1, 1, 32, 4);
  private static final INDArray Y = Networks.oneHot(DataType.DOUBLE, 3, Networks.classes(2, 32, 3));

  private static MultiLayerNetwork network(OptimizationAlgorithm algorithm) {
    return Networks.stack(
        Networks.settings(DataType.DOUBLE).optimizationAlgo(algorithm),
        InputType.feedForward(4),
        Networks.dense(5),
        new BatchNormBessel.Builder().activation(Activation.TANH).build(),
        Networks.output(3));
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "STOCHASTIC_GRADIENT_DESCENT")
  void lineSearchesAreRefusedAtTheFirstFitAndNothingIsTrained(OptimizationAlgorithm algorithm) {
    MultiLayerNetwork network = network(algorithm);
    INDArray before = network.params().dup();
    assertRefused(
        DL4JException.class,
        () -> network.fit(X, Y),
        "BatchNormBessel",
        algorithm.name(),
        "STOCHASTIC_GRADIENT_DESCENT");
    assertArrayEquals(before.toDoubleVector(), network.params().toDoubleVector());
  }

  @ParameterizedTest
  @EnumSource
  void inferenceIsTheSameWhateverTheAlgorithm(OptimizationAlgorithm algorithm) {
    INDArray expected = network(OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT).output(X);
    assertArrayEquals(expected.toDoubleMatrix(), network(algorithm).output(X).toDoubleMatrix());
  }

  @Test
  void gradientDescentTrains() {
    MultiLayerNetwork network = network(OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT);
    network.fit(X, Y);
    double first = network.score();
    for (int step = 0; step < 20; step++) {
      network.fit(X, Y);
    }
    assertTrue(network.score() < first, first + " became " + network.score());
  }
}
