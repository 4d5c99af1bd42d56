package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Golden.numbers;
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
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.Pass;
import org.backpropninja.internal.Stage;
import org.backpropninja.math.Matrix;
import org.backpropninja.testing.Golden;
import org.backpropninja.testing.Layers.Layout;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.misc.ElementWiseMultiplicationLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.JsonNode;

/** The embedding against PyTorch and against DL4J's, and what it refuses. */
class EmbeddingConcatTest {

  private static final int V = 5;
  private static final int D = 2;
  private static final int T = 3;
  private static final int[][] REPEATED = {{0, 4, 4}, {1, 4, 0}, {4, 4, 4}, {3, 0, 1}};

  static List<JsonNode> golden() {
    return Golden.layerCases("embedding_concat");
  }

  @ParameterizedTest
  @MethodSource
  void golden(JsonNode c) {
    int n = c.get("n").asInt();
    int T = c.get("block").asInt();
    int D = c.get("d").asInt();
    var conf = new EmbeddingConcat.Builder().nIn(c.get("v").asInt()).nOut(D).inputLength(T);
    Layer layer = instantiate(conf.build(), DataType.DOUBLE, 1);
    NdArrays.assign(numbers(c.get("C")), layer.getParam("W"));
    INDArray x = Nd4j.create(numbers(c.get("X")), new long[] {n, T}, 'c');
    assertClose("y", numbers(c.get("y")), NdArrays.values(forward(layer, x, true)), 0);
    backward(layer, Nd4j.create(numbers(c.get("dy")), new long[] {n, (long) T * D}, 'c'));
    assertClose("dC", numbers(c.get("dC")), tableGradient(layer), 1e-12);
  }

  /** Row by row, though the gradient view is column-major. */
  private static double[] tableGradient(Layer layer) {
    INDArray view = layer.getGradientsViewArray();
    return NdArrays.values(view.reshape('f', layer.getParam("W").shape()));
  }

  private static Layer layer(DataType type) {
    return instantiate(builder().build(), type, 1);
  }

  private static EmbeddingConcat.Builder builder() {
    return new EmbeddingConcat.Builder().nIn(V).nOut(D).inputLength(T);
  }

  @ParameterizedTest
  @EnumSource
  void everyLayoutOfIndicesAndEpsilon(Layout layout) {
    Layer layer = layer(DataType.DOUBLE);
    INDArray x = Nd4j.createFromArray(REPEATED);
    INDArray epsilon = random(3, -1, 1, 4, T * D);
    INDArray out = forward(layer, layout.of(x), true);
    assertEquals(forward(layer, x, true), out);
    backward(layer, epsilon);
    double[] expected = gradients(layer);
    layer.getGradientsViewArray().assign(Double.NaN);
    backward(layer, layout.of(epsilon));
    assertArrayEquals(expected, gradients(layer));
  }

  @ParameterizedTest
  @EnumSource(names = {"INT", "LONG", "SHORT", "UBYTE", "HALF", "FLOAT", "DOUBLE"})
  void anyTypeOfIndex(DataType type) {
    for (DataType network : List.of(DataType.FLOAT, DataType.DOUBLE)) {
      Layer layer = layer(network);
      INDArray W = layer.getParam("W");
      INDArray out = forward(layer, Nd4j.createFromArray(REPEATED).castTo(type), true);
      assertEquals(network, out.dataType());
      for (int k = 0; k < 4 * T; k++) {
        for (int d = 0; d < D; d++) {
          assertEquals(W.getDouble(REPEATED[k / T][k % T], d), out.getDouble(k / T, k % T * D + d));
        }
      }
    }
  }

  @Test
  void repeatedIndicesAdd() {
    Layer layer = layer(DataType.DOUBLE);
    forward(layer, Nd4j.createFromArray(REPEATED), true);
    backward(layer, Nd4j.ones(DataType.DOUBLE, 4, T * D));
    assertArrayEquals(new double[] {3, 3, 2, 2, 0, 0, 1, 1, 6, 6}, tableGradient(layer));
  }

