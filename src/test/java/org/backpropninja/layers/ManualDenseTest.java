package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.testing.DoublePrecision;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** The dense layer does what DL4J's {@link DenseLayer} does, and refuses what that one lets in. */
@ExtendWith(DoublePrecision.class)
class ManualDenseTest {

  /** Settings under which a training step is the same for both, random ones by the same seed. */
  private static final Map<String, Supplier<NeuralNetConfiguration.Builder>> SETTINGS =
      Map.of(
          "plain", () -> new NeuralNetConfiguration.Builder().updater(new Sgd(0.1)),
          "Adam", () -> new NeuralNetConfiguration.Builder().updater(new Adam(0.01)),
          "bias updater", () -> new NeuralNetConfiguration.Builder().biasUpdater(new Sgd(0.7)),
          "l1 and l2", () -> new NeuralNetConfiguration.Builder().l1(0.1).l2(0.2).l2Bias(0.3),
          "weight decay", () -> new NeuralNetConfiguration.Builder().weightDecay(0.1),
          "max norm",
              () ->
                  new NeuralNetConfiguration.Builder()
                      .constrainWeights(new MaxNormConstraint(0.2, Set.of("W"), 0)),
          "dropout", () -> new NeuralNetConfiguration.Builder().dropOut(0.6),
          "DropConnect",
              () -> new NeuralNetConfiguration.Builder().weightNoise(new DropConnect(0.6)),
          "DropConnect of biases",
              () -> new NeuralNetConfiguration.Builder().weightNoise(new DropConnect(0.6, true)));

  static Stream<Arguments> trainings() {
    return SETTINGS.keySet().stream()
        .flatMap(
            s -> Stream.of(DataType.DOUBLE, DataType.FLOAT).map(type -> Arguments.of(s, type)));
  }

  @ParameterizedTest
  @MethodSource("trainings")
  void trainsLikeDenseLayer(String settings, DataType type) {
    double relative = type == DataType.DOUBLE ? 1e-12 : 1e-5;
    MultiLayerNetwork ours = trained(settings, type, new ManualDense.Builder());
    MultiLayerNetwork theirs = trained(settings, type, new DenseLayer.Builder());
    INDArray x = random(5, -1, 1, 4, 3).castTo(type);
    assertClose("output", outputOf(theirs, x), outputOf(ours, x), relative);
    for (String key : List.of("0_W", "0_b", "1_W", "1_b")) {
      assertClose(key, read(theirs.getParam(key)), read(ours.getParam(key)), relative);
    }
  }

  private static MultiLayerNetwork trained(
      String settings, DataType type, FeedForwardLayer.Builder<?> layer) {
    FeedForwardLayer conf = layer.nOut(4).activation(Activation.TANH).build();
    MultiLayerNetwork net =
        stack(
            SETTINGS.get(settings).get().seed(7).dataType(type),
            InputType.feedForward(3),
            conf,
            output(3));
    Nd4j.getRandom().setSeed(3);
    for (int step = 0; step < 3; step++) {
      int n = 6 + step;
      net.fit(
          new DataSet(
              random(step, -1, 1, n, 3).castTo(type), oneHot(type, 3, classes(step, n, 3))));
    }
    return net;
  }

  /** DL4J drops biases in inference too, hence the seed. */
  private static double[] outputOf(MultiLayerNetwork net, INDArray x) {
    Nd4j.getRandom().setSeed(4);
    return read(net.output(x));
  }

  private static double[] read(INDArray x) {
    return NdArrays.values(x);
  }

