package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.numericalInputGradient;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.dense;
import static org.backpropninja.testing.Networks.disturb;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.stream.Stream;
import org.backpropninja.check.Feature;
import org.backpropninja.check.LayerConformance;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.FixedDropout;
import org.backpropninja.testing.GradientChecks;
import org.backpropninja.testing.Layers.Layout;
import org.backpropninja.testing.Serialised;
import org.backpropninja.training.CompiledNetwork;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** The example of docs/adding-a-layer.md. */
@ExtendWith(DoublePrecision.class)
class LayerNormTest {

  private static final int H = 4;

  private static LayerNorm layerNorm() {
    return new LayerNorm.Builder().nIn(H).eps(0.01).build();
  }

  private static INDArray labels(int n) {
    return oneHot(DataType.DOUBLE, 3, classes(n, n, 3));
  }

  /** {@code torch.nn.functional.layer_norm(x, (3,), gain, bias, 0.01)} of 1.13, in float64. */
  @Test
  void givesPyTorchsFigures() {
    Layer layer = instantiate(new LayerNorm.Builder().nIn(3).eps(0.01).build(), DataType.DOUBLE, 3);
    layer.setParams(Nd4j.createFromArray(1.5, -0.5, 0.75, 0.25, -0.75, 0.5));
    INDArray x = Nd4j.createFromArray(new double[][] {{0.75, -1, 2}, {3, 3.5, -0.25}});
    INDArray dh = Nd4j.createFromArray(new double[][] {{1, -2, 0.5}, {0.25, 0.75, -1.5}});
    double[] h = {
      0.452517872990972, -0.10869340219525525, 1.3607009602116311,
      1.0755781070833055, -1.1752978127398845, -0.5507357726514792
    };
    double[] dx = {
      0.46247610514598936, -0.19127713432422921, -0.2711989708217599,
      0.28910190145354786, -0.24914802769160072, -0.039953873761947256
    };
    double[] dgainAndDbias = {
      0.27260826650786557, 3.2031731103288057, 2.6752721854440455, 1.25, -1.25, -1
    };
    assertWithin("h", h, NdArrays.values(forward(layer, x, true)), 1e-14);
    assertWithin("dx", dx, NdArrays.values(backward(layer, dh)), 1e-14);
    assertWithin("dgain, dbias", dgainAndDbias, gradients(layer), 1e-14);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 32})
  void parameters(int n) {
    MultiLayerNetwork net =
        stack(DataType.DOUBLE, InputType.feedForward(3), dense(H), layerNorm(), output(3));
    GradientChecks.check(net, random(n, -1, 1, n, 3), labels(n));
  }

  @Test
  void parametersWithMasks() {
    MultiLayerNetwork net =
        stack(DataType.DOUBLE, InputType.feedForward(3), dense(H), layerNorm(), output(3));
    INDArray mask = Nd4j.create(new double[] {1, 0, 1, 1, 0, 1}, 6, 1);
    GradientChecks.check(
        new GradientCheckUtil.MLNConfig()
            .net(net)
            .input(random(1, -1, 1, 6, 3))
            .labels(labels(6))
            .inputMask(mask)
            .labelMask(mask));
  }

  /** Dropout, which reads the same activation later, works in place. */
  @Test
  void parametersInAGraphBesideDropout() {
    ComputationGraph net =
        new ComputationGraph(
            settings(DataType.DOUBLE)
                .graphBuilder()
                .addInputs("x")
                .setInputTypes(InputType.feedForward(3))
                .addLayer("below", dense(H), "x")
                .addLayer("shared", layerNorm(), "below")
                .addLayer("ours", layerNorm(), "shared")
                .addLayer("dropout", new DropoutLayer.Builder(new FixedDropout()).build(), "shared")
                .addVertex(
                    "sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "ours", "dropout")
                .addLayer("output", output(3), "sum")
                .setOutputs("output")
                .build());
    net.init();
    disturb(net.paramTable(), 5);
    GradientChecks.check(
        new GradientCheckUtil.GraphConfig()
            .net(net)
            .inputs(new INDArray[] {random(6, -1, 1, 6, 3)})
            .labels(new INDArray[] {labels(6)})
            .callEachIter(each -> {})); // this dropout has no seed to be set
  }

  @ParameterizedTest
  @EnumSource(Layout.class)
  void input(Layout layout) {
    Layer layer = instantiate(layerNorm(), DataType.DOUBLE, 3);
    INDArray x = random(1, -2, 2, 5, H);
    INDArray dh = random(2, -1, 1, 5, H);
    for (boolean training : new boolean[] {true, false}) {
      double[] expected = numericalInputGradient(layer, x, dh, training, 1e-5);
      forward(layer, layout.of(x), training);
      assertWithin("dx", expected, NdArrays.values(backward(layer, layout.of(dh))), 1e-8);
    }
  }

  /** Everything else that DL4J and its users rely on. */
  @TestFactory
  Stream<DynamicTest> conforms() {
    return LayerConformance.of(() -> new LayerNorm.Builder().eps(0.01).build())
        .input(InputType.feedForward(H))
        .supports(Feature.MASKS)
        .checks()
        .map(check -> dynamicTest(check.name(), check::run));
  }

  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"FLOAT", "HALF"})
  void isDoubleButForRounding(DataType type) {
    Layer rounded = instantiate(layerNorm(), type, 3);
    Layer exact = instantiate(layerNorm(), DataType.DOUBLE, 4);
    exact.setParams(rounded.params().castTo(DataType.DOUBLE));
    INDArray x = random(1, -2, 2, 7, H).castTo(type);
    INDArray dh = random(2, -1, 1, 7, H).castTo(type);
    double relative = type == DataType.FLOAT ? 1e-6 : 1e-2;
    double[] h = NdArrays.values(forward(exact, x.castTo(DataType.DOUBLE), true));
    assertClose("h", h, NdArrays.values(forward(rounded, x, true)), relative);
    double[] dx = NdArrays.values(backward(exact, dh.castTo(DataType.DOUBLE)));
    assertClose("dx", dx, NdArrays.values(backward(rounded, dh)), relative);
    assertClose("dgain, dbias", gradients(exact), gradients(rounded), relative);
  }

  @Test
  void roundTrips() throws Exception {
    MultiLayerNetwork net =
        stack(DataType.DOUBLE, InputType.feedForward(H), layerNorm(), output(3));
    MultiLayerConfiguration conf = net.getLayerWiseConfigurations();
    assertEquals(conf, MultiLayerConfiguration.fromJson(conf.toJson()));
    assertEquals(conf, MultiLayerConfiguration.fromYaml(conf.toYaml()));
    assertEquals(conf, Serialised.copy(conf));
    assertEquals(0.01, ((LayerNorm) Serialised.copy(conf).getConf(0).getLayer()).getEps());
    LayerNorm other = layerNorm();
    other.setEps(0.02);
    assertNotEquals(layerNorm(), other);
  }

  @Test
  void trainsInACompiledNetworkToo() {
    DataSet minibatch = new DataSet(random(1, -1, 1, 6, 3), labels(6));
    MultiLayerNetwork usual = trainable();
    MultiLayerNetwork compiled = trainable();
    INDArray before = usual.params().dup();
    CompiledNetwork inARow = CompiledNetwork.of(compiled);
    for (int step = 0; step < 3; step++) {
      usual.fit(minibatch);
      inARow.fit(minibatch);
    }
    assertNotEquals(before, usual.params());
    assertArrayEquals(NdArrays.values(usual.params()), NdArrays.values(compiled.params()), 1e-14);
  }

  private static MultiLayerNetwork trainable() {
    return stack(
        DataType.DOUBLE,
        InputType.feedForward(3),
        new LayerNorm.Builder().build(),
        new ManualDense.Builder().nOut(H).activation(Activation.TANH).build(),
        layerNorm(),
        new OutputLayer.Builder(new ManualCrossEntropyLoss())
            .nOut(3)
            .activation(Activation.SOFTMAX)
            .build());
  }

  @Test
  void refusesWhatHasNoMeaning() {
    LayerNorm.Builder builder = new LayerNorm.Builder();
    assertRefused(IllegalArgumentException.class, () -> builder.eps(0), "eps (0.0)", "positive");
    assertRefused(
        IllegalArgumentException.class,
        () -> builder.nIn(3).nOut(4).build(),
        "nOut (4)",
        "nIn (3)");
    assertRefused(
        IllegalArgumentException.class,
        () -> new LayerNorm.Builder().activation(Activation.TANH).build(),
        "activation (tanh)",
        "LayerNorm has none");
    Layer layer = instantiate(layerNorm(), DataType.DOUBLE, 3);
    INDArray x = random(1, -1, 1, 2, H);
    x.putScalar(1, 2, Double.NaN);
    assertRefused(() -> forward(layer, x, true), "input[1, 2] must be a finite number, was NaN");
  }
}