  /** DL4J's gives [n, D, T]; ours is the same with each example's vectors one after the other. */
  @Test
  void isEmbeddingSequenceLayerContextMajor() {
    Layer ours = layer(DataType.FLOAT);
    Layer theirs =
        instantiate(
            new EmbeddingSequenceLayer.Builder()
                .nIn(V)
                .nOut(D)
                .inputLength(T)
                .activation(Activation.IDENTITY)
                .build(),
            DataType.FLOAT,
            2);
    theirs.setParams(ours.params().dup());
    INDArray x = Nd4j.createFromArray(REPEATED).castTo(DataType.FLOAT);
    INDArray expected = forward(theirs, x, true).permute(0, 2, 1).dup('c').reshape(4, T * D);
    assertEquals(expected, forward(ours, x, true));
    INDArray epsilon = random(3, -1, 1, 4, T * D).castTo(DataType.FLOAT);
    backward(ours, epsilon);
    backward(theirs, epsilon.reshape('c', 4, T, D).permute(0, 2, 1).dup('c'));
    assertClose("dC", gradients(theirs), gradients(ours), 1e-6);
  }

  static Stream<Arguments> tables() {
    return Stream.of(5, 50_000)
        .flatMap(
            V ->
                Stream.of(Backward.values())
                    .flatMap(
                        way ->
                            Stream.of(DataType.FLOAT, DataType.DOUBLE)
                                .map(type -> Arguments.of(V, way, type))));
  }

  /** Minibatches of many sizes in turn, the second and fifth the same: none sees another's rows. */
  @ParameterizedTest
  @MethodSource("tables")
  void minibatchesLeaveNothingBehind(int V, Backward way, DataType type) {
    int D = 8;
    var conf = new EmbeddingConcat.Builder().nIn(V).nOut(D).inputLength(T).backward(way);
    Layer layer = instantiate(conf.build(), type, 1);
    int[] sizes = {1, 7, 40, 2, 7, 3, 40};
    for (int step = 0; step < sizes.length; step++) {
      int[] Xb = classes(sizes[step], sizes[step] * T, V);
      INDArray x = Nd4j.createFromArray(Xb).reshape(sizes[step], T);
      INDArray out = forward(layer, x, true);
      // Whole numbers, so that sums are exact in any order.
      double[] dembcat = new Random(step).ints(Xb.length * D, 1, 9).asDoubleStream().toArray();
      layer.getGradientsViewArray().assign(Double.NaN);
      backward(layer, Nd4j.create(dembcat, new long[] {sizes[step], T * D}, 'c').castTo(type));
      assertTable(layer, Xb, NdArrays.values(out), dembcat);
      INDArray bad = x.dup().putScalar(sizes[step] - 1, T - 1, V);
      assertRefused(() -> forward(layer, bad, true), "must be a whole number");
      forward(layer, Nd4j.createFromArray(classes(step + 50, 5 * T, V)).reshape(5, T), false);
    }
  }

  private static void assertTable(Layer layer, int[] Xb, double[] embcat, double[] dembcat) {
    double[] C = NdArrays.values(layer.getParam("W"));
    int D = (int) layer.getParam("W").size(1);
    double[] dC = new double[C.length];
    for (int k = 0; k < embcat.length; k++) {
      int at = Xb[k / D] * D + k % D;
      assertEquals(C[at], embcat[k]);
      dC[at] += dembcat[k];
    }
    assertArrayEquals(dC, tableGradient(layer));
  }

