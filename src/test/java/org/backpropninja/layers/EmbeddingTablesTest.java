package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Golden.numbers;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.GoldenModels;
import org.backpropninja.testing.Layers.Layout;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.nn.weights.embeddings.ArrayEmbeddingInitializer;
import org.deeplearning4j.nn.weights.embeddings.EmbeddingInitializer;
import org.deeplearning4j.nn.weights.embeddings.WeightInitEmbedding;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.shade.jackson.annotation.JsonProperty;
import org.nd4j.shade.jackson.databind.JsonNode;

/** Tables with padding, tables that come from outside, and tables that stay as they are. */
class EmbeddingTablesTest {

  private static final int V = 6;
  private static final int D = 2;
  private static final int T = 3;
  private static final int PADDING = 4;
  private static final Class<IllegalArgumentException> ILLEGAL = IllegalArgumentException.class;

  private static EmbeddingConcat.Builder builder() {
    return new EmbeddingConcat.Builder().nIn(V).nOut(D).inputLength(T);
  }

  private static MultiLayerConfiguration conf(DataType type, Layer embedding) {
    return settings(type)
        .list()
        .layer(embedding)
        .layer(output(3))
        .setInputType(InputType.feedForward(T))
        .build();
  }

  private static MultiLayerNetwork initialised(MultiLayerConfiguration conf) {
    MultiLayerNetwork net = new MultiLayerNetwork(conf);
    net.init();
    return net;
  }

  private static MultiLayerNetwork network(DataType type, Layer embedding) {
    return initialised(conf(type, embedding));
  }

  /** Padding is among them, more than once in a row. */
  private static INDArray indices() {
    return Nd4j.createFromArray(
        new double[][] {{4, 4, 1}, {4, 2, 0}, {5, 4, 3}, {3, 3, 3}, {4, 4, 4}});
  }

  private static INDArray labels(DataType type) {
    return oneHot(type, 3, 0, 1, 2, 0, 1);
  }

  // Padding

  static Stream<Arguments> golden() {
    return GoldenModels.cases("embedding").stream()
        .flatMap(c -> Stream.of(Backward.values()).map(way -> Arguments.of(c, way)));
  }

  @ParameterizedTest
  @MethodSource
  void golden(JsonNode c, Backward way) {
    int T = c.get("T").asInt();
    int D = c.get("D").asInt();
    var builder =
        new EmbeddingConcat.Builder().nIn(c.get("V").asInt()).nOut(D).inputLength(T).backward(way);
    if (!c.get("padding_index").isNull()) {
      builder.paddingIndex(c.get("padding_index").asInt());
    }
    var layer = instantiate(builder.build(), DataType.DOUBLE, 1);
    NdArrays.assign(numbers(c.get("C")), layer.getParam("W"));
    INDArray x = GoldenModels.array(c.get("X"));
    assertClose("y", numbers(c.get("y")), NdArrays.values(forward(layer, x, true)), 0);
    backward(layer, GoldenModels.array(c.get("dy")));
    assertClose("dC", numbers(c.get("dC")), tableGradient(layer), 1e-12);
  }

  /** Row by row, though the gradient view is column-major. */
  private static double[] tableGradient(org.deeplearning4j.nn.api.Layer layer) {
    INDArray view = layer.getGradientsViewArray();
    return NdArrays.values(view.reshape('f', layer.getParam("W").shape()));
  }

  @ParameterizedTest
  @EnumSource
  void paddingStartsAsZerosAndTheOthersAsWithout(Backward way) {
    INDArray without = network(DataType.FLOAT, builder().build()).getParam("0_W");
    INDArray with =
        network(DataType.FLOAT, builder().paddingIndex(PADDING).backward(way).build())
            .getParam("0_W");
    assertTrue(largest(NdArrays.values(without.getRow(PADDING))) > 0);
    without.getRow(PADDING).assign(0);
    assertEquals(without, with);
  }

  @ParameterizedTest
  @EnumSource
  void paddingIsReadAndNotTrained(Backward way) {
    MultiLayerNetwork net =
        network(DataType.DOUBLE, builder().paddingIndex(PADDING).backward(way).build());
    INDArray W = net.getParam("0_W");
    W.assign(random(5, -1, 1, V, D)); // as pretrained padding may be
    net.setInput(indices());
    net.setLabels(labels(DataType.DOUBLE));
    net.computeGradientAndScore();
    double[] gradient = NdArrays.values(net.gradient().getGradientFor("0_W"));
    double[] slopes =
        Differences.of(
            W,
            () -> {
              net.computeGradientAndScore();
              return net.score() * indices().size(0);
            },
            1e-6);
    for (int d = PADDING * D; d < (PADDING + 1) * D; d++) {
      assertNotEquals(0, slopes[d], 1e-3, "padding is not read");
      assertEquals(0, gradient[d]);
      slopes[d] = 0;
    }
    assertClose("dC", slopes, gradient, 1e-7);
  }

