package org.backpropninja.layers;

import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.disturb;
import static org.backpropninja.testing.Networks.settings;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Formats;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
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
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * Gradients stay right where several vertices of a graph read one activation of a sequence or an
 * image, and one of them changes it in place.
 *
 * <p>The graphs are {@code x → below → (readers) → sum → output}, or with readers of the features
 * themselves. {@link SharedActivationsTest} has the same for matrices and says why.
 */
@ExtendWith(DoublePrecision.class)
class SharedFormatsTest {

  private static final int C = 3; // channels of all activations
  private static final int OUT = 2;
  private static final long SEED = 5; // of dropout

  private static Map<String, Function<Backward, Layer>> ours() {
    Map<String, Function<Backward, Layer>> ours = new LinkedHashMap<>();
    for (Activation a : List.of(Activation.IDENTITY, Activation.TANH, Activation.SWISH)) {
      ours.put("batch norm " + a, way -> batchNorm(way).activation(a).build());
      ours.put("dense " + a, way -> dense(way).activation(a).build());
    }
    ours.put(
        "frozen batch norm",
        way -> new FrozenLayerWithBackprop(batchNorm(way).activation(Activation.TANH).build()));
    ours.put("frozen dense", way -> new FrozenLayerWithBackprop(dense(way).build()));
    ours.put("batch norm with dropout", way -> batchNorm(way).dropOut(0.6).build());
    ours.put("dense with dropout", way -> dense(way).dropOut(0.6).build());
    return ours;
  }

  private static BatchNormBessel.Builder batchNorm(Backward way) {
    return new BatchNormBessel.Builder().backward(way);
  }

  private static ManualDense.Builder dense(Backward way) {
    return new ManualDense.Builder().nOut(C).activation(Activation.TANH).backward(way);
  }

  private static Map<String, Function<Backward, Layer>> others() {
    Map<String, Function<Backward, Layer>> others = new LinkedHashMap<>();
    others.put("DropoutLayer", way -> new DropoutLayer.Builder(0.6).build());
    others.put("ActivationLayer", way -> new ActivationLayer(Activation.SIGMOID));
    others.put("batch norm with dropout", way -> batchNorm(way).dropOut(0.6).build());
    return others;
  }

  static Stream<Arguments> cases() {
    return Stream.of(Formats.NCW, Formats.NWC, Formats.NCHW, Formats.NHWC)
        .flatMap(
            format ->
                ours().keySet().stream()
                    .filter(layer -> format.rank() == 3 || !layer.contains("dense"))
                    .flatMap(
                        layer ->
                            others().keySet().stream()
                                .map(other -> Arguments.of(layer, other, format))));
  }

  /** Of a layer whose output lies in the order of its indices, so that others read it in place. */
  private static Layer below(Formats format) {
    return format.rank() == 3
        ? dense(Backward.FUSED).build()
        : new ConvolutionLayer.Builder(1, 1).nOut(C).activation(Activation.TANH).build();
  }

  private static Layer output(Formats format) {
    return format.rank() == 3
        ? new RnnOutputLayer.Builder(LossFunction.MSE)
            .nOut(OUT)
            .dataFormat(format.isChannelsLast() ? RNNFormat.NWC : RNNFormat.NCW)
            .activation(Activation.IDENTITY)
            .build()
        : new OutputLayer.Builder(LossFunction.MSE)
            .nOut(OUT)
            .activation(Activation.IDENTITY)
            .build();
  }

  /** How a graph is built: all but the way and the workspaces. */
  private record Case(String layer, String beside, Formats format, boolean first, String shared) {