  @Test
  void maskedExamplesGiveZerosAndGetNoGradient() {
    Layer layer = layer(DataType.DOUBLE);
    layer.setMaskArray(Nd4j.create(new double[] {1, 1, 0, 1}, 4, 1));
    INDArray out = forward(layer, Nd4j.createFromArray(REPEATED), true);
    assertEquals(0, largest(NdArrays.values(out.getRow(2))));
    assertTrue(largest(NdArrays.values(out.getRow(1))) > 0);
    backward(layer, Nd4j.ones(DataType.DOUBLE, 4, T * D));
    assertArrayEquals(new double[] {3, 3, 2, 2, 0, 0, 1, 1, 3, 3}, tableGradient(layer));
  }

  @Test
  void indicesOfMaskedExamplesAreNotLookedAt() {
    Layer layer = layer(DataType.DOUBLE);
    layer.setMaskArray(Nd4j.create(new double[] {1, 0}, 2, 1));
    INDArray x = Nd4j.create(new double[][] {{1, 2, 3}, {-1, Double.NaN, 99}});
    INDArray out = forward(layer, x, true);
    assertTrue(largest(NdArrays.values(out.getRow(0))) > 0);
    assertEquals(0, largest(NdArrays.values(out.getRow(1))));
    backward(layer, Nd4j.ones(DataType.DOUBLE, 2, T * D));
    assertArrayEquals(new double[] {0, 0, 1, 1, 1, 1, 1, 1, 0, 0}, tableGradient(layer));
  }

  @ParameterizedTest
  @ValueSource(doubles = {5, -1, 2.7, Double.NaN, Double.POSITIVE_INFINITY, 4294967296.0})
  void refusesWhatIsNoIndex(double value) {
    boolean isWhole = value == Math.rint(value);
    String hint = isWhole ? "" : "; indices must come from the data, not from a layer";
    for (boolean training : new boolean[] {true, false}) {
      Layer layer = instantiate(builder().name("emb").build(), DataType.DOUBLE, 1);
      INDArray x = Nd4j.zeros(DataType.DOUBLE, 4, T).putScalar(2, 1, value);
      String message =
          assertThrows(DL4JInvalidInputException.class, () -> forward(layer, x, training))
              .getMessage();
      assertEquals(
          "EmbeddingConcat (layer 0, \"emb\"): input[2, 1] must be a whole number from 0 to 4, was "
              + value
              + hint,
          message);
    }
  }

  /** The array for it is not initialised. */
  @ParameterizedTest
  @EnumSource
  void theGradientOfIndicesIsWrittenAsZeros(Backward way) {
    Layer layer = instantiate(builder().backward(way).build(), DataType.DOUBLE, 1);
    double[] dx = new double[2 * T];
    Arrays.fill(dx, Double.NaN);
    Matrix x = Matrix.of(new double[] {1, 4, 0, 2, 2, 3}, 2, T);
    Matrix embcat = Matrix.of(new double[2 * T * D], 2, T * D);
    ((Stage) layer).forward(x, Pass.TRAINING, embcat);
    ((Stage) layer).backward(embcat, x, Matrix.of(dx, 2, T));
    assertArrayEquals(new double[2 * T], dx);
  }

  @Test
  void refusesOtherShapes() {
    Layer layer = layer(DataType.DOUBLE);
    String right = "must be indices [n, 3], [n, 1, 3] or [n, 3, 1]";
    assertRefused(() -> forward(layer, Nd4j.zeros(4, 2), true), right, "[4, 2]");
    assertRefused(() -> forward(layer, Nd4j.zeros(3), true), right, "rank 1");
    assertRefused(() -> forward(layer, Nd4j.zeros(4, 1, 2), true), right, "[4, 1, 2]");
    assertRefused(() -> forward(layer, Nd4j.zeros(4, 2, T), true), right, "rank 3", "[4, 2, 3]");
    assertRefused(() -> forward(layer, Nd4j.zeros(4, 1, T, 1), true), right, "rank 4");
  }