  @Test
  void trainingLeavesPaddingAsItIs() {
    MultiLayerConfiguration conf = conf(DataType.FLOAT, builder().paddingIndex(PADDING).build());
    ((EmbeddingConcat) conf.getConf(0).getLayer()).setIUpdater(new Adam(0.1));
    MultiLayerNetwork net = initialised(conf);
    INDArray W = net.getParam("0_W");
    W.getRow(PADDING).assign(0.7);
    INDArray before = W.dup();
    for (int step = 0; step < 5; step++) {
      net.fit(indices(), labels(DataType.FLOAT));
    }
    for (int v = 0; v < V; v++) {
      assertEquals(v == PADDING, before.getRow(v).equals(W.getRow(v)), "row " + v);
    }
  }

  @Test
  void refusesPaddingThatIsNoIndex() {
    assertRefused(ILLEGAL, () -> builder().paddingIndex(-1), "paddingIndex (-1)", "from 0 to");
    assertRefused(
        DL4JInvalidConfigException.class,
        () -> network(DataType.FLOAT, builder().name("emb").paddingIndex(V).build()),
        "EmbeddingConcat (layer 0, \"emb\")",
        "paddingIndex (6) must be an index, from 0 to 5");
    network(DataType.FLOAT, builder().paddingIndex(V - 1).build());
    network(DataType.FLOAT, builder().paddingIndex(0).build());
  }

  // Pretrained

  private static final INDArray VECTORS = random(9, -2, 2, V, D);

  private static EmbeddingConcat.Builder pretrained(INDArray vectors) {
    return new EmbeddingConcat.Builder().pretrained(vectors);
  }

  private static void assertVectors(DataType type, MultiLayerNetwork net) {
    assertEquals(VECTORS.castTo(type), net.getParam("0_W"));
    INDArray x = indices();
    INDArray embcat = net.feedForwardToLayer(0, x.castTo(type)).get(1);
    for (int i = 0; i < x.size(0); i++) {
      for (int k = 0; k < T * D; k++) {
        double expected = VECTORS.getDouble(x.getInt(i, k / D), k % D);
        assertEquals(type == DataType.FLOAT ? (float) expected : expected, embcat.getDouble(i, k));
      }
    }
  }

  static Stream<Arguments> arrays() {
    return Stream.of(Layout.values())
        .flatMap(
            layout ->
                Stream.of(DataType.FLOAT, DataType.DOUBLE)
                    .flatMap(
                        network ->
                            Stream.of(DataType.FLOAT, DataType.DOUBLE)
                                .map(array -> Arguments.of(layout, network, array))));
  }

  /** A restored network has them in its parameters, which it reads column by column. */
  @ParameterizedTest
  @MethodSource("arrays")
  void startsWithThem(Layout layout, DataType network, DataType array, @TempDir Path folder)
      throws IOException {
    boolean exact = network == DataType.FLOAT || array == DataType.DOUBLE;
    DataType type = exact ? network : DataType.FLOAT;
    INDArray vectors = layout.of(VECTORS.castTo(array));
    EmbeddingConcat layer = pretrained(vectors).build();
    assertEquals(V, layer.getNIn());
    assertEquals(D, layer.getNOut());
    MultiLayerNetwork net = network(network, layer);
    assertEquals(vectors.castTo(network), net.getParam("0_W"));
    if (exact) {
      assertVectors(type, net);
    }
    File file = folder.resolve("net.zip").toFile();
    ModelSerializer.writeModel(net, file, true);
    MultiLayerNetwork restored = ModelSerializer.restoreMultiLayerNetwork(file, true);
    assertEquals(net.getParam("0_W"), restored.getParam("0_W"));
    assertEquals(net.output(indices()), restored.output(indices()));
    assertEquals(net.output(indices()), restored.clone().output(indices()));
  }

  @Test
  void everyNetworkOfAConfigurationStartsWithThem() throws Exception {
    MultiLayerConfiguration conf = conf(DataType.DOUBLE, pretrained(VECTORS).build());
    initialised(conf).fit(indices(), labels(DataType.DOUBLE));
    assertVectors(DataType.DOUBLE, initialised(conf));
    assertVectors(DataType.DOUBLE, initialised(conf.clone()));
    assertVectors(DataType.DOUBLE, initialised(Serialised.copy(conf)));
    assertEquals(conf, Serialised.copy(conf));
  }

