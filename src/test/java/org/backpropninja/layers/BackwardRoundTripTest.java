package org.backpropninja.layers;

import static org.backpropninja.Backward.STEPWISE;
import static org.backpropninja.testing.Networks.settings;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** A restored network goes back the way that it was told to, layer by layer and in the loss. */
class BackwardRoundTripTest {

  private static final int PLACES = 4; // three layers and the loss

  /** How a network is stored and comes back. */
  private interface RoundTrip {
    MultiLayerNetwork of(MultiLayerNetwork network) throws Exception;
  }

  private static MultiLayerNetwork withParametersOf(
      MultiLayerNetwork network, MultiLayerConfiguration restored) {
    assertEquals(network.getLayerWiseConfigurations(), restored);
    MultiLayerNetwork copy = new MultiLayerNetwork(restored);
    copy.init(network.params(), true);
    return copy;
  }

  private static MultiLayerNetwork saved(MultiLayerNetwork network) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ModelSerializer.writeModel(network, bytes, true);
    return ModelSerializer.restoreMultiLayerNetwork(
        new ByteArrayInputStream(bytes.toByteArray()), true);
  }

  static Stream<Arguments> roundTrips() {
    return Stream.of(
        roundTrip(
            "JSON",
            net -> {
              String json = net.getLayerWiseConfigurations().toJson();
              return withParametersOf(net, MultiLayerConfiguration.fromJson(json));
            }),
        roundTrip(
            "YAML",
            net -> {
              String yaml = net.getLayerWiseConfigurations().toYaml();
              return withParametersOf(net, MultiLayerConfiguration.fromYaml(yaml));
            }),
        roundTrip(
            "Java serialisation",
            net -> withParametersOf(net, Serialised.copy(net.getLayerWiseConfigurations()))),
        roundTrip("ModelSerializer", BackwardRoundTripTest::saved),
        roundTrip("clone", MultiLayerNetwork::clone));
  }

  private static Arguments roundTrip(String name, RoundTrip trip) {
    return Arguments.of(name, trip);
  }

  private static Backward way(boolean stepwise) {
    return stepwise ? STEPWISE : Backward.FUSED;
  }

  private static MultiLayerNetwork network(boolean[] stepwise) {
    return Networks.stack(
        settings(DataType.DOUBLE),
        InputType.feedForward(3),
        new EmbeddingConcat.Builder().nIn(9).nOut(4).backward(way(stepwise[0])).build(),
        new ManualDense.Builder()
            .nOut(8)
            .activation(Activation.TANH)
            .backward(way(stepwise[1]))
            .build(),
        new BatchNormBessel.Builder()
            .activation(Activation.TANH)
            .backward(way(stepwise[2]))
            .build(),
        new OutputLayer.Builder(new ManualCrossEntropyLoss().backward(way(stepwise[3])))
            .nOut(5)
            .activation(Activation.SOFTMAX)
            .build());
  }

  /** All fused, all stepwise, and each place alone the other way. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("roundTrips")
  void keepsTheWayOfEachLayer(String name, RoundTrip trip) throws Exception {
    for (int other = -1; other < PLACES; other++) {
      for (boolean most : new boolean[] {false, true}) {
        boolean[] stepwise = new boolean[PLACES];
        Arrays.fill(stepwise, most);
        if (other >= 0) {
          stepwise[other] = !most;
        }
        MultiLayerNetwork network = network(stepwise);
        MultiLayerNetwork restored = trip.of(network);
        assertEquals(network.getLayerWiseConfigurations(), restored.getLayerWiseConfigurations());
        train(network);
        train(restored);
        assertArrayEquals(NdArrays.values(network.params()), NdArrays.values(restored.params()));
        assertArrayEquals(stepwise, waysTaken(restored));
      }
    }
  }

  static Stream<Arguments> layersWithSteps() {
    return Stream.of(
        Arguments.of(
            new EmbeddingConcat.Builder().nIn(9).nOut(4).inputLength(3).backward(STEPWISE).build(),
            "embedding",
            "steps"),
        Arguments.of(
            new ManualDense.Builder().nIn(3).nOut(4).backward(STEPWISE).build(),
            "dense",
            "affine"));
  }

  /** Both ways give the same bits here, so the steps of the forward pass are taken away. */
  @ParameterizedTest
  @MethodSource("layersWithSteps")
  void goesBackThroughTheStepsOfTheForwardPass(FeedForwardLayer conf, String core, String steps)
      throws Exception {
    Layer layer = Layers.instantiate(conf, DataType.DOUBLE, 1);
    INDArray x = Nd4j.createFromArray(new double[][] {{1, 8, 1}, {0, 2, 3}});
    INDArray epsilon = Layers.random(2, -1, 1, Layers.forward(layer, x, true).shape());
    Layers.backward(layer, epsilon);
    Object computes = valueOf(layer, core);
    field(computes, steps).set(computes, null);
    assertThrows(RuntimeException.class, () -> Layers.backward(layer, epsilon));
  }

  /** What the layers of a trained network have computed by, not what their configurations say. */
  private static boolean[] waysTaken(MultiLayerNetwork network) throws Exception {
    OutputLayer output = (OutputLayer) network.getLayer(3).conf().getLayer();
    return new boolean[] {
      isStepwise(valueOf(network.getLayer(0), "embedding")),
      isStepwise(valueOf(network.getLayer(1), "dense")),
      isStepwise(valueOf(network.getLayer(2), "batchNorm")),
      Arrays.equals(bits(STEPWISE), gradient(output.getLossFn()))
    };
  }

  private static double[] bits(Backward way) {
    return gradient(new ManualCrossEntropyLoss().backward(way));
  }

  private static double[] gradient(ILossFunction loss) {
    INDArray logits = Layers.random(3, -5, 5, 20, 30);
    INDArray rows = Layers.random(4, 0, 1, 20, 30);
    return NdArrays.values(loss.computeGradient(rows, logits, new ActivationSoftmax(), null));
  }

  /** Else the last bits could not tell which way the loss takes. */
  @Test
  void theWaysOfTheLossDifferInTheirRounding() {
    assertFalse(Arrays.equals(bits(Backward.FUSED), bits(STEPWISE)));
  }

  private static boolean isStepwise(Object core) {
    return core.getClass().getName().startsWith("org.backpropninja.stepwise.");
  }

  private static Object valueOf(Object of, String name) throws ReflectiveOperationException {
    return field(of, name).get(of);
  }

  private static Field field(Object of, String name) throws NoSuchFieldException {
    Field field = of.getClass().getDeclaredField(name);
    field.setAccessible(true);
    return field;
  }

  private static void train(MultiLayerNetwork network) {
    INDArray x = Nd4j.createFromArray(Networks.classes(1, 18, 9)).reshape(6, 3);
    INDArray labels = Nd4j.createFromArray(Networks.classes(2, 6, 5)).reshape(6, 1);
    for (int step = 0; step < 3; step++) {
      network.fit(x.castTo(DataType.DOUBLE), labels.castTo(DataType.DOUBLE));
    }
  }
}