  @ParameterizedTest
  @EnumSource(names = {"IDENTITY", "TANH", "SIGMOID", "SOFTMAX", "RELU", "ELU"})
  void isDenseLayerAlone(Activation activation) {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      for (INDArray mask : new INDArray[] {null, Nd4j.create(new double[] {1, 0, 1, 1, 0}, 5, 1)}) {
        Layer ours = alone(new ManualDense.Builder(), activation, type);
        Layer theirs = alone(new DenseLayer.Builder(), activation, type);
        ours.setMaskArray(mask);
        theirs.setMaskArray(mask);
        INDArray x = random(1, -1, 1, 5, 3).castTo(type);
        INDArray epsilon = random(2, -1, 1, 5, 4).castTo(type);
        double relative = type == DataType.DOUBLE ? 1e-13 : 1e-6;
        assertClose("h", read(forward(theirs, x, true)), read(forward(ours, x, true)), relative);
        assertClose("dx", read(backward(theirs, epsilon)), read(backward(ours, epsilon)), relative);
        assertClose("gradients", gradients(theirs), gradients(ours), relative);
      }
    }
  }

  private static Layer alone(
      FeedForwardLayer.Builder<?> builder, Activation activation, DataType type) {
    FeedForwardLayer conf = builder.nIn(3).nOut(4).activation(activation).build();
    return instantiate(conf, type, 4);
  }

  @Test
  void maskedExamplesTakeNoPart() {
    INDArray x = random(1, -1, 1, 4, 3);
    INDArray epsilon = random(2, -1, 1, 4, 4);
    Layer without = alone(new ManualDense.Builder(), Activation.SIGMOID, DataType.DOUBLE);
    Layer masked = alone(new ManualDense.Builder(), Activation.SIGMOID, DataType.DOUBLE);
    masked.setMaskArray(Nd4j.create(new double[] {0, 1, 0, 1}, 4, 1));
    int[] kept = {1, 3};
    INDArray h = forward(masked, x, true);
    assertClose("h", read(forward(without, x.getRows(kept), true)), read(h.getRows(kept)), 1e-15);
    assertEquals(0, largest(read(h.getRows(0, 2))));
    INDArray dx = backward(masked, epsilon);
    assertClose(
        "dx", read(backward(without, epsilon.getRows(kept))), read(dx.getRows(kept)), 1e-15);
    assertEquals(0, largest(read(dx.getRows(0, 2))));
    assertClose("gradients", gradients(without), gradients(masked), 1e-15);
  }

  /** The backward pass must see the weights that the forward pass saw, and then let go of them. */
  @Test
  void dropConnectGoesBackThroughTheSameWeights() {
    Layer layer =
        instantiate(
            new ManualDense.Builder()
                .nIn(3)
                .nOut(4)
                .activation(Activation.IDENTITY)
                .weightNoise(new DropConnect(0.5))
                .build(),
            DataType.DOUBLE,
            1);
    INDArray epsilon = random(2, -1, 1, 3, 4);
    double[] bias = read(layer.getParam("b"));
    double[] seen = null;
    for (int step = 0; step < 3; step++) {
      INDArray noisy = forward(layer, Nd4j.eye(3).castTo(DataType.DOUBLE), true); // W + b
      INDArray W = noisy.subRowVector(Nd4j.create(bias));
      assertClose("dx", read(epsilon.mmul(W.transpose())), read(backward(layer, epsilon)), 1e-14);
      assertFalse(Arrays.equals(seen, read(noisy)), "new noise in every step");
      seen = read(noisy);
    }
  }

  @Test
  void withoutBias() {
    MultiLayerNetwork net =
        stack(
            settings(DataType.DOUBLE),
            InputType.feedForward(3),
            new ManualDense.Builder()
                .nOut(4)
                .hasBias(false)
                .activation(Activation.IDENTITY)
                .build(),
            output(3));
    assertEquals(12, net.getLayer(0).numParams());
    assertEquals(Set.of("W"), net.getLayer(0).paramTable().keySet());
    assertEquals(0, largest(read(net.feedForward(Nd4j.zeros(DataType.DOUBLE, 2, 3)).get(1))));
    net.fit(random(1, -1, 1, 4, 3), oneHot(DataType.DOUBLE, 3, 0, 1, 2, 0));
    assertTrue(largest(read(net.gradient().getGradientFor("0_W"))) > 0);
  }

  @Test
  void biasInit() {
    var net =
        new MultiLayerNetwork(
            settings(DataType.DOUBLE)
                .list()
                .layer(new ManualDense.Builder().nIn(3).nOut(2).biasInit(0.25).build())
                .layer(output(3))
                .setInputType(InputType.feedForward(3))
                .build());
    net.init();
    assertClose("b", new double[] {0.25, 0.25}, read(net.getParam("0_b")), 0);
    assertTrue(largest(read(net.getParam("0_W"))) > 0);
  }

  @Test
  void refusesWhatIsNotFinite() {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      Layer layer =
          instantiate(new ManualDense.Builder().nIn(3).nOut(2).name("hidden").build(), type, 1);
      for (double value : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
        INDArray x = Nd4j.zeros(type, 4, 3).putScalar(2, 1, value);
        assertRefused(
            () -> forward(layer, x, false),
            "ManualDense (layer 3, \"hidden\")",
            "input[2, 1] must be a finite number, was " + value);
      }
    }
  }

  @Test
  void refusesOtherShapes() {
    Layer layer = alone(new ManualDense.Builder(), Activation.TANH, DataType.DOUBLE);
    assertRefused(
        () -> forward(layer, Nd4j.zeros(5, 2), true),
        "ManualDense (layer 3)",
        "input must be [n, 3] or [n, 3, t], was rank 2 with shape [5, 2]");
    assertRefused(() -> forward(layer, Nd4j.zeros(5, 2, 3), true), "was rank 3", "[5, 2, 3]");
    assertRefused(() -> forward(layer, Nd4j.zeros(5, 3, 2, 2), true), "was rank 4");
    assertRefused(() -> forward(layer, Nd4j.zeros(3), true), "was rank 1");
    layer.setMaskArray(Nd4j.ones(4, 1));
    assertRefused(() -> forward(layer, Nd4j.zeros(5, 3), true), "mask", "5 examples", "[4, 1]");
  }
}