  @Test
  void areTrainedUnlessFrozenAndPaddingIsKept() {
    MultiLayerNetwork net =
        network(DataType.DOUBLE, pretrained(VECTORS).paddingIndex(PADDING).build());
    assertVectors(DataType.DOUBLE, net);
    net.fit(indices(), labels(DataType.DOUBLE));
    for (int v = 0; v < V; v++) {
      assertEquals(v == PADDING, VECTORS.getRow(v).equals(net.getParam("0_W").getRow(v)), "" + v);
    }
  }

  @Test
  void jsonHoldsNoArrayAndSaysSo() {
    MultiLayerConfiguration conf = conf(DataType.DOUBLE, pretrained(VECTORS).name("emb").build());
    MultiLayerConfiguration read = MultiLayerConfiguration.fromJson(conf.toJson());
    assertNotEquals(conf, read);
    assertEquals(conf.toJson(), read.toJson());
    MultiLayerNetwork net = initialised(read);
    assertRefused(
        () -> net.output(indices()),
        "EmbeddingConcat (layer 0, \"emb\")",
        "pretrained vectors must be given again, or the parameters of a saved model");
    net.setParams(initialised(conf).params());
    assertVectors(DataType.DOUBLE, net);
  }

  /** As DL4J's interface allows: vectors that a name or a number leads to. */
  static final class Counted implements EmbeddingInitializer {
    private static final long serialVersionUID = 1;

    @JsonProperty private final double first;

    Counted(@JsonProperty("first") double first) {
      this.first = first;
    }

    @Override
    public void loadWeightsInto(INDArray array) {
      for (int v = 0; v < V; v++) {
        array.putRow(v, Nd4j.createFromArray(first + v, first - v).castTo(array.dataType()));
      }
    }

    @Override
    public long vocabSize() {
      return V;
    }

    @Override
    public int vectorSize() {
      return D;
    }

    @Override
    public boolean jsonSerializable() {
      return true;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Counted o && first == o.first;
    }

    @Override
    public int hashCode() {
      return Objects.hash(first);
    }
  }

  @Test
  void jsonHoldsAnInitializerThatAllowsIt() {
    Layer layer = new EmbeddingConcat.Builder().pretrained(new Counted(0.5)).build();
    MultiLayerConfiguration conf = conf(DataType.FLOAT, layer);
    for (MultiLayerConfiguration read :
        new MultiLayerConfiguration[] {
          MultiLayerConfiguration.fromJson(conf.toJson()),
          MultiLayerConfiguration.fromYaml(conf.toYaml())
        }) {
      assertEquals(conf, read);
      INDArray W = initialised(read).getParam("0_W");
      for (int v = 0; v < V; v++) {
        assertArrayEquals(new double[] {0.5 + v, 0.5 - v}, NdArrays.values(W.getRow(v)));
      }
    }
  }

  @Test
  void equalsTellsVectorsApart() {
    Layer layer = pretrained(VECTORS).build();
    assertEquals(layer, pretrained(VECTORS.dup()).build());
    assertEquals(layer.hashCode(), pretrained(VECTORS.dup()).build().hashCode());
    assertNotEquals(layer, pretrained(VECTORS.add(0.3)).build());
    assertNotEquals(layer, builder().build());
    assertTrue(layer.toString().contains("PretrainedVectors([6, 2])"), layer.toString());
  }

  @Test
  void refusesSizesOfOtherVectors() {
    assertRefused(
        ILLEGAL,
        () -> pretrained(VECTORS).nIn(7).build(),
        "nIn (7) and nOut (2) must be those of pretrained, 6 and 2");
    assertRefused(ILLEGAL, () -> pretrained(VECTORS).nOut(3).build(), "nIn (6) and nOut (3)");
    pretrained(VECTORS).nIn(V).nOut(D).build();
    assertRefused(
        ILLEGAL,
        () ->
            builder()
                .weightInit(new WeightInitEmbedding(new ArrayEmbeddingInitializer(VECTORS)))
                .build(),
        "give its vectors to pretrained(...)");
  }

  private static ComputationGraph graph() {
    ComputationGraph net =
        new ComputationGraph(
            settings(DataType.FLOAT)
                .graphBuilder()
                .addInputs("x")
                .addLayer("emb", pretrained(VECTORS).build(), "x")
                .addLayer("hidden", new ManualDense.Builder().nOut(4).build(), "emb")
                .addLayer("out", output(3), "hidden")
                .setOutputs("out")
                .setInputTypes(InputType.feedForward(T))
                .build());
    net.init();
    return net;
  }

