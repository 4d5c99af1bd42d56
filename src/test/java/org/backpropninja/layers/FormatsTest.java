package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.layers.BatchNormBessel.Convention;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Formats;
import org.backpropninja.testing.Memory;
import org.deeplearning4j.nn.api.Layer;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A layer on sequences, images or volumes is the same layer on the matrix of their rows, however
 * the arrays lie in memory, and it changes none of them.
 */
@ExtendWith(DoublePrecision.class)
class FormatsTest {

  private static final int C = 3;

  private static final Map<String, Supplier<ManualLayer.Builder<?>>> LAYERS = new LinkedHashMap<>();

  static {
    for (Activation a : List.of(Activation.IDENTITY, Activation.TANH, Activation.SWISH)) {
      LAYERS.put("batch norm " + a, () -> batchNorm().activation(a));
      LAYERS.put("dense " + a, () -> dense().activation(a));
    }
    LAYERS.put("biased batch norm", () -> batchNorm().convention(Convention.PYTORCH));
    LAYERS.put("averaging batch norm", () -> batchNorm().cumulativeAverage());
    LAYERS.put("batch norm without gain", () -> batchNorm().useGain(false));
    LAYERS.put("batch norm without bias", () -> batchNorm().useBias(false));
    LAYERS.put("forgetful batch norm", () -> batchNorm().trackRunningStatistics(false));
    LAYERS.put("dense without bias", () -> dense().hasBias(false).activation(Activation.TANH));
    LAYERS.put("narrowing dense", () -> dense().nOut(2).activation(Activation.IDENTITY));
  }

  private static BatchNormBessel.Builder batchNorm() {
    return new BatchNormBessel.Builder().nIn(C);
  }

  private static ManualDense.Builder dense() {
    return new ManualDense.Builder().nIn(C).nOut(4);
  }

  /** Dense layers take no images. */
  static Stream<Arguments> cases() {
    return LAYERS.keySet().stream()
        .flatMap(
            layer ->
                Stream.of(Formats.values())
                    .filter(format -> format.rank() <= 3 || !layer.contains("dense"))
                    .flatMap(
                        format ->
                            Stream.of(Backward.values())
                                .map(way -> Arguments.of(layer, format, way))));
  }

  private static Layer layer(String name, Formats format, Backward way, DataType type) {
    ManualLayer.Builder<?> builder = LAYERS.get(name).get().backward(way);
    builder.channelsLast(format.isChannelsLast());
    return instantiate(builder.build(), type, 3);
  }

  /** The layer and its twin on rows, each after the same passes. */
  private record Twins(Formats format, Layer ours, Layer ofRows) {

    static Twins of(String name, Formats format, Backward way, DataType type) {
      Layer ours = layer(name, format, way, type);
      return new Twins(format, ours, layer(name, Formats.NC, way, type));
    }

    void mask(INDArray mask) {
      ours.setMaskArray(mask);
      ofRows.setMaskArray(mask == null ? null : format.mask(mask));
    }

    /** Passes both ways, with everything that there is to compare. */
    void compare(INDArray x, Memory ofX, Memory ofEpsilon, boolean training, String what) {
      DataType type = x.dataType();
      INDArray aroundX = ofX.surroundings(type, x.shape());
      INDArray given = ofX.within(aroundX, x.shape()).assign(x);
      INDArray xBefore = aroundX.dup();
      INDArray h = forward(ours, given, training);
      INDArray expected = forward(ofRows, format.rows(x), training);
      assertArrayEquals(format.shape(expected.size(1)), h.shape());
      assertEquals(type, h.dataType());
      double[] values = elements(h);
      assertAlike(what + ": h", expected, format.rows(h));
      h.assign(Double.NaN); // a fresh array, that the layer needs no more
      assertEquals(xBefore, aroundX, what + ": x after the forward pass");

      INDArray epsilon = format.random(8, -1, 1, expected.size(1), type);
      INDArray aroundEpsilon = ofEpsilon.surroundings(type, h.shape());
      INDArray back = ofEpsilon.within(aroundEpsilon, h.shape()).assign(epsilon);
      INDArray epsilonBefore = aroundEpsilon.dup();
      INDArray dx = backward(ours, back);
      INDArray expectedDx = backward(ofRows, format.rows(epsilon));
      assertArrayEquals(x.shape(), dx.shape());
      assertEquals(type, dx.dataType());
      assertAlike(what + ": dx", expectedDx, format.rows(dx));
      dx.assign(Double.NaN);
      assertEquals(epsilonBefore, aroundEpsilon, what + ": epsilon");
      assertEquals(xBefore, aroundX, what + ": x");
      assertClose(what + ": gradients", gradients(ofRows), gradients(ours), rounding(type));
      assertArrayEquals(elements(ofRows.params()), elements(ours.params()), what + ": params");
      assertArrayEquals(values, elements(forward(ours, given, training)), what + ": again");
    }

