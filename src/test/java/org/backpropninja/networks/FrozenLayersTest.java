package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualLayer;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.GradientChecks;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Sgd;

/** Each of our layers inside DL4J's frozen layers: it stays as it is, and gradients pass it. */
@ExtendWith(DoublePrecision.class)
class FrozenLayersTest {

  private static final int MOST = 3; // values of one parameter in a gradient check

  /** Each network with each of our layers to freeze. */
  static Stream<Arguments> networksAndLayers() {
    return RealNetwork.all()
        .flatMap(
            kind ->
                kind.layers().stream()
                    .filter(ManualLayer.class::isInstance)
                    .map(layer -> Arguments.of(kind, layer.getLayerName())));
  }

  private static Layer frozen(Layer layer) {
    return named(new FrozenLayer(layer), layer);
  }

  private static Layer passing(Layer layer) {
    return named(new FrozenLayerWithBackprop(layer), layer);
  }

  private static Layer named(Layer wrapper, Layer layer) {
    wrapper.setLayerName(layer.getLayerName());
    return wrapper;
  }

  /** As TransferLearning freezes: all layers below, too, because a graph cannot do otherwise. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("networksAndLayers")
  void frozenLayersStay(RealNetwork kind, String name) {
    List<String> down = kind.names().subList(0, kind.names().indexOf(name) + 1);
    RealNetwork frozen = kind;
    for (String each : down) {
      frozen = frozen.with(each, FrozenLayersTest::frozen);
    }
    assertMoves(frozen, down);
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("networksAndLayers")
  void onlyTheFrozenLayerStays(RealNetwork kind, String name) {
    assertMoves(kind.with(name, FrozenLayersTest::passing), List.of(name));
  }

  /** Running statistics are among the parameters. */
  private static void assertMoves(RealNetwork kind, List<String> still) {
    Model network = kind.network();
    List<double[]> before = kind.names().stream().map(each -> params(network, each)).toList();
    Nets.train(network, kind.sample(), 1, 2);
    for (int i = 0; i < before.size(); i++) {
      String each = kind.names().get(i);
      assertEquals(
          still.contains(each) || before.get(i).length == 0,
          Arrays.equals(before.get(i), params(network, each)),
          each);
    }
  }

  private static double[] params(Model network, String layer) {
    INDArray params = Nets.layer(network, layer).params(); // null where it has none
    return params == null ? new double[0] : NdArrays.values(params);
  }

  /** A frozen layer computes as in inference, whatever the network does. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("networksAndLayers")
  void itIsInInferenceInTraining(RealNetwork kind, String name) {
    DataSet minibatch = kind.sample().minibatch(5, 7);
    Model free = kind.network();
    for (UnaryOperator<Layer> freeze :
        List.<UnaryOperator<Layer>>of(FrozenLayersTest::frozen, FrozenLayersTest::passing)) {
      Model network = kind.with(name, freeze).network();
      assertArrayEquals(Nets.output(free, minibatch), Nets.output(network, minibatch));
    }
  }

  static Stream<Arguments> stacksAndLayers() {
    return networksAndLayers().filter(each -> !((RealNetwork) each.get()[0]).isGraph());
  }

  /** Those below the frozen layer, too; some of each parameter, because there are many. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("stacksAndLayers")
  void gradientsOfTheOthers(RealNetwork kind, String name) {
    MultiLayerNetwork network =
        (MultiLayerNetwork)
            kind.with(new Sgd(1))
                .with("emb", FrozenLayersTest::withoutPadding)
                .with(name, FrozenLayersTest::passing)
                .network();
    DataSet data = kind.sample().minibatch(5, 4);
    Set<String> excluded =
        network.paramTable().keySet().stream()
            .filter(key -> isFixed(key, kind.prefix(name) + "_"))
            .collect(Collectors.toSet());
    GradientChecks.check(
        new GradientCheckUtil.MLNConfig()
            .net(network)
            .input(data.getFeatures())
            .labels(data.getLabels())
            .inputMask(data.getFeaturesMaskArray())
            .labelMask(data.getLabelsMaskArray())
            .excludeParams(excluded)
            .subset(true)
            .maxPerParam(MOST));
  }

  /** The vector of padding has no gradient, although the score depends on it. */
  private static Layer withoutPadding(Layer embedding) {
    ((EmbeddingConcat) embedding).setPaddingIndex(null);
    return embedding;
  }

  private static boolean isFixed(String key, String frozen) {
    return key.startsWith(frozen) || key.matches(".*_(mean|var|batches)");
  }
}