  /** DL4J initialises the new graph before it copies the old one's parameters. */
  @Test
  void transferLearningFromARestoredGraphNeedsNoVectors(@TempDir Path folder) throws IOException {
    ComputationGraph net = graph();
    net.fit(new INDArray[] {indices()}, new INDArray[] {labels(DataType.FLOAT)});
    File file = folder.resolve("net.zip").toFile();
    ModelSerializer.writeModel(net, file, true);
    ComputationGraph transferred =
        new TransferLearning.GraphBuilder(ModelSerializer.restoreComputationGraph(file))
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().updater(new Sgd(0.1)).build())
            .nOutReplace("hidden", 5, WeightInit.XAVIER)
            .build();
    assertEquals(net.getParam("emb_W"), transferred.getParam("emb_W"));
    assertEquals(5, transferred.getParam("hidden_W").size(1));
    INDArray before = transferred.params().dup();
    transferred.fit(new INDArray[] {indices()}, new INDArray[] {labels(DataType.FLOAT)});
    assertNotEquals(before, transferred.params());
  }

  /** Other widths have other first values. */
  @Test
  void transferLearningReplacesTheirWidth() {
    MultiLayerConfiguration conf = conf(DataType.DOUBLE, pretrained(VECTORS).build());
    MultiLayerNetwork net =
        new TransferLearning.Builder(initialised(conf))
            .nInReplace(0, V + 2, WeightInit.XAVIER)
            .build();
    assertEquals(V + 2, net.getParam("0_W").size(0));
    net.output(Nd4j.createFromArray(new double[][] {{7, 6, 5}}));
  }

  // Frozen

  private static Layer frozen(GradientNormalization normalisation) {
    return builder()
        .frozen(true)
        .paddingIndex(PADDING)
        .gradientNormalization(normalisation)
        .gradientNormalizationThreshold(0.01)
        .updater(new Adam(0.1))
        .l2(0.3)
        .l1(0.2)
        .weightDecay(0.1)
        .constrainWeights(new NonNegativeConstraint())
        .build();
  }

  @ParameterizedTest
  @EnumSource
  void nothingMovesAFrozenTable(GradientNormalization normalisation) {
    MultiLayerNetwork net = network(DataType.FLOAT, frozen(normalisation));
    INDArray before = net.params().dup();
    double[] table = NdArrays.values(net.getParam("0_W"));
    assertTrue(Arrays.stream(table).anyMatch(x -> x < 0), "nothing to constrain");
    assertEquals(0, net.calcRegularizationScore(true));
    for (int step = 0; step < 3; step++) {
      net.fit(indices(), labels(DataType.FLOAT));
      assertEquals(0, largest(NdArrays.values(net.gradient().getGradientFor("0_W"))));
    }
    assertArrayEquals(table, NdArrays.values(net.getParam("0_W")));
    assertNotEquals(before, net.params());
  }

  @ParameterizedTest
  @EnumSource
  void theGradientOfAFrozenTableIsZeros(Backward way) {
    var layer = instantiate(builder().frozen(true).backward(way).build(), DataType.DOUBLE, 1);
    forward(layer, indices(), true);
    layer.getGradientsViewArray().assign(Double.NaN);
    backward(layer, random(2, -1, 1, indices().size(0), T * D));
    assertEquals(0, largest(tableGradient(layer)));
  }

  /** The layers above see the same, and the table has no state in the updater. */
  @Test
  void isDl4jsFrozenLayer() {
    MultiLayerConfiguration theirs =
        settings(DataType.DOUBLE)
            .updater(new Adam(0.05))
            .list()
            .layer(new FrozenLayer(builder().build()))
            .layer(output(3))
            .setInputType(InputType.feedForward(T))
            .build();
    MultiLayerConfiguration ours =
        settings(DataType.DOUBLE)
            .updater(new Adam(0.05))
            .list()
            .layer(builder().frozen(true).build())
            .layer(output(3))
            .setInputType(InputType.feedForward(T))
            .build();
    MultiLayerNetwork a = initialised(theirs);
    MultiLayerNetwork b = initialised(ours);
    b.setParams(a.params());
    for (int step = 0; step < 5; step++) {
      INDArray x = Nd4j.createFromArray(classes(step, 8 * T, V)).reshape(8, T);
      INDArray y = oneHot(DataType.DOUBLE, 3, classes(step + 50, 8, 3));
      a.fit(x, y);
      b.fit(x, y);
    }
    assertEquals(a.params(), b.params());
    assertEquals(2 * (T * D * 3 + 3), b.getUpdater().getStateViewArray().length());
  }
}
