package org.backpropninja.layers;

import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.backpropninja.testing.DoublePrecision;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;

/** Constraints on biases: on "b" and, as in DL4J's batch norm, on nothing of batch norm. */
@ExtendWith(DoublePrecision.class)
class ConstraintsTest {

  private static MultiLayerNetwork trained(
      ManualDense.Builder dense, BatchNormBessel.Builder batchNorm) {
    MultiLayerNetwork net =
        stack(
            settings(DataType.DOUBLE).updater(new Sgd(0.01)),
            InputType.feedForward(3),
            dense.nOut(6).build(),
            batchNorm.build(),
            output(3));
    INDArray labels = oneHot(DataType.DOUBLE, 3, classes(2, 8, 3));
    net.fit(random(1, -1, 1, 8, 3), labels);
    return net;
  }

  @Test
  void biasConstraintsLeaveBatchNormAlone() {
    MultiLayerNetwork free = trained(new ManualDense.Builder(), new BatchNormBessel.Builder());
    MultiLayerNetwork constrained =
        trained(
            new ManualDense.Builder(),
            new BatchNormBessel.Builder().constrainBias(new NonNegativeConstraint()));
    assertTrue(least(free, "1_gain") < 0, "there is something to constrain");
    for (String key : List.of("1_gain", "1_bias", "1_mean", "1_var")) {
      assertEquals(free.getParam(key), constrained.getParam(key), key);
    }
  }

  @Test
  void biasConstraintsHoldBiasesOnly() {
    assertTrue(least(trained(new ManualDense.Builder(), new BatchNormBessel.Builder()), "0_b") < 0);
    MultiLayerNetwork net =
        trained(
            new ManualDense.Builder().constrainBias(new NonNegativeConstraint()),
            new BatchNormBessel.Builder());
    assertEquals(0, least(net, "0_b"));
    assertTrue(least(net, "0_W") < 0);
  }

  private static double least(MultiLayerNetwork net, String key) {
    return Arrays.stream(elements(net.getParam(key))).min().orElseThrow();
  }
}
