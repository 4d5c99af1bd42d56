package org.backpropninja.networks;

import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;

/** Workspaces change nothing, and a network's type only the last digits. */
class PrecisionTest {

  private static final int STEPS = 5;

  static Stream<RealNetwork> networks() {
    return RealNetwork.all();
  }

  private static Model trained(RealNetwork kind) {
    Model network = kind.network();
    Nets.train(network, kind.sample(), 1, STEPS);
    return network;
  }

  private static DataSet others(RealNetwork kind) {
    return kind.sample().minibatch(99, 9);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void workspacesDoNotMatter(RealNetwork kind) {
    Model with = trained(kind.with(WorkspaceMode.ENABLED));
    Model without = trained(kind.with(WorkspaceMode.NONE));
    assertArrayEquals(Nets.params(without), Nets.params(with));
    assertArrayEquals(Nets.output(without, others(kind)), Nets.output(with, others(kind)));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void floatIsCloseToDouble(RealNetwork kind) {
    assertClose(kind, trained(kind), trained(kind.with(DataType.FLOAT)), 1e-5);
  }

  /** The steps of a number near 1 are 2⁻¹⁰, and each step of training adds some. */
  @ParameterizedTest
  @MethodSource("networks")
  void halfIsCloseToDouble(RealNetwork kind) {
    RealNetwork decaying = kind.with("nextNorm", PrecisionTest::decaying);
    assertClose(kind, trained(decaying), trained(decaying.with(DataType.FLOAT16)), 0.02);
  }

  private static Layer decaying(Layer norm) {
    ((BatchNormBessel) norm).setCumulativeAverage(false);
    return norm;
  }

  @ParameterizedTest
  @MethodSource("networks")
  void halfCannotCount(RealNetwork kind) {
    assertRefused(
        DL4JInvalidConfigException.class,
        () -> trained(kind.with(DataType.FLOAT16)),
        "\"nextNorm\"",
        "cumulativeAverage",
        "HALF");
  }

  private static void assertClose(RealNetwork kind, Model exact, Model rounded, double absolute) {
    assertWithin("parameters", Nets.params(exact), Nets.params(rounded), absolute);
    assertWithin(
        "output", Nets.output(exact, others(kind)), Nets.output(rounded, others(kind)), absolute);
  }

  /** DL4J itself does. */
  @ParameterizedTest
  @MethodSource("networks")
  void bfloat16IsRefused(RealNetwork kind) {
    assertRefused(RuntimeException.class, () -> trained(kind.with(DataType.BFLOAT16)), "BFLOAT16");
  }
}
