package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.FixedDropout;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A layer with dropout is the layer without it, on an input of which some is dropped. */
@ExtendWith(DoublePrecision.class)
class LayerDropoutTest {

  private static final int N = 6;
  private static final int WIDTH = 4;

  private static final Map<String, Function<Backward, FeedForwardLayer.Builder<?>>> LAYERS =
      new TreeMap<>(
          Map.of(
              "batch norm",
              way -> new BatchNormBessel.Builder().nOut(WIDTH).backward(way),
              "batch norm, tanh",
              way ->
                  new BatchNormBessel.Builder()
                      .nOut(WIDTH)
                      .activation(Activation.TANH)
                      .backward(way),
              "dense",
              way ->
                  new ManualDense.Builder()
                      .nIn(WIDTH)
                      .nOut(3)
                      .activation(Activation.TANH)
                      .backward(way)));

  static Stream<Arguments> cases() {
    return LAYERS.keySet().stream()
        .flatMap(
            layer ->
                Stream.of(Backward.values())
                    .flatMap(
                        way ->
                            Stream.of(DataType.DOUBLE, DataType.FLOAT)
                                .map(type -> Arguments.of(layer, way, type))));
  }

  private static Layer without(String layer, Backward way, DataType type) {
    return instantiate(LAYERS.get(layer).apply(way).build(), type, 3);
  }

  private static Layer with(String layer, Backward way, DataType type) {
    return instantiate(LAYERS.get(layer).apply(way).dropOut(new FixedDropout()).build(), type, 3);
  }

  /** Alone, so that nobody lets the layer drop elements of its input in place. */
  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("cases")
  void trainsOnWhatIsKept(String name, Backward way, DataType type) {
    Layer without = without(name, way, type);
    Layer with = with(name, way, type);
    INDArray x = random(1, -2, 2, N, WIDTH).castTo(type);
    INDArray before = x.dup();
    INDArray factors = FixedDropout.factors(N, WIDTH).castTo(type);
    INDArray h = forward(without, x.mul(factors), true);
    assertClose("h", elements(h), elements(forward(with, x, true)), 0);
    INDArray epsilon = random(2, -1, 1, h.shape()).castTo(type);
    INDArray dx = backward(without, epsilon.dup()).mul(factors);
    assertClose("dx", elements(dx), elements(backward(with, epsilon.dup())), 0);
    assertArrayEquals(gradients(without), gradients(with));
    assertEquals(without.params(), with.params(), "running statistics too");
    assertEquals(before, x);
  }

  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("cases")
  void dropsNothingInInference(String name, Backward way, DataType type) {
    for (int n : List.of(1, N)) {
      INDArray x = random(1, -2, 2, n, WIDTH).castTo(type);
      INDArray expected = forward(without(name, way, type), x, false);
      assertEquals(expected, forward(with(name, way, type), x, false));
    }
  }
}
