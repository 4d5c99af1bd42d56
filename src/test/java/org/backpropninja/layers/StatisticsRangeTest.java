package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.backpropninja.Backward;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Sgd;

/** Running statistics stay within the network's type, or can be repaired. */
@ExtendWith(DoublePrecision.class)
class StatisticsRangeTest {

  private static final int N = 16;
  private static final int H = 3;
  private static final int WIDE = 1; // the column that is
  private static final double DECAY = 0.9;

  private static MultiLayerNetwork network(DataType type, Backward way, double decay) {
    return stack(
        settings(type).updater(new Sgd(1e-3)),
        InputType.feedForward(H),
        new BatchNormBessel.Builder().decay(decay).backward(way).build(),
        output(3));
  }

  /** Normal numbers, in one column with a standard deviation of its own. */
  private static DataSet minibatch(DataType type, long seed, double deviation) {
    Random random = new Random(seed);
    INDArray x = random(seed, -1, 1, N, H);
    for (int i = 0; i < N; i++) {
      x.putScalar(i, WIDE, deviation * random.nextGaussian());
    }
    return new DataSet(x.castTo(type), oneHot(type, 3, classes(seed, N, 3)));
  }

  private static double variance(DataSet data, int column) {
    return data.getFeatures().castTo(DataType.DOUBLE).getColumn(column).varNumber().doubleValue();
  }

  private static double[] statistics(MultiLayerNetwork net, String key) {
    return elements(net.getParam("0_" + key));
  }

  /** By column and value, and without a trace. */
  private static void assertRefusedFor(MultiLayerNetwork net, DataSet data) {
    INDArray before = net.params().dup();
    String digits = String.valueOf(variance(data, WIDE)).substring(0, 3);
    assertRefused(
        () -> net.fit(data),
        "BatchNormBessel (layer 0",
        "column " + WIDE,
        digits,
        net.params().dataType().name());
    assertEquals(before, net.params(), "nothing has moved");
  }

  /** float ends at 3.4e38. One such minibatch would leave an infinity that never goes away. */
  @ParameterizedTest
  @EnumSource
  void oneMinibatchBeyondFloat(Backward way) {
    MultiLayerNetwork net = network(DataType.FLOAT, way, DECAY);
    net.fit(minibatch(DataType.FLOAT, 1, 1));
    assertRefusedFor(net, minibatch(DataType.FLOAT, 2, 5e20));
    double[] expected = statistics(net, "var");
    for (int step = 0; step < 300; step++) {
      DataSet good = minibatch(DataType.FLOAT, 10 + step, 1);
      net.fit(good);
      for (int j = 0; j < H; j++) {
        expected[j] = DECAY * expected[j] + (1 - DECAY) * variance(good, j);
      }
    }
    assertClose("var", expected, statistics(net, "var"), 1e-5);
    assertCalibrated(net);
  }

  private static void assertCalibrated(MultiLayerNetwork net) {
    DataSet data = minibatch(net.params().dataType(), 3, 2);
    Calibration.calibrate(net, new ListDataSetIterator<>(data.asList(), 5));
    INDArray x = data.getFeatures().castTo(DataType.DOUBLE);
    assertClose("mean", elements(x.mean(0)), statistics(net, "mean"), 1e-6);
    assertClose("var", elements(x.var(0)), statistics(net, "var"), 1e-6);
  }

  /** As in a network that an earlier version, or something else, has trained. */
  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1e30, -2})
  void calibrationReplacesWhateverStandsThere(double value) {
    for (DataType type : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
      for (String key : new String[] {"mean", "var"}) {
        MultiLayerNetwork net = network(type, Backward.FUSED, DECAY);
        net.getParam("0_" + key).assign(value);
        assertCalibrated(net);
      }
    }
  }

  /** Where nothing of the past has weight, nothing of it may be left. */
  @ParameterizedTest
  @EnumSource
  void withoutDecayTheNextMinibatchReplacesThemToo(Backward way) {
    MultiLayerNetwork net = network(DataType.DOUBLE, way, 0);
    net.getParam("0_mean").assign(Double.NaN);
    net.getParam("0_var").assign(Double.POSITIVE_INFINITY);
    DataSet data = minibatch(DataType.DOUBLE, 1, 1);
    net.fit(data);
    assertClose("mean", elements(data.getFeatures().mean(0)), statistics(net, "mean"), 1e-12);
    assertClose("var", elements(data.getFeatures().var(0)), statistics(net, "var"), 1e-12);
  }

  /** HALF ends at 65504, which is the square of 256 and a bit less. */
  @ParameterizedTest
  @CsvSource({"FUSED, 300", "STEPWISE, 300", "FUSED, 5000", "STEPWISE, 5000"})
  void halfEndsEarly(Backward way, double deviation) {
    MultiLayerNetwork net = network(DataType.FLOAT16, way, DECAY);
    assertRefusedFor(net, minibatch(DataType.FLOAT16, 2, deviation));
  }

  /** What HALF can hold is as right as its three digits are. */
  @ParameterizedTest
  @EnumSource
  void halfWithinItsRange(Backward way) {
    MultiLayerNetwork net = network(DataType.FLOAT16, way, DECAY);
    double[] expected = statistics(net, "var");
    for (int step = 0; step < 30; step++) {
      DataSet data = minibatch(DataType.FLOAT16, step, 150);
      net.fit(data);
      for (int j = 0; j < H; j++) {
        expected[j] = DECAY * expected[j] + (1 - DECAY) * variance(data, j);
      }
    }
    assertClose("var", expected, statistics(net, "var"), 5e-3);
  }
}