    private static void assertAlike(String what, INDArray expected, INDArray actual) {
      double rounding = rounding(expected.dataType());
      assertClose(what, elements(expected), elements(actual), rounding);
    }

    /** OpenBLAS may add up in another order where matrices lie otherwise. */
    private static double rounding(DataType type) {
      return type == DataType.DOUBLE ? 1e-15 : type == DataType.FLOAT ? 5e-7 : 1e-3;
    }
  }

  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("cases")
  void isThatOfTheRows(String name, Formats format, Backward way) {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT, DataType.FLOAT16)) {
      if (type == DataType.FLOAT16 && name.startsWith("averaging")) {
        continue; // refused
      }
      Twins twins = Twins.of(name, format, way, type);
      INDArray x = format.random(1, -2, 2, C, type);
      for (Memory memory : Memory.values()) {
        for (boolean training : new boolean[] {true, false}) {
          String what = "%s, %s, training %s".formatted(type, memory, training);
          twins.compare(x, memory, Memory.C, training, what);
          twins.compare(x, Memory.C, memory, training, what + " epsilon");
        }
      }
    }
  }

  /** More rows than a block of any loop holds, and stretches that end within examples and rows. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("layers")
  void isThatOfMoreRowsThanABlockHolds(String name) {
    long[] shape = name.contains("dense") ? new long[] {37, C, 713} : new long[] {37, C, 31, 23};
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      INDArray x = random(1, -2, 2, shape).castTo(type);
      Layer ofRows = layer(name, Formats.NC, Backward.FUSED, type);
      double[] h = elements(forward(ofRows, rows(x), true));
      long width = h.length / (x.length() / C);
      shape[1] = width;
      INDArray epsilon = random(2, -1, 1, shape).castTo(type);
      shape[1] = C;
      double[] dx = elements(backward(ofRows, rows(epsilon)));
      for (Formats format : List.of(Formats.NCW, Formats.NWC)) {
        boolean last = format.isChannelsLast();
        Layer layer = layer(name, format, Backward.FUSED, type);
        INDArray actual = forward(layer, last ? Memory.channelsLast(x) : x, true);
        assertClose("h", h, elements(last ? actual : rows(actual)), 1e-6);
        actual = backward(layer, last ? Memory.channelsLast(epsilon) : epsilon);
        assertClose("dx", dx, elements(last ? actual : rows(actual)), 1e-6);
        assertClose("gradients", gradients(ofRows), gradients(layer), 1e-6);
        assertArrayEquals(elements(ofRows.params()), elements(layer.params()), "statistics");
      }
    }
  }

  static Stream<String> layers() {
    return LAYERS.keySet().stream();
  }

  private static INDArray rows(INDArray channelsFirst) {
    INDArray last = Memory.channelsLast(channelsFirst).dup('c');
    return last.reshape(last.length() / last.size(-1), last.size(-1));
  }

  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("cases")
  void isThatOfTheRowsThatAMaskKeeps(String name, Formats format, Backward way) {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      Twins twins = Twins.of(name, format, way, type);
      INDArray x = format.random(1, -2, 2, C, type);
      format
          .masks()
          .forEach(
              shape -> {
                INDArray mask = mask(shape);
                INDArray before = mask.dup();
                twins.mask(mask);
                for (Memory memory : List.of(Memory.C, Memory.GAPS)) {
                  for (boolean training : new boolean[] {true, false}) {
                    String what = "%s, mask %s, %s".formatted(type, Arrays.toString(shape), memory);
                    twins.compare(x, memory, memory, training, what);
                  }
                }
                assertEquals(before, mask);
              });
    }
  }

  /** Ones and zeros, with a one and a zero in them, as an array of that shape. */
  private static INDArray mask(long... shape) {
    INDArray mask = Nd4j.zeros(shape);
    Random random = new Random(4);
    for (long k = 0; k < mask.length(); k++) {
      mask.putScalar(k, k == 0 ? 1 : k == 1 ? 0 : random.nextInt(4) == 0 ? 0 : 1);
    }
    return mask;
  }

  /** Nobody looks at what is left out, and it gives zeros. */
  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("cases")
  void whatAMaskLeavesOutMayBeAnything(String name, Formats format, Backward way) {
    format
        .masks()
        .forEach(
            shape -> {
              INDArray mask = mask(shape);
              double[] rows = elements(format.mask(mask));
              Layer layer = layer(name, format, way, DataType.DOUBLE);
              Layer clean = layer(name, format, way, DataType.DOUBLE);
              layer.setMaskArray(mask);
              clean.setMaskArray(mask);
              INDArray x = format.random(1, -2, 2, C, DataType.DOUBLE);
              INDArray padded = withoutNumbers(format, x, rows);
              INDArray h = forward(layer, padded, true);
              INDArray epsilon = random(6, -1, 1, h.shape());
              assertEquals(forward(clean, x, true), h);
              assertZeros(format.rows(h), rows);
              INDArray dx = backward(layer, withoutNumbers(format, epsilon, rows));
              assertEquals(backward(clean, epsilon), dx);
              assertZeros(format.rows(dx), rows);
              assertArrayEquals(gradients(clean), gradients(layer));
              assertEquals(clean.params(), layer.params());
            });
  }

  /** A copy with NaN in the rows where the mask is 0. */
  private static INDArray withoutNumbers(Formats format, INDArray x, double[] mask) {
    INDArray copy = x.dup('c');
    INDArray last = format.isChannelsLast() ? copy : Memory.channelsLast(copy);
    long[] shape = last.shape();
    for (int row = 0; row < mask.length; row++) {
      for (int c = 0; mask[row] == 0 && c < last.size(-1); c++) {
        last.putScalar(indices(row, c, shape), Double.NaN);
      }
    }
    return copy;
  }

  private static long[] indices(int row, int channel, long[] shape) {
    long[] indices = new long[shape.length];
    indices[shape.length - 1] = channel;
    long rest = row;
    for (int k = shape.length - 2; k >= 0; k--) {
      indices[k] = rest % shape[k];
      rest /= shape[k];
    }
    return indices;
  }

  private static void assertZeros(INDArray rows, double[] mask) {
    int left =
        IntStream.range(0, mask.length)
            .filter(row -> mask[row] == 0)
            .peek(row -> assertEquals(0, largest(elements(rows.getRow(row))), "row " + row))
            .toArray()
            .length;
    assertNotEquals(0, left, "the mask leaves something out");
    assertNotEquals(0, largest(elements(rows)), "and keeps something");
  }

  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("cases")
  void everythingMaskedGivesZerosAndMovesNothing(String name, Formats format, Backward way) {
    for (boolean training : new boolean[] {true, false}) {
      Layer layer = layer(name, format, way, DataType.DOUBLE);
      INDArray before = layer.params().dup();
      format
          .masks()
          .forEach(
              shape -> {
                layer.setMaskArray(Nd4j.zeros(shape));
                INDArray x = format.random(1, -2, 2, C, DataType.DOUBLE);
                INDArray h = forward(layer, x, training);
                assertEquals(0, largest(elements(h)));
                assertEquals(0, largest(elements(backward(layer, random(6, -1, 1, h.shape())))));
                assertEquals(0, largest(gradients(layer)));
                assertEquals(before, layer.params());
              });
    }
  }
}
