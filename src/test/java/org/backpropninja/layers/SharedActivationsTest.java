package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.disturb;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.DoublePrecision;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Gradients stay right where several vertices of a graph read one activation.
 *
 * <p>DL4J lets the last vertex that reads an activation change it in place, which dropout does. So
 * a layer that reads its input again on the way back finds another one, unless it takes care; and a
 * layer with dropout that comes last spoils the way back of those that do.
 *
 * <p>The graphs are {@code x → below → shared → (readers) → merge → output}, where vertices of two
 * inputs read {@code below} too. Dropout is DL4J's own, with the same seed before every pass.
 */
@ExtendWith(DoublePrecision.class)
class SharedActivationsTest {

  private static final int N = 5;
  private static final int H = 3; // width of all activations
  private static final int V = 3; // classes
  private static final int ROWS = 4; // of an embedding's table
  private static final double RETAINED = 0.6;
  private static final long SEED = 5; // of dropout

  /** Where our layer stands among those that read the activation. */
  private enum Place {
    FIRST("ours", "other"),
    MIDDLE("other", "ours", "another"),
    LAST("other", "ours");

    private final List<String> readers;

    Place(String... readers) {
      this.readers = List.of(readers);
    }
  }

  /** Adds a vertex of that name that reads the first of the inputs, or both. */
  private interface Reader {
    void add(GraphBuilder graph, String name, Backward way, String... inputs);
  }

  private static Reader layer(Function<Backward, Layer> of) {
    return (graph, name, way, inputs) -> graph.addLayer(name, of.apply(way), inputs[0]);
  }

  private static Reader vertex(ElementWiseVertex.Op op) {
    return (graph, name, way, inputs) -> graph.addVertex(name, new ElementWiseVertex(op), inputs);
  }

  private static BatchNormBessel.Builder batchNorm(Backward way, Activation activation) {
    return new BatchNormBessel.Builder().nOut(H).activation(activation).backward(way);
  }

  private static ManualDense.Builder dense(Backward way, Activation activation) {
    return new ManualDense.Builder().nOut(H).activation(activation).backward(way);
  }

  private static Map<String, Reader> ours() {
    Map<String, Reader> ours = new LinkedHashMap<>();
    for (Activation a : List.of(Activation.IDENTITY, Activation.TANH, Activation.RELU)) {
      ours.put("batch norm, " + a, layer(way -> batchNorm(way, a).build()));
      ours.put("dense, " + a, layer(way -> dense(way, a).build()));
    }
    ours.put(
        "batch norm with dropout",
        layer(way -> batchNorm(way, Activation.IDENTITY).dropOut(RETAINED).build()));
    ours.put(
        "dense with dropout",
        layer(way -> dense(way, Activation.IDENTITY).dropOut(RETAINED).build()));
    return ours;
  }

  private static Map<String, Reader> others() {
    Map<String, Reader> others = new LinkedHashMap<>();
    others.put("DropoutLayer", layer(way -> new DropoutLayer.Builder(RETAINED).build()));
    others.put("DenseLayer with dropout", layer(way -> stockDense().dropOut(RETAINED).build()));
    others.put(
        "ManualDense with dropout",
        layer(way -> dense(way, Activation.TANH).dropOut(RETAINED).build()));
    others.put("ActivationLayer", layer(way -> new ActivationLayer(Activation.SIGMOID)));
    for (ElementWiseVertex.Op op : ElementWiseVertex.Op.values()) {
      others.put("ElementWiseVertex " + op, vertex(op));
    }
    others.put(
        "MergeVertex",
        (graph, name, way, inputs) -> graph.addVertex(name, new MergeVertex(), inputs));
    return others;
  }

  /** It reads the graph's input, wherever it stands. */
  private static final Reader EMBEDDING =
      (graph, name, way, inputs) ->
          graph.addLayer(
              name,
              new EmbeddingConcat.Builder().nIn(ROWS).nOut(1).inputLength(H).backward(way).build(),
              "x");

  private static DenseLayer.Builder stockDense() {
    return new DenseLayer.Builder().nOut(H).activation(Activation.TANH);
  }

  /** All of our layers in all places beside all others. */
  static Stream<Arguments> cases() {
    return ours().keySet().stream()
        .flatMap(
            ours ->
                others().keySet().stream()
                    .flatMap(
                        other ->
                            Stream.of(Place.values())
                                .map(place -> Arguments.of(ours, place, other))));
  }

