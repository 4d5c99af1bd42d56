package org.backpropninja.layers;

import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.testing.DoublePrecision;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What a features mask keeps, what it leaves out, and what is refused in what is left. */
@ExtendWith(DoublePrecision.class)
class LayerMasksTest {

  private static final int N = 5;
  private static final int WIDTH = 3; // also the number of indices
  private static final int ROWS = 4; // of the embedding's table

  private static final Map<String, Function<Backward, FeedForwardLayer>> LAYERS =
      new TreeMap<>(
          Map.of(
              "embedding",
              way ->
                  new EmbeddingConcat.Builder()
                      .nIn(ROWS)
                      .nOut(2)
                      .inputLength(WIDTH)
                      .backward(way)
                      .build(),
              "dense",
              way -> dense(Activation.IDENTITY, 2, way),
              "dense, tanh",
              way -> dense(Activation.TANH, 2, way),
              "dense, widening",
              way -> dense(Activation.IDENTITY, WIDTH + 2, way),
              "batch norm",
              way -> batchNorm(Activation.IDENTITY, way),
              "batch norm, tanh",
              way -> batchNorm(Activation.TANH, way),
              "batch norm, relu",
              way -> batchNorm(Activation.RELU, way)));

  private static FeedForwardLayer dense(Activation activation, int nOut, Backward way) {
    return new ManualDense.Builder()
        .nIn(WIDTH)
        .nOut(nOut)
        .activation(activation)
        .backward(way)
        .build();
  }

  private static FeedForwardLayer batchNorm(Activation activation, Backward way) {
    return new BatchNormBessel.Builder().nOut(WIDTH).activation(activation).backward(way).build();
  }

  static Stream<Arguments> cases() {
    return LAYERS.keySet().stream()
        .flatMap(name -> Stream.of(Backward.values()).map(way -> Arguments.of(name, way)));
  }

  /** Whole numbers, which all layers take. */
  private static INDArray input() {
    return Nd4j.createFromArray(
        new double[][] {{1, 0, 3}, {2, 2, 0}, {3, 1, 1}, {0, 3, 2}, {2, 0, 2}});
  }

  private static INDArray mask(double... values) {
    return Nd4j.create(values, new long[] {values.length, 1}, 'c');
  }

  /** A mask says whether, not how much. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void keepsWhatIsNotZero(String name, Backward way) {
    for (boolean training : new boolean[] {true, false}) {
      Layer ones = instantiate(LAYERS.get(name).apply(way), DataType.DOUBLE, 1);
      Layer others = instantiate(LAYERS.get(name).apply(way), DataType.DOUBLE, 1);
      ones.setMaskArray(mask(1, 0, 1, 1, 0));
      others.setMaskArray(mask(0.3, 0, 1e-3, 2, 0));
      INDArray h = forward(ones, input(), training);
      assertEquals(h, forward(others, input(), training));
      INDArray epsilon = random(2, -1, 1, h.shape());
      assertEquals(backward(ones, epsilon), backward(others, epsilon));
      assertArrayEquals(gradients(ones), gradients(others));
      assertEquals(ones.params(), others.params(), "running statistics too");
    }
  }

  static Stream<Arguments> layersThatLeaveRowsOut() {
    return cases().filter(c -> !((String) c.get()[0]).startsWith("dense"));
  }

  /** The user is sent to the row that counts. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("layersThatLeaveRowsOut")
  void namesTheRowThatIsKept(String name, Backward way) {
    for (boolean training : new boolean[] {true, false}) {
      Layer layer = instantiate(LAYERS.get(name).apply(way), DataType.DOUBLE, 1);
      layer.setMaskArray(mask(1, 0, 1, 1, 1));
      INDArray x = input().putScalar(1, 0, Double.NaN).putScalar(3, 2, Double.NaN);
      assertRefused(() -> forward(layer, x, training), "input[3, 2]", "was NaN");
    }
  }

  /** Checked where it is narrower, which is the input here and the product elsewhere. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void refusesWhatIsNotFinite(String name, Backward way) {
    for (DataType type : new DataType[] {DataType.DOUBLE, DataType.FLOAT}) {
      for (double value : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
        for (boolean training : new boolean[] {true, false}) {
          Layer layer = instantiate(LAYERS.get(name).apply(way), type, 1);
          INDArray x = input().castTo(type).putScalar(4, 1, value);
          assertRefused(() -> forward(layer, x, training), "input[4, 1]", "was " + value);
        }
      }
    }
  }

  /** A smaller epsilon would be completed by what stood in the buffer. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void refusesAnEpsilonOfAnotherShape(String name, Backward way) {
    Layer layer = instantiate(LAYERS.get(name).apply(way), DataType.DOUBLE, 1);
    long width = forward(layer, input(), true).size(1);
    for (long[] shape : new long[][] {{N - 1, width}, {N, width - 1}, {N + 1, width}, {width}}) {
      forward(layer, input(), true);
      assertRefused(
          () -> backward(layer, random(1, -1, 1, shape)), "epsilon", "[5, " + width + "]");
    }
  }
}
