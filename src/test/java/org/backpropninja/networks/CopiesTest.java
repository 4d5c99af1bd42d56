package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;

/** A copy of a network is that network, and from then on another. */
class CopiesTest {

  static Stream<RealNetwork> networks() {
    return RealNetwork.all();
  }

  static Stream<Arguments> networksAndUpdaters() {
    return networks()
        .flatMap(
            kind ->
                Stream.of(new Adam(0.01), new Nesterovs(0.05, 0.8))
                    .map(updater -> Arguments.of(kind, updater)));
  }

  private static Model trained(RealNetwork kind) {
    Model network = kind.network();
    Nets.train(network, kind.sample(), 1, 3);
    return network;
  }

  @ParameterizedTest
  @MethodSource("networks")
  void aCloneIsEqualAndIndependent(RealNetwork kind) {
    Model network = trained(kind);
    Model clone = Nets.copy(network);
    double[] params = Nets.params(network);
    double[] output = output(kind, network);
    assertArrayEquals(params, Nets.params(clone));
    assertArrayEquals(output, output(kind, clone));
    Nets.train(clone, kind.sample(), 4, 1);
    assertFalse(Arrays.equals(params, Nets.params(clone)));
    assertArrayEquals(params, Nets.params(network));
    assertArrayEquals(output, output(kind, network));
  }

  private static double[] output(RealNetwork kind, Model network) {
    return Nets.output(network, kind.sample().minibatch(99, 9));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("networksAndUpdaters")
  void theNextTenStepsOfARestoredNetwork(RealNetwork kind, IUpdater updater, @TempDir Path folder)
      throws IOException {
    Model network = trained(kind.with(updater));
    Model restored = Nets.throughFile(network, folder.resolve("net.zip").toFile());
    assertArrayEquals(output(kind, network), output(kind, restored));
    for (int step = 4; step < 14; step++) {
      Nets.train(network, kind.sample(), step, 1);
      Nets.train(restored, kind.sample(), step, 1);
      assertEquals(network.score(), restored.score());
      assertArrayEquals(Nets.params(network), Nets.params(restored));
    }
    assertArrayEquals(output(kind, network), output(kind, restored));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void configurationsThroughTexts(RealNetwork kind) throws Exception {
    MultiLayerConfiguration stack = kind.stack();
    ComputationGraphConfiguration graph = kind.graph();
    assertSame(kind, MultiLayerConfiguration.fromJson(stack.toJson()));
    assertSame(kind, MultiLayerConfiguration.fromYaml(stack.toYaml()));
    assertSame(kind, Serialised.copy(stack));
    assertSame(kind, stack.clone());
    assertSame(kind, ComputationGraphConfiguration.fromJson(graph.toJson()));
    assertSame(kind, ComputationGraphConfiguration.fromYaml(graph.toYaml()));
    assertSame(kind, Serialised.copy(graph));
    assertSame(kind, graph.clone());
  }

  /** equals could overlook a setting, so the text and the training are compared as well. */
  private static void assertSame(RealNetwork kind, MultiLayerConfiguration copy) {
    assertEquals(kind.stack(), copy);
    assertEquals(kind.stack().toJson(), copy.toJson());
    assertTrainsAlike(kind, new MultiLayerNetwork(kind.stack()), new MultiLayerNetwork(copy));
  }

  private static void assertSame(RealNetwork kind, ComputationGraphConfiguration copy) {
    assertEquals(kind.graph(), copy);
    assertEquals(kind.graph().toJson(), copy.toJson());
    assertTrainsAlike(kind, new ComputationGraph(kind.graph()), new ComputationGraph(copy));
  }

  private static void assertTrainsAlike(RealNetwork kind, Model network, Model copy) {
    network.init();
    copy.init();
    copy.setParams(network.params().dup());
    Nets.train(network, kind.sample(), 1, 2);
    Nets.train(copy, kind.sample(), 1, 2);
    assertArrayEquals(Nets.params(network), Nets.params(copy));
    assertArrayEquals(output(kind, network), output(kind, copy));
  }
}