    ComputationGraph graph(Backward way, WorkspaceMode mode) {
      GraphBuilder graph =
          settings(DataType.DOUBLE)
              .trainingWorkspaceMode(mode)
              .inferenceWorkspaceMode(mode)
              .graphBuilder()
              .addInputs("x")
              .setInputTypes(format.inputType(C));
      graph.addLayer("below", below(format), "x");
      Layer our = ours().get(layer).apply(way);
      Layer another = others().get(beside).apply(way);
      graph.addLayer("1", first ? our : another, shared);
      graph.addLayer("2", first ? another : our, shared);
      // The last reader of "below" must be one of the two: it may change it in place.
      String[] summed =
          shared.equals("x") ? new String[] {"1", "2", "below"} : new String[] {"1", "2"};
      graph.addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), summed);
      graph.addLayer("output", output(format), "sum").setOutputs("output");
      ComputationGraph net = new ComputationGraph(graph.build());
      net.init();
      disturb(new TreeMap<>(net.paramTable()), 11);
      return net;
    }

    MultiDataSet data() {
      INDArray y =
          format.rank() == 3
              ? format.random(7, 0, 1, OUT, DataType.DOUBLE)
              : random(7, 0, 1, format.examples(), OUT);
      return new MultiDataSet(format.random(2, -2, 2, C, DataType.DOUBLE), y);
    }
  }

  private static double score(ComputationGraph net, MultiDataSet data) {
    Nd4j.getRandom().setSeed(SEED);
    return net.score(data, true);
  }

  /** The gradients of the mean loss by parameter, as a training step computes them. */
  private static Map<String, double[]> gradients(ComputationGraph net, MultiDataSet data) {
    double score = score(net, data);
    Nd4j.getRandom().setSeed(SEED);
    net.setInputs(data.getFeatures());
    net.setLabels(data.getLabels());
    net.computeGradientAndScore();
    assertEquals(score, net.score(), 1e-14, "the same dropout in every pass");
    Map<String, double[]> gradients = new TreeMap<>();
    net.gradient()
        .gradientForVariable()
        .forEach((key, sum) -> gradients.put(key, elements(sum.div(data.getFeatures(0).size(0)))));
    return gradients;
  }

  private static double[] direction(int length) {
    return new Random(6).doubles(length, -1, 1).toArray();
  }

  private static double slope(ComputationGraph net, String key, MultiDataSet data) {
    INDArray p = net.getParam(key);
    return Differences.along(p, direction((int) p.length()), () -> score(net, data), 3e-6);
  }

  private static double along(double[] gradient) {
    double[] direction = direction(gradient.length);
    return IntStream.range(0, gradient.length).mapToDouble(k -> gradient[k] * direction[k]).sum();
  }

  @ParameterizedTest(name = "{0} beside {1}, {2}")
  @MethodSource("cases")
  void besideOthers(String ours, String other, Formats format) {
    for (boolean first : new boolean[] {true, false}) {
      for (String shared : List.of("below", "x")) {
        check(new Case(ours, other, format, first, shared));
      }
    }
  }

  /** Both ways and both workspace modes against central differences. */
  private static void check(Case c) {
    MultiDataSet data = c.data();
    ComputationGraph values = c.graph(Backward.FUSED, WorkspaceMode.NONE);
    Map<String, Double> slopes = new TreeMap<>();
    for (WorkspaceMode mode : List.of(WorkspaceMode.ENABLED, WorkspaceMode.NONE)) {
      for (Backward way : Backward.values()) {
        Map<String, double[]> gradients = gradients(c.graph(way, mode), data);
        assertTrue(largest(gradients.get("below_W")) > 1e-3, "there is something to go wrong");
        gradients.keySet().stream()
            .filter(key -> !key.endsWith("mean") && !key.endsWith("var"))
            .forEach(
                key -> {
                  double expected = slopes.computeIfAbsent(key, k -> slope(values, k, data));
                  String what = "%s, %s, %s: %s".formatted(c, mode, way, key);
                  assertEquals(expected, along(gradients.get(key)), 2e-8, what);
                });
        c.graph(way, mode).fit(data);
        assertArrayEquals(c.data().getFeatures(), data.getFeatures(), "the features stay");
      }
    }
  }
}