  @Test
  void refusesSettings() {
    assertRefused(
        DL4JInvalidConfigException.class,
        () ->
            instantiate(
                new EmbeddingConcat.Builder().nIn(V).nOut(D).name("emb").build(),
                DataType.FLOAT,
                1),
        "EmbeddingConcat (layer 0, \"emb\")",
        "inputLength (0) must be at least 1");
    assertRefused(
        DL4JInvalidConfigException.class,
        () -> instantiate(builder().nIn(0).build(), DataType.FLOAT, 1),
        "nIn (0) and nOut (2) must be at least 1: set V and D, or pretrained(...)");
    Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
    assertRefused(illegal, () -> builder().inputLength(0), "inputLength (0)");
    assertRefused(
        illegal, () -> builder().activation(Activation.TANH).build(), "activation (tanh)");
    assertRefused(illegal, () -> builder().dropOut(0.5).build(), "dropOut (", "0.5");
    builder().activation(Activation.IDENTITY).build();
  }

  @Test
  void dropoutOfTheNetworkPassesItBy() {
    MultiLayerNetwork net =
        stack(
            settings(DataType.DOUBLE).dropOut(0.5),
            InputType.feedForward(T),
            builder().build(),
            output(3));
    INDArray x = Nd4j.createFromArray(REPEATED).castTo(DataType.DOUBLE);
    assertEquals(
        net.feedForwardToLayer(0, x, false).get(1), net.feedForwardToLayer(0, x, true).get(1));
  }

  /** A layer of factors 1 below: it hands the indices on, and its gradient is what it is given. */
  private static ElementWiseMultiplicationLayer factors() {
    return new ElementWiseMultiplicationLayer.Builder()
        .nIn(T)
        .nOut(T)
        .activation(Activation.IDENTITY)
        .build();
  }

  @Test
  void refusesALayerBelow() {
    for (org.deeplearning4j.nn.conf.layers.Layer layer :
        List.of(builder().name("emb").build(), new FrozenLayer(builder().name("emb").build()))) {
      assertRefused(
          DL4JInvalidConfigException.class,
          () -> stack(DataType.DOUBLE, InputType.feedForward(T), factors(), layer, output(3)),
          "EmbeddingConcat (layer 1, ",
          "must be the first layer");
    }
  }

  /** Its own index among the vertices is not 0. */
  @Test
  void isNotTheFirstVertexOfAGraph() {
    ComputationGraph net = graph(builder().build());
    net.getParam("factors_W").assign(0.9);
    INDArray x = Nd4j.createFromArray(REPEATED).castTo(DataType.DOUBLE);
    assertRefused(
        () -> net.output(x),
        "input[0, 1] must be a whole number from 0 to 4, was 3.6",
        "indices must come from the data, not from a layer");
  }

  private static ComputationGraph graph(EmbeddingConcat embedding) {
    ComputationGraph net =
        new ComputationGraph(
            settings(DataType.DOUBLE)
                .graphBuilder()
                .addInputs("x")
                .addLayer("factors", factors(), "x")
                .addLayer("embedding", embedding, "factors")
                .addLayer("out", output(3), "embedding")
                .setOutputs("out")
                .setInputTypes(InputType.feedForward(T))
                .build());
    net.init();
    net.getParam("factors_b").assign(0);
    return net;
  }

  @Test
  void theVertexBelowGetsZeros() {
    ComputationGraph net = graph(builder().build());
    net.getParam("factors_W").assign(1);
    INDArray[] x = {Nd4j.createFromArray(REPEATED).castTo(DataType.DOUBLE)};
    for (int step = 0; step < 3; step++) {
      net.fit(x, new INDArray[] {labels()});
    }
    assertArrayEquals(new double[] {1, 1, 1}, NdArrays.values(net.getParam("factors_W")));
    assertArrayEquals(new double[] {0, 0, 0}, NdArrays.values(net.getParam("factors_b")));
  }

  private static INDArray labels() {
    return oneHot(DataType.DOUBLE, 3, 0, 1, 2, 0);
  }
}