  /**
   * A graph with parameters that are never neutral.
   *
   * @param shared computes what is read several times from {@code below}; null if that is the input
   */
  private static ComputationGraph graph(
      Reader shared, Reader ours, Reader other, Place place, Backward way, WorkspaceMode mode) {
    GraphBuilder graph =
        settings(DataType.DOUBLE)
            .trainingWorkspaceMode(mode)
            .inferenceWorkspaceMode(mode)
            .graphBuilder()
            .addInputs("z", "x")
            .setInputTypes(InputType.feedForward(H), InputType.feedForward(H));
    graph.addLayer("below", stockDense().build(), "x");
    String[] inputs = {"x", "z"};
    if (shared != null) {
      shared.add(graph, "shared", way, "below");
      inputs = new String[] {"shared", "below"};
    }
    for (String reader : place.readers) {
      (reader.equals("ours") ? ours : other).add(graph, reader, way, inputs);
    }
    List<String> merged = new ArrayList<>(place.readers);
    merged.addAll(List.of("below", "z")); // which nothing else reads in some
    graph.addVertex("merge", new MergeVertex(), merged.toArray(String[]::new));
    graph.addLayer("output", output(V), "merge").setOutputs("output");
    ComputationGraph net = new ComputationGraph(graph.build());
    net.init();
    disturb(new TreeMap<>(net.paramTable()), 11);
    assertEquals(place.readers, inOrder(net, place.readers));
    return net;
  }

  /** These vertices in the order in which the network computes them. */
  private static List<String> inOrder(ComputationGraph net, List<String> vertices) {
    return Arrays.stream(net.topologicalSortOrder())
        .mapToObj(k -> net.getVertices()[k].getVertexName())
        .filter(vertices::contains)
        .toList();
  }

  /** With x of whole numbers, so that an embedding can read it too. */
  private static MultiDataSet data() {
    INDArray x = Nd4j.createFromArray(classes(3, N * H, ROWS)).reshape(N, H);
    INDArray[] features = {random(2, -2, 2, N, H), x.castTo(DataType.DOUBLE)};
    INDArray[] labels = {oneHot(DataType.DOUBLE, V, classes(4, N, V))};
    return new MultiDataSet(features, labels);
  }

  private static double score(ComputationGraph net, MultiDataSet data, long seed) {
    Nd4j.getRandom().setSeed(seed);
    return net.score(data, true);
  }

  /** The gradients of the mean loss by parameter, as a training step computes them. */
  private static Map<String, double[]> gradients(ComputationGraph net, MultiDataSet data) {
    double score = score(net, data, SEED);
    assertEquals(score, score(net, data, SEED), "the same dropout in every pass");
    Nd4j.getRandom().setSeed(SEED);
    net.setInputs(data.getFeatures());
    net.setLabels(data.getLabels());
    net.computeGradientAndScore();
    assertEquals(score, net.score(), 1e-14, "and in a training step");
    Map<String, double[]> gradients = new TreeMap<>();
    for (String key : net.paramTable().keySet()) {
      INDArray sum = net.gradient().getGradientFor(key);
      gradients.put(key, elements(sum.div(N)));
    }
    return gradients;
  }

  /** The slopes of the mean loss along a random direction of each parameter. */
  private static Map<String, Double> slopes(ComputationGraph net, MultiDataSet data) {
    Map<String, Double> slopes = new TreeMap<>();
    net.paramTable()
        .forEach(
            (key, p) ->
                slopes.put(
                    key,
                    Differences.along(
                        p, direction((int) p.length()), () -> score(net, data, SEED), 3e-6)));
    return slopes;
  }

  private static double[] direction(int length) {
    return new Random(6).doubles(length, -1, 1).toArray();
  }

  private static double along(double[] gradient) {
    double[] direction = direction(gradient.length);
    return IntStream.range(0, gradient.length).mapToDouble(k -> gradient[k] * direction[k]).sum();
  }

