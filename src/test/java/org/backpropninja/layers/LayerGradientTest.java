package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
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

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.GradientChecks;
import org.backpropninja.testing.Layers.Layout;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Each layer's hand-written gradients against central differences and across memory layouts. */
@ExtendWith(DoublePrecision.class)
class LayerGradientTest {

  private static final int WIDTH = 4;
  private static final int[] MINIBATCHES = {2, 3, 32};

  /** Configurations are changed by the network that takes them, so each use makes its own. */
  private static final Map<String, Supplier<FeedForwardLayer>> LAYERS = new LinkedHashMap<>();

  static {
    for (Activation a :
        new Activation[] {
          Activation.IDENTITY, Activation.TANH, Activation.SIGMOID, Activation.ELU
        }) {
      LAYERS.put("dense " + a, () -> denseOf(true).activation(a).build());
      LAYERS.put("unbiased " + a, () -> batchNormOf(Variance.UNBIASED).activation(a).build());
    }
    LAYERS.put("dense without bias", () -> denseOf(false).activation(Activation.TANH).build());
    LAYERS.put(
        "biased", () -> batchNormOf(Variance.BIASED).activation(Activation.TANH).eps(1e-5).build());
  }

  private static ManualDense.Builder denseOf(boolean hasBias) {
    return new ManualDense.Builder().nIn(WIDTH).nOut(WIDTH + 1).hasBias(hasBias);
  }

  /** ε is large because with two rows every gradient vanishes with it. */
  private static BatchNormBessel.Builder batchNormOf(Variance variance) {
    return new BatchNormBessel.Builder().nIn(WIDTH).variance(variance).eps(0.05);
  }

