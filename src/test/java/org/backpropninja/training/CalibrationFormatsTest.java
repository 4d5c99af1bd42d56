package org.backpropninja.training;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Formats;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/** Calibration of sequences, images and volumes: over all positions that the masks keep. */
@ExtendWith(DoublePrecision.class)
class CalibrationFormatsTest {

  private static final int C = 3;
  private static final int MINIBATCHES = 4;

  static Stream<Arguments> cases() {
    return Stream.of(Formats.values())
        .flatMap(format -> Stream.of(false, true).map(masked -> Arguments.of(format, masked)));
  }

  /** A mask of a value for each position, which leaves out another part of each minibatch. */
  private static INDArray mask(Formats format, int seed) {
    INDArray mask = Nd4j.ones(format.masks().toList().get(1));
    Random random = new Random(seed);
    for (long k = 1; k < mask.length(); k++) {
      mask.putScalar(k, random.nextInt(3) == 0 ? 0 : 1);
    }
    return mask;
  }

  private static INDArray features(Formats format, int seed) {
    return format.random(seed, -1, 2 + seed, C, DataType.DOUBLE);
  }

  private static DataSetIterator data(Formats format, boolean masked) {
    return new ExistingDataSetIterator(
        IntStream.range(0, MINIBATCHES)
            .mapToObj(
                k ->
                    new DataSet(
                        features(format, k),
                        Nd4j.zeros(format.examples(), 1),
                        masked ? mask(format, k) : null,
                        null))
            .toList());
  }

  /** All values of a channel that count. */
  private static double[] kept(Formats format, boolean masked, int channel) {
    List<Double> kept = new ArrayList<>();
    for (int k = 0; k < MINIBATCHES; k++) {
      INDArray rows = format.rows(features(format, k));
      double[] mask = elements(format.mask(mask(format, k)));
      for (int row = 0; row < mask.length; row++) {
        if (!masked || mask[row] != 0) {
          kept.add(rows.getDouble(row, channel));
        }
      }
    }
    return kept.stream().mapToDouble(v -> v).toArray();
  }

  private static double mean(double[] x) {
    return IntStream.range(0, x.length).mapToDouble(k -> x[k]).sum() / x.length;
  }

  private static double var(double[] x) {
    double mean = mean(x);
    return IntStream.range(0, x.length).mapToDouble(k -> (x[k] - mean) * (x[k] - mean)).sum()
        / (x.length - 1);
  }

  private static MultiLayerNetwork network(Formats format, BatchNormBessel.Builder... norms) {
    List<org.deeplearning4j.nn.conf.layers.Layer> layers = new ArrayList<>();
    Stream.of(norms).forEach(norm -> layers.add(norm.build()));
    layers.add(new ActivationLayer(Activation.IDENTITY));
    return stack(
        DataType.DOUBLE,
        format.inputType(C),
        layers.toArray(org.deeplearning4j.nn.conf.layers.Layer[]::new));
  }

  @ParameterizedTest(name = "{0}, masked: {1}")
  @MethodSource("cases")
  void statisticsAreThoseOfTheWholeSet(Formats format, boolean masked) {
    MultiLayerNetwork network = network(format, new BatchNormBessel.Builder().cumulativeAverage());
    ComputationGraph graph = network.toComputationGraph();
    Calibration.calibrate(network, data(format, masked));
    Calibration.calibrate(graph, data(format, masked));
    double[] means = new double[C];
    double[] vars = new double[C];
    for (int j = 0; j < C; j++) {
      means[j] = mean(kept(format, masked, j));
      vars[j] = var(kept(format, masked, j));
    }
    for (INDArray mean : List.of(network.getParam("0_mean"), graph.getParam("0_mean"))) {
      assertClose("mean", means, elements(mean), 1e-13);
    }
    for (INDArray var : List.of(network.getParam("0_var"), graph.getParam("0_var"))) {
      assertClose("var", vars, elements(var), 1e-13);
    }
    assertEquals(3, network.getParam("0_batches").getDouble(0), "it is no minibatch");
  }

  /** What follows a layer without running statistics sees what that one makes of each minibatch. */
  @Test
  void layersWithoutRunningStatisticsArePassedOver() {
    MultiLayerNetwork network =
        network(
            Formats.NCW,
            new BatchNormBessel.Builder().trackRunningStatistics(false),
            new BatchNormBessel.Builder());
    double[] first = elements(network.getLayer(0).params());
    double[] gain = elements(network.getParam("0_gain"));
    double[] bias = elements(network.getParam("0_bias"));
    Calibration.calibrate(network, data(Formats.NCW, false));
    assertArrayEquals(first, elements(network.getLayer(0).params()));
    assertClose("mean", bias, elements(network.getParam("1_mean")), 1e-13);
    // Each minibatch has n − 1 as the sum of squares, and the whole set one less than all values.
    int rows = Formats.NCW.rows();
    double[] var = elements(network.getParam("1_var"));
    for (int j = 0; j < C; j++) {
      double expected = gain[j] * gain[j] * MINIBATCHES * (rows - 1) / (MINIBATCHES * rows - 1);
      assertEquals(expected, var[j], 1e-4 * expected, "but for ε");
    }
  }

  @Test
  void refusesNetworksOfNothingElse() {
    MultiLayerNetwork network =
        network(Formats.NCW, new BatchNormBessel.Builder().trackRunningStatistics(false));
    assertRefused(
        IllegalArgumentException.class,
        () -> Calibration.calibrate(network, data(Formats.NCW, false)),
        "network must have a BatchNormBessel layer with running statistics");
  }
}