  /** Both ways and both workspace modes against central differences, and against each other. */
  private static void check(String name, Reader shared, Reader ours, Reader other, Place place) {
    MultiDataSet data = data();
    Map<String, Double> expected =
        slopes(graph(shared, ours, other, place, Backward.FUSED, WorkspaceMode.NONE), data);
    for (WorkspaceMode mode : List.of(WorkspaceMode.ENABLED, WorkspaceMode.NONE)) {
      ComputationGraph stepwise = graph(shared, ours, other, place, Backward.STEPWISE, mode);
      ComputationGraph fused = graph(shared, ours, other, place, Backward.FUSED, mode);
      assertEquals(stepwise.params(), fused.params());
      Map<String, double[]> bySteps = gradients(stepwise, data);
      Map<String, double[]> inOneGo = gradients(fused, data);
      assertTrue(largest(bySteps.get("below_W")) > 1e-3, "there is something to go wrong");
      for (String key : expected.keySet()) {
        String what = name + ", " + mode + ": " + key;
        assertEquals(expected.get(key), along(inOneGo.get(key)), 2e-8, what + ", fused");
        assertEquals(expected.get(key), along(bySteps.get(key)), 2e-8, what + ", stepwise");
        assertClose(what + ", both ways", bySteps.get(key), inOneGo.get(key), 1e-11);
      }
    }
  }

  private static Reader stock() {
    return layer(way -> stockDense().build());
  }

  @ParameterizedTest(name = "{0}, {1} beside {2}")
  @MethodSource("cases")
  void besideOthers(String ours, Place place, String other) {
    String name = ours + ", " + place + " beside " + other;
    check(name, stock(), ours().get(ours), others().get(other), place);
  }

  /** What our layers hand over is changed in place too, and they must not need it any more. */
  @ParameterizedTest(name = "{0} below {1}")
  @MethodSource("pairsWithEmbedding")
  void belowOthers(String ours, String other) {
    String name = ours + " below " + other;
    Reader shared = ours().getOrDefault(ours, EMBEDDING);
    // Addition, unlike DL4J's dense layer, does not need its inputs on the way back.
    check(name, shared, vertex(ElementWiseVertex.Op.Add), others().get(other), Place.FIRST);
  }

  static Stream<Arguments> pairsWithEmbedding() {
    return Stream.concat(
        pairs(), others().keySet().stream().map(other -> Arguments.of("embedding", other)));
  }

  static Stream<Arguments> pairs() {
    return ours().keySet().stream()
        .flatMap(ours -> others().keySet().stream().map(other -> Arguments.of(ours, other)));
  }

  /** The features belong to whoever trains, and are the same in the next epoch. */
  @ParameterizedTest(name = "{0} on the input beside {1}")
  @MethodSource("pairs")
  void onTheInput(String ours, String other) {
    String name = ours + " on the input beside " + other;
    for (Place place : Place.values()) {
      check(name + ", " + place, null, ours().get(ours), others().get(other), place);
      for (WorkspaceMode mode : List.of(WorkspaceMode.ENABLED, WorkspaceMode.NONE)) {
        for (Backward way : Backward.values()) {
          MultiDataSet data = data();
          graph(null, ours().get(ours), others().get(other), place, way, mode).fit(data);
          assertArrayEquals(data().getFeatures(), data.getFeatures(), name);
        }
      }
    }
  }

  /** Two of our own layers, one of which drops out, and neither spoils the other's way back. */
  @ParameterizedTest(name = "{0} beside {1}")
  @MethodSource("twoOfOurs")
  void besideEachOther(String first, String last) {
    String name = first + " beside " + last;
    check(name, stock(), ours().get(first), ours().get(last), Place.FIRST);
  }

  static Stream<Arguments> twoOfOurs() {
    return ours().keySet().stream()
        .flatMap(
            first ->
                Stream.of("batch norm with dropout", "dense with dropout")
                    .map(last -> Arguments.of(first, last)));
  }

  /** Else the same seed would prove nothing. */
  @ParameterizedTest
  @MethodSource("dropouts")
  void dropoutDependsOnTheSeed(String dropout) {
    Reader reader = ours().getOrDefault(dropout, others().get(dropout));
    ComputationGraph net =
        graph(stock(), stock(), reader, Place.FIRST, Backward.FUSED, WorkspaceMode.ENABLED);
    assertNotEquals(score(net, data(), SEED), score(net, data(), SEED + 1));
  }

  static Stream<String> dropouts() {
    return Stream.concat(ours().keySet().stream(), others().keySet().stream())
        .filter(name -> name.toLowerCase(Locale.ROOT).contains("dropout"));
  }
}
