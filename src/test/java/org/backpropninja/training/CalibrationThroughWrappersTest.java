package org.backpropninja.training;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.recurrent.TimeDistributed;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
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
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** A batch norm inside another layer is calibrated, or refused by name; a frozen one is kept. */
@ExtendWith(DoublePrecision.class)
class CalibrationThroughWrappersTest {

  private static final int N = 17;
  private static final int T = 5;
  private static final INDArray X = Layers.random(1, -1, 2, N, 4, T);
  private static final INDArray Y = Nd4j.zeros(N, 2, T);

  private static MultiLayerNetwork network(Layer... middle) {
    Layer first =
        new TimeDistributed(new ManualDense.Builder().nOut(6).activation(Activation.TANH).build());
    Layer last =
        new RnnOutputLayer.Builder(LossFunctions.LossFunction.MSE)
            .nOut(2)
            .activation(Activation.IDENTITY)
            .build();
    return Networks.stack(
        DataType.DOUBLE,
        InputType.recurrent(4),
        Stream.of(Stream.of(first), Stream.of(middle), Stream.of(last))
            .flatMap(layers -> layers)
            .toArray(Layer[]::new));
  }

  private static BatchNormBessel norm() {
    return new BatchNormBessel.Builder().activation(Activation.TANH).build();
  }

  private static DataSetIterator data() {
    return new ListDataSetIterator<>(new DataSet(X, Y).asList(), 7);
  }

  static Stream<Arguments> wrapped() {
    return Stream.of(
        Arguments.of("TimeDistributed", new TimeDistributed(norm())),
        Arguments.of("MaskZero", new MaskZeroLayer(new TimeDistributed(norm()), 7.5)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("wrapped")
  void statisticsAreThoseOfTheWholeSet(String name, Layer wrapped) {
    MultiLayerNetwork network = network(wrapped, norm());
    Calibration.calibrate(network, data());
    List<INDArray> activations = network.feedForward(X, false);
    assertStatistics(activations.get(1), network, 1);
    assertStatistics(activations.get(2), network, 2);
  }

  /** By n − 1, the layer's default, over the examples and steps of [N, H, T]. */
  private static void assertStatistics(INDArray input, MultiLayerNetwork network, int layer) {
    assertClose(
        "mean",
        NdArrays.values(input.mean(0, 2)),
        NdArrays.values(network.getParam(layer + "_mean")),
        1e-12);
    assertClose(
        "var",
        NdArrays.values(input.var(0, 2)),
        NdArrays.values(network.getParam(layer + "_var")),
        1e-12);
  }

  static Stream<Arguments> frozen() {
    return Stream.of(
        Arguments.of("around", new FrozenLayer(new TimeDistributed(norm()))),
        Arguments.of(
            "around, with backprop", new FrozenLayerWithBackprop(new TimeDistributed(norm()))),
        Arguments.of("within", new TimeDistributed(new FrozenLayerWithBackprop(norm()))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("frozen")
  void frozenLayersKeepTheirs(String name, Layer frozen) {
    MultiLayerNetwork network = network(frozen, norm());
    Map<String, INDArray> before = network.getLayer(1).paramTable();
    before.replaceAll((key, value) -> value.dup());
    INDArray free = network.getParam("2_mean").dup();
    Calibration.calibrate(network, data());
    before.forEach((key, value) -> assertEquals(value, network.getLayer(1).getParam(key), key));
    assertNotEquals(free, network.getParam("2_mean"));
  }

  @Test
  void refusesByNameWhereItCannotReach() {
    Bidirectional both = new Bidirectional(Bidirectional.Mode.ADD, new TimeDistributed(norm()));
    both.setLayerName("both ways");
    MultiLayerNetwork network = network(both, norm());
    INDArray before = network.params().dup();
    assertRefused(
        IllegalArgumentException.class,
        () -> Calibration.calibrate(network, data()),
        "\"both ways\"",
        "Bidirectional",
        "BatchNormBessel");
    assertEquals(before, network.params());
  }
}
