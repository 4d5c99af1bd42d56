package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearningHelper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/**
 * A network that TransferLearning has changed is, bit for bit, the one that is built like that from
 * the beginning and given the same parameters.
 */
class TransferLearningTest {

  private static final int WIDTH = 7;

  /** In float, because DL4J makes a transferred graph a FLOAT one. */
  static Stream<RealNetwork> networks() {
    return RealNetwork.all().map(kind -> kind.with(DataType.FLOAT));
  }

  private static Model trained(RealNetwork kind) {
    Model network = kind.network();
    Nets.train(network, kind.sample(), 1, 2);
    return network;
  }

  /** Gives a new network the parameters of another, and compares the two before and after steps. */
  private static void assertAlike(RealNetwork built, Model transferred) {
    Model network = built.network();
    network.setParams(transferred.params().dup());
    DataSet others = built.sample().minibatch(99, 9);
    assertArrayEquals(Nets.output(network, others), Nets.output(transferred, others));
    Nets.train(network, built.sample(), 3, 3);
    Nets.train(transferred, built.sample(), 3, 3);
    assertArrayEquals(Nets.params(network), Nets.params(transferred));
    assertArrayEquals(Nets.output(network, others), Nets.output(transferred, others));
  }

  private static double[] params(Model network, String layer) {
    INDArray params = Nets.layer(network, layer).params(); // null where it has none
    return params == null ? new double[0] : NdArrays.values(params);
  }

  // Freezing

  private static Layer frozen(Layer layer) {
    FrozenLayer frozen = new FrozenLayer(layer);
    frozen.setLayerName(layer.getLayerName());
    return frozen;
  }

  /** With that layer and all below it frozen. */
  private static RealNetwork frozen(RealNetwork kind, String upTo) {
    RealNetwork frozen = kind;
    for (String name : kind.names().subList(0, kind.names().indexOf(upTo) + 1)) {
      frozen = frozen.with(name, TransferLearningTest::frozen);
    }
    return frozen;
  }

  @ParameterizedTest
  @MethodSource("networks")
  void freezing(RealNetwork kind) {
    String upTo = "wideNorm";
    Model network = trained(kind);
    Model transferred = new Transfer(kind, network).freeze(upTo).build();
    assertAlike(frozen(kind, upTo), transferred);
    boolean isFrozen = true;
    for (String name : kind.names()) {
      double[] before = params(network, name);
      assertEquals(
          isFrozen || before.length == 0, Arrays.equals(before, params(transferred, name)), name);
      isFrozen &= !name.equals(upTo);
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void helperTrainsWhatIsNotFrozen(RealNetwork kind) {
    String upTo = "wideNorm";
    Model whole = trained(kind);
    Model network = new Transfer(kind, whole).freeze(upTo).build();
    Model transferred = new Transfer(kind, whole).freeze(upTo).build();
    TransferLearningHelper helper =
        transferred instanceof ComputationGraph graph
            ? new TransferLearningHelper(graph)
            : new TransferLearningHelper((MultiLayerNetwork) transferred);
    for (int seed = 3; seed < 6; seed++) {
      DataSet minibatch = kind.sample().minibatch(seed, 7);
      minibatch.setFeaturesMaskArray(null); // DL4J's helper takes none,
      minibatch.setLabelsMaskArray(null); // and in a graph takes this one for it
      Nets.fit(network, minibatch);
      helper.fitFeaturized(helper.featurize(minibatch));
    }
    assertArrayEquals(Nets.params(network), Nets.params(transferred));
  }

  // Sizes

  private static Layer wider(Layer layer) {
    ((FeedForwardLayer) layer).setNOut(WIDTH);
    return layer;
  }

  /** DL4J tells the batch norm its nIn, and its nOut must follow; nobody tells the layer behind. */
  @ParameterizedTest
  @MethodSource("networks")
  void aBatchNormFollowsTheLayerBelow(RealNetwork kind) {
    Sample sample = kind.sample();
    Model network = trained(kind);
    Model transferred =
        new Transfer(kind, network).nOut(Sample.WIDE, WIDTH).nIn("next", WIDTH).build();
    int widened = kind.names().indexOf(Sample.WIDE);
    List<String> changed = new ArrayList<>(kind.names().subList(widened, widened + 2));
    changed.add("next");
    for (String name : kind.names()) {
      double[] before = params(network, name);
      assertEquals(!changed.contains(name), Arrays.equals(before, params(transferred, name)), name);
    }
    assertAlike(kind.with(Sample.WIDE, TransferLearningTest::wider), transferred);
  }

  /** DL4J tells the layer behind that it takes D columns where it takes T·D. */
  @Test
  void anEmbeddingsWidthInAStack() {
    RealNetwork kind = networks().filter(k -> !k.isGraph()).findFirst().orElseThrow();
    Model transferred =
        new Transfer(kind, trained(kind)).nOut("emb", WIDTH).nIn("wide", 3 * WIDTH).build();
    assertAlike(kind.with("emb", TransferLearningTest::wider), transferred);
  }

  @Test
  void anEmbeddingsWidthInAGraph() {
    RealNetwork kind = networks().filter(RealNetwork::isGraph).findFirst().orElseThrow();
    Model transferred =
        new Transfer(kind, trained(kind))
            .nOut("emb", WIDTH)
            .inputType(kind.sample().inputType())
            .build();
    assertAlike(kind.with("emb", TransferLearningTest::wider), transferred);
  }

  // Other layers

  @ParameterizedTest
  @MethodSource("networks")
  void layersAreRemovedAndAdded(RealNetwork kind) {
    Model network = trained(kind);
    List<Layer> added = kind.sample().otherHead();
    Transfer transfer = new Transfer(kind, network).removeOutput();
    added.forEach(layer -> transfer.add(layer.clone()));
    Model transferred = transfer.build();
    List<Layer> layers = new ArrayList<>(kind.layers());
    layers.remove(layers.size() - 1);
    for (Layer kept : layers) {
      assertArrayEquals(
          params(network, kept.getLayerName()), params(transferred, kept.getLayerName()));
    }
    layers.addAll(added);
    assertAlike(kind.with(layers), transferred);
  }
}