  static Stream<Arguments> cases() {
    return LAYERS.keySet().stream()
        .flatMap(name -> Arrays.stream(MINIBATCHES).mapToObj(n -> Arguments.of(name, n)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void parametersInTheMiddle(String name, int n) {
    var net =
        stack(
            DataType.DOUBLE,
            InputType.feedForward(3),
            dense(WIDTH),
            LAYERS.get(name).get(),
            output(3));
    GradientChecks.check(net, random(n, -1, 1, n, 3), labels(n), "1_mean", "1_var");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void parametersOfTheFirstLayer(String name, int n) {
    var net =
        stack(DataType.DOUBLE, InputType.feedForward(WIDTH), LAYERS.get(name).get(), output(3));
    GradientChecks.check(net, random(n, -1, 1, n, WIDTH), labels(n), "0_mean", "0_var");
  }

  private static INDArray labels(int n) {
    return oneHot(DataType.DOUBLE, 3, classes(n, n, 3));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 32})
  void embedding(int n) {
    var net = stack(DataType.DOUBLE, InputType.feedForward(3), embeddingLayer(), output(3));
    GradientChecks.check(net, indices(n), labels(n));
  }

  private static EmbeddingConcat embeddingLayer() {
    return new EmbeddingConcat.Builder().nIn(5).nOut(2).build();
  }

  /** Indices from 0 to 4, so that those of 32 examples stand in many places. */
  private static INDArray indices(int n) {
    return random(n, 0, 5, n, 3).castTo(DataType.INT32).castTo(DataType.DOUBLE);
  }

  @Test
  void regularisedParameters() {
    var net =
        stack(
            settings(DataType.DOUBLE).l1(0.03).l2(0.2).l1Bias(0.02).l2Bias(0.1),
            InputType.feedForward(3),
            embeddingLayer(),
            LAYERS.get("dense TANH").get(),
            LAYERS.get("unbiased TANH").get(),
            output(3));
    GradientChecks.check(net, indices(6), labels(6), "2_mean", "2_var");
  }

  @Test
  void maskedParameters() {
    var net =
        stack(
            DataType.DOUBLE,
            InputType.feedForward(3),
            dense(WIDTH),
            LAYERS.get("unbiased TANH").get(),
            LAYERS.get("dense SIGMOID").get(),
            output(3));
    INDArray mask = Nd4j.create(new double[] {1, 0, 1, 1, 0, 1}, 6, 1);
    GradientChecks.check(
        new GradientCheckUtil.MLNConfig()
            .net(net)
            .input(random(1, -1, 1, 6, 3))
            .labels(labels(6))
            .inputMask(mask)
            .labelMask(mask)
            .excludeParams(Set.of("1_mean", "1_var")));
  }

  /** With the same seed before every pass dropout is a constant factor. */
  @Test
  void dropout() {
    var net =
        stack(
            DataType.DOUBLE,
            InputType.feedForward(3),
            dense(WIDTH),
            denseOf(true).activation(Activation.TANH).dropOut(0.6).build(),
            new BatchNormBessel.Builder().dropOut(0.7).build(),
            output(3));
    GradientChecks.check(
        new GradientCheckUtil.MLNConfig()
            .net(net)
            .input(random(1, -1, 1, 6, 3))
            .labels(labels(6))
            .excludeParams(Set.of("2_mean", "2_var"))
            .callEachIter(each -> Nd4j.getRandom().setSeed(12)));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 32})
  void graph(int n) {
    ComputationGraphConfiguration conf =
        settings(DataType.DOUBLE)
            .graphBuilder()
            .addInputs("x")
            .addLayer("embedding", embeddingLayer(), "x")
            .addLayer("below", dense(WIDTH), "embedding")
            .addLayer("dense", LAYERS.get("dense ELU").get(), "below")
            .addLayer("batchNorm", new BatchNormBessel.Builder().eps(0.05).build(), "dense")
            .addLayer("out", output(3), "batchNorm")
            .setOutputs("out")
            .setInputTypes(InputType.feedForward(3))
            .build();
    ComputationGraph net = new ComputationGraph(conf);
    net.init();
    disturb(net.paramTable(), 5);
    GradientChecks.check(net, indices(n), labels(n), "batchNorm_mean", "batchNorm_var");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void inputInTraining(String name, int n) {
    input(instantiate(LAYERS.get(name).get(), DataType.DOUBLE, 3), n, true);
  }

  /** Running statistics are constants: no term of the gradient goes through them. */
  @ParameterizedTest
  @MethodSource("cases")
  void inputInInference(String name, int n) {
    input(instantiate(LAYERS.get(name).get(), DataType.DOUBLE, 3), n, false);
  }

  private static void input(Layer layer, int n, boolean training) {
    INDArray x = random(n, -2, 2, n, WIDTH);
    INDArray epsilon = random(n + 1, -1, 1, forward(layer, x, training).shape());
    double[] expected = numericalInputGradient(layer, x, epsilon, training, 1e-5);
    forward(layer, x, training);
    assertWithin("dx", expected, NdArrays.values(backward(layer, epsilon)), 1e-9);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void layoutsDoNotMatter(String name, int n) {
    for (DataType type : new DataType[] {DataType.DOUBLE, DataType.FLOAT}) {
      for (boolean training : new boolean[] {true, false}) {
        Layer layer = instantiate(LAYERS.get(name).get(), type, 3);
        layoutsDoNotMatter(layer, random(n, -2, 2, n, WIDTH).castTo(type), training);
      }
    }
  }

  private static void layoutsDoNotMatter(Layer layer, INDArray x, boolean training) {
    double[] out = NdArrays.values(forward(layer, x, training));
    INDArray epsilon = random(8, -1, 1, x.size(0), out.length / x.size(0)).castTo(x.dataType());
    double[] dx = NdArrays.values(backward(layer, epsilon));
    double[] gradients = gradients(layer);
    // BLAS adds up in another order for another layout.
    double rounding = x.dataType() == DataType.DOUBLE ? 1e-15 : 1e-6;
    for (Layout ofX : Layout.values()) {
      for (Layout ofEpsilon : Layout.values()) {
        String what = ofX + ", " + ofEpsilon;
        assertClose(what, out, NdArrays.values(forward(layer, ofX.of(x), training)), rounding);
        double[] dxAgain = NdArrays.values(backward(layer, ofEpsilon.of(epsilon)));
        assertClose(what, dx, dxAgain, 4 * rounding);
        assertClose(what, gradients, gradients(layer), 4 * rounding);
      }
    }
  }

  /**
   * A FLOAT layer's loops over elements and products are in float, its columns' values in double.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void floatIsDoubleButForRounding(String name, int n) {
    assertRounded(name, n, DataType.FLOAT, 1e-6);
    assertRounded(name, n, DataType.FLOAT16, 1e-2);
  }

  private static void assertRounded(String name, int n, DataType type, double relative) {
    assertRounded(name, n, type, relative, null);
  }

  private static void assertRounded(
      String name, int n, DataType type, double relative, INDArray mask) {
    Layer rounded = instantiate(LAYERS.get(name).get(), type, 3);
    Layer inDouble = instantiate(LAYERS.get(name).get(), DataType.DOUBLE, 4);
    inDouble.setParams(rounded.params().castTo(DataType.DOUBLE));
    rounded.setMaskArray(mask);
    inDouble.setMaskArray(mask);
    INDArray x = random(n, -2, 2, n, WIDTH).castTo(type);
    INDArray h = forward(rounded, x, true);
    assertEquals(type, h.dataType());
    double[] expected = NdArrays.values(forward(inDouble, x.castTo(DataType.DOUBLE), true));
    assertClose("h", expected, NdArrays.values(h), relative);
    INDArray epsilon = random(9, -1, 1, h.shape()).castTo(type);
    INDArray dx = backward(rounded, epsilon);
    assertEquals(type, dx.dataType());
    expected = NdArrays.values(backward(inDouble, epsilon.castTo(DataType.DOUBLE)));
    // Of two rows batch norm's gradient is what ε leaves of terms of epsilon's size.
    double most = Math.max(largest(expected), largest(NdArrays.values(epsilon)));
    assertWithin("dx", expected, NdArrays.values(dx), relative * most);
    assertClose("gradients", gradients(inDouble), gradients(rounded), relative);
  }

  /** Its rows would be read from and written to memory beyond the layer's arrays. */
  @ParameterizedTest
  @MethodSource("cases")
  void refusesAGradientOfAnotherShape(String name, int n) {
    Layer layer = instantiate(LAYERS.get(name).get(), DataType.FLOAT, 3);
    INDArray h = forward(layer, random(n, -2, 2, n, WIDTH).castTo(DataType.FLOAT), true);
    for (long[] shape : new long[][] {{n + 1, h.size(1)}, {n, h.size(1) + 1}, {h.length()}}) {
      assertRefused(
          () -> backward(layer, Nd4j.zeros(DataType.FLOAT, shape)),
          "epsilon must be of shape [" + n + ", " + h.size(1) + "]",
          Arrays.toString(shape));
    }
  }

  static Stream<String> layers() {
    return LAYERS.keySet().stream();
  }

  /** More rows than a block of any loop holds, without and with a mask. */
  @ParameterizedTest
  @MethodSource("layers")
  void floatIsDoubleButForRoundingInLargeMinibatches(String name) {
    assertRounded(name, 2001, DataType.FLOAT, 5e-6);
    INDArray mask = Nd4j.ones(DataType.FLOAT, 2001, 1);
    mask.putScalar(3, 0, 0);
    mask.putScalar(1999, 0, 0);
    assertRounded(name, 2001, DataType.FLOAT, 5e-6, mask);
  }

  /** The layer above may work on its input in place, as dropout does. */
  @ParameterizedTest
  @MethodSource("cases")
  void theOutputMayBeOverwritten(String name, int n) {
    for (DataType type : new DataType[] {DataType.DOUBLE, DataType.FLOAT}) {
      Layer layer = instantiate(LAYERS.get(name).get(), type, 3);
      INDArray x = random(n, -2, 2, n, WIDTH).castTo(type);
      INDArray h = forward(layer, x, true);
      INDArray epsilon = random(8, -1, 1, h.shape()).castTo(type);
      double[] dx = NdArrays.values(backward(layer, epsilon));
      double[] expected = gradients(layer);
      forward(layer, x, true).assign(Double.NaN);
      assertArrayEquals(dx, NdArrays.values(backward(layer, epsilon)));
      assertArrayEquals(expected, gradients(layer));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void gradientViewsAreWrittenWholeAndNeverAccumulated(String name, int n) {
    for (DataType type : new DataType[] {DataType.DOUBLE, DataType.FLOAT}) {
      Layer layer = instantiate(LAYERS.get(name).get(), type, 3);
      INDArray x = random(n, -2, 2, n, WIDTH).castTo(type);
      INDArray epsilon = random(8, -1, 1, forward(layer, x, true).shape()).castTo(type);
      double[] dx = NdArrays.values(backward(layer, epsilon));
      double[] first = gradients(layer);
      layer.getGradientsViewArray().assign(Double.NaN);
      assertArrayEquals(dx, NdArrays.values(backward(layer, epsilon)));
      assertArrayEquals(first, gradients(layer));
    }
  }

  /** Layers keep their buffers, and the last minibatch of an epoch is smaller. */
  @ParameterizedTest
  @MethodSource("cases")
  void minibatchesOfAnySizeFollowEachOther(String name, int n) {
    Layer fresh = instantiate(LAYERS.get(name).get(), DataType.DOUBLE, 3);
    Layer used = instantiate(LAYERS.get(name).get(), DataType.DOUBLE, 3);
    INDArray larger = random(1, -2, 2, n + 5, WIDTH);
    backward(used, random(2, -1, 1, forward(used, larger, true).shape()));
    forward(used, larger, false); // and nothing of an inference pass either
    INDArray x = random(3, -2, 2, n, WIDTH);
    INDArray h = forward(fresh, x, true);
    assertEquals(h, forward(used, x, true));
    INDArray epsilon = random(4, -1, 1, h.shape());
    assertEquals(backward(fresh, epsilon), backward(used, epsilon));
    assertArrayEquals(gradients(fresh), gradients(used));
  }

  /** With constant statistics each example stands alone. */
  @Test
  void inferenceOfOneExample() {
    LAYERS
        .keySet()
        .forEach(name -> input(instantiate(LAYERS.get(name).get(), DataType.DOUBLE, 3), 1, false));
  }

  /** Matrices of one column are vectors to ND4J, which then has other strides. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void oneColumn(int n) {
    for (int nIn : new int[] {1, 3}) {
      var conf = new ManualDense.Builder().nIn(nIn).nOut(1).activation(Activation.TANH).build();
      Layer layer = instantiate(conf, DataType.DOUBLE, 3);
      INDArray x = random(n, -2, 2, n, nIn);
      INDArray epsilon = random(8, -1, 1, n, 1);
      double[] expected = numericalInputGradient(layer, x, epsilon, true, 1e-5);
      forward(layer, x, true);
      assertWithin("dx", expected, NdArrays.values(backward(layer, epsilon)), 1e-9);
      double[] dW = IntStream.range(0, nIn).mapToDouble(k -> sum(layer, x, epsilon, k)).toArray();
      assertWithin("dW", dW, Arrays.copyOf(gradients(layer), nIn), 1e-9 * Math.max(1, largest(dW)));
    }
  }

  /** Σ_i x[i, k]·dz[i]. */
  private static double sum(Layer layer, INDArray x, INDArray epsilon, int k) {
    double sum = 0;
    for (int i = 0; i < x.size(0); i++) {
      double h = forward(layer, x, true).getDouble(i, 0);
      sum += x.getDouble(i, k) * (1 - h * h) * epsilon.getDouble(i, 0);
    }
    return sum;
  }
}
