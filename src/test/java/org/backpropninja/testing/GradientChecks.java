package org.backpropninja.testing;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.backpropninja.internal.NdArrays;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;

/** DL4J's own gradient check of a network's parameters, its result asserted. */
public final class GradientChecks {

  private static final AtomicInteger COUNT = new AtomicInteger();

  private GradientChecks() {}

  public static void check(
      MultiLayerNetwork net, INDArray x, INDArray y, String... runningStatistics) {
    check(
        new GradientCheckUtil.MLNConfig()
            .net(net)
            .input(x)
            .labels(y)
            .excludeParams(Set.of(runningStatistics)));
  }

  public static void check(GradientCheckUtil.MLNConfig config) {
    boolean right =
        GradientCheckUtil.checkGradients(
            config
                .epsilon(1e-6)
                .maxRelError(1e-5)
                .minAbsoluteError(1e-9)
                .print(GradientCheckUtil.PrintMode.FAILURES_ONLY));
    count(right, config.net());
  }

  /** DL4J's check of a graph leaves out the first value after an excluded parameter. */
  public static void check(
      ComputationGraph net, INDArray x, INDArray y, String... runningStatistics) {
    check(
        new GradientCheckUtil.GraphConfig()
            .net(net)
            .inputs(new INDArray[] {x})
            .labels(new INDArray[] {y})
            .excludeParams(Set.of(runningStatistics)));
  }

  public static void check(GradientCheckUtil.GraphConfig config) {
    boolean right =
        GradientCheckUtil.checkGradients(
            config
                .epsilon(1e-6)
                .maxRelError(1e-5)
                .minAbsoluteError(1e-9)
                .print(GradientCheckUtil.PrintMode.FAILURES_ONLY));
    count(right, config.net());
  }

  private static void count(boolean right, Model net) {
    assertTrue(right, "GradientCheckUtil found a wrong gradient");
    // It also passes when every gradient is zero, so that is ruled out.
    assertTrue(
        Close.largest(NdArrays.values(net.gradient().gradient())) > 1e-4, "all gradients are zero");
    System.out.println("gradient check " + COUNT.incrementAndGet() + " passed");
  }
}
