package org.backpropninja.layers;

import static java.util.Arrays.copyOfRange;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Golden.numbers;
import static org.backpropninja.testing.GoldenModels.array;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Memory.channelsFirst;
import static org.backpropninja.testing.Memory.channelsLast;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.layers.BatchNormBessel.Convention;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.GoldenModels;
import org.backpropninja.testing.Memory;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * Batch norm of sequences and images against PyTorch's figures, in both formats and every memory
 * layout.
 *
 * <p>{@code main} prints the largest error of each kind: {@code mvn -q test-compile exec:exec
 * -Dexample=org.backpropninja.layers.GoldenModelsBatchNormTest}.
 */
@ExtendWith(DoublePrecision.class)
class GoldenModelsBatchNormTest {

  private static final double RELATIVE = 1e-12;
  private static final List<JsonNode> CASES = GoldenModels.cases("batch_norm");
  private static final List<JsonNode> RUNNING = GoldenModels.cases("running_statistics");

  @Test
  void theFileHoldsWhatItsDescriptionSays() {
    assertEquals(24, CASES.size());
    assertEquals(6, RUNNING.size());
  }

  static Stream<Arguments> formats() {
    return Stream.of(Backward.values())
        .flatMap(way -> Stream.of(false, true).map(last -> Arguments.of(way, last)));
  }

  @ParameterizedTest(name = "{0}, channels last: {1}")
  @MethodSource("formats")
  void batchNorm(Backward way, boolean last) {
    for (JsonNode golden : CASES) {
      for (Memory memory : Memory.values()) {
        String what = "%s %s in %s".formatted(golden.get("kind"), golden.get("shape"), memory);
        assertClose(what, errors(golden, way, last, memory));
      }
    }
  }

  private static void assertClose(String what, Map<String, Double> errors) {
    errors.forEach(
        (name, error) -> assertTrue(error <= RELATIVE, what + ": " + name + " is off by " + error));
  }

  /** The largest relative error of each figure. */
  private static Map<String, Double> errors(
      JsonNode golden, Backward way, boolean last, Memory memory) {
    INDArray gain = array(golden.get("gain"));
    Layer layer =
        instantiate(
            builder(golden, way, last).nIn((int) gain.length()).build(), DataType.DOUBLE, 1);
    layer.getParam("gain").assign(gain);
    layer.getParam("bias").assign(array(golden.get("bias")));
    layer.setMaskArray(array(golden.get("mask")));
    INDArray y = forward(layer, given(golden.get("x"), last, memory), true);
    INDArray dx = backward(layer, given(golden.get("dy"), last, memory));
    Map<String, Double> errors = new TreeMap<>();
    errors.put("y", error(golden.get("y"), result(y, last)));
    errors.put("dx", error(golden.get("dx"), result(dx, last)));
    int channels = (int) gain.length();
    double[] gradients = gradients(layer);
    errors.put("dgain", error(golden.get("dgain"), Arrays.copyOf(gradients, channels)));
    errors.put("dbias", error(golden.get("dbias"), copyOfRange(gradients, channels, 2 * channels)));
    errors.put("mean", error(golden.get("mean"), layer.getParam("mean")));
    errors.put("var", error(golden.get("var"), layer.getParam("var")));
    return errors;
  }

  /** Without a past, so that the running statistics are the minibatch's. */
  private static BatchNormBessel.Builder builder(JsonNode golden, Backward way, boolean last) {
    Variance variance = golden.get("unbiased").asBoolean() ? Variance.UNBIASED : Variance.BIASED;
    return new BatchNormBessel.Builder()
        .variance(variance)
        .runningVariance(variance)
        .eps(golden.get("eps").asDouble())
        .decay(0)
        .dataFormat(format(last))
        .backward(way);
  }

  /** Any of the three says which axis it is. */
  private static RNNFormat format(boolean last) {
    return last ? RNNFormat.NWC : RNNFormat.NCW;
  }

  private static INDArray given(JsonNode figures, boolean last, Memory memory) {
    INDArray x = array(figures);
    return memory.of(last ? channelsLast(x) : x);
  }

  private static INDArray result(INDArray x, boolean last) {
    return last ? channelsFirst(x) : x;
  }

  private static double error(JsonNode expected, INDArray actual) {
    return error(expected, elements(actual));
  }

  private static double error(JsonNode expected, double[] actual) {
    return GoldenModels.error(numbers(expected), actual);
  }

  @ParameterizedTest
  @EnumSource
  void runningStatistics(Backward way) {
    for (JsonNode golden : RUNNING) {
      for (boolean last : new boolean[] {false, true}) {
        for (Memory memory : Memory.values()) {
          String what = "momentum %s in %s".formatted(golden.get("momentum"), memory);
          assertClose(what, runningErrors(golden, way, last, memory));
        }
      }
    }
  }

  private static Map<String, Double> runningErrors(
      JsonNode golden, Backward way, boolean last, Memory memory) {
    int channels = golden.get("after").get(0).get("mean").size();
    Layer layer = instantiate(running(golden, way, last).nIn(channels).build(), DataType.DOUBLE, 1);
    layer.getParam("mean").assign(0); // where PyTorch starts, with a gain of 1 and a bias of 0
    layer.getParam("var").assign(1);
    if (golden.get("momentum").isNull()) {
      layer.getParam("batches").assign(0);
    }
    Map<String, Double> errors = new TreeMap<>();
    for (int step = 0; step < golden.get("batches").size(); step++) {
      INDArray x = given(golden.get("batches").get(step), last, memory);
      backward(layer, random(step, -1, 1, forward(layer, x, true).shape()));
      forward(layer, x, false); // which moves nothing
      JsonNode after = golden.get("after").get(step);
      errors.merge("mean", error(after.get("mean"), layer.getParam("mean")), Math::max);
      errors.merge("var", error(after.get("var"), layer.getParam("var")), Math::max);
    }
    layer.getParam("gain").assign(1);
    layer.getParam("bias").assign(0);
    INDArray h = forward(layer, given(golden.get("probe"), last, memory), false);
    errors.put("inference", error(golden.get("inference"), result(h, last)));
    return errors;
  }

  private static BatchNormBessel.Builder running(JsonNode golden, Backward way, boolean last) {
    BatchNormBessel.Builder builder =
        new BatchNormBessel.Builder()
            .convention(Convention.PYTORCH)
            .dataFormat(format(last))
            .backward(way);
    return golden.get("momentum").isNull()
        ? builder.cumulativeAverage()
        : builder.decay(1 - golden.get("momentum").asDouble());
  }

  public static void main(String[] args) {
    new DoublePrecision().beforeAll(null);
    Map<String, Double> largest = new TreeMap<>();
    for (Backward way : Backward.values()) {
      for (boolean last : new boolean[] {false, true}) {
        for (Memory memory : Memory.values()) {
          CASES.forEach(
              c ->
                  errors(c, way, last, memory)
                      .forEach((k, e) -> largest.merge("batch_norm " + k, e, Math::max)));
          RUNNING.forEach(
              c ->
                  runningErrors(c, way, last, memory)
                      .forEach((k, e) -> largest.merge("running_statistics " + k, e, Math::max)));
        }
      }
    }
    largest.forEach((name, error) -> System.out.printf("%-30s %.1e%n", name, error));
  }
}
