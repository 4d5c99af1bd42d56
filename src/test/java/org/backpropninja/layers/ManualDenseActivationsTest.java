package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Formats;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * The dense layer with every activation that DL4J has, on matrices and on sequences: against
 * central differences, and against DL4J's layer between its preprocessors.
 */
@ExtendWith(DoublePrecision.class)
class ManualDenseActivationsTest {

  private static final int IN = 3;
  private static final int OUT = 4;
  private static final long SEED = 12; // of RRELU's slopes

  static Stream<Arguments> cases() {
    return Stream.of(Activation.values())
        .flatMap(
            a ->
                Stream.of(Formats.NC, Formats.NCW, Formats.NWC)
                    .flatMap(
                        format ->
                            Stream.of(Backward.values()).map(way -> Arguments.of(a, format, way))));
  }

  private static Layer layer(Activation a, Formats format, boolean bias, Backward way) {
    ManualDense.Builder builder =
        new ManualDense.Builder().nIn(IN).nOut(OUT).hasBias(bias).activation(a).backward(way);
    return instantiate(builder.channelsLast(format.isChannelsLast()).build(), DataType.DOUBLE, 3);
  }

  /** Of all three, in training and in inference; with the same seed before each pass. */
  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("cases")
  void slopesOfInputAndParameters(Activation a, Formats format, Backward way) {
    INDArray x = format.random(1, -2, 2, IN, DataType.DOUBLE);
    INDArray epsilon = format.random(2, -1, 1, OUT, DataType.DOUBLE);
    for (boolean bias : new boolean[] {true, false}) {
      for (boolean training : new boolean[] {true, false}) {
        Layer layer = layer(a, format, bias, way);
        double[] dx = inputSlopes(layer, x, epsilon, training);
        double[] dW = slopes(layer, "W", x, epsilon, training);
        seeded(layer, x, training);
        assertWithin("dx", dx, elements(backward(layer, epsilon)), 1e-8);
        double[] gradients = gradients(layer);
        assertWithin("dW", dW, columnMajor(gradients), 1e-8 * Math.max(1, largest(dW)));
        if (bias) {
          double[] db = slopes(layer, "b", x, epsilon, training);
          double[] part = Arrays.copyOfRange(gradients, IN * OUT, gradients.length);
          assertWithin("db", db, part, 1e-8 * Math.max(1, largest(db)));
        }
        assertTrue(largest(dx) > 1e-3 && largest(dW) > 1e-3, "there is something to go wrong");
      }
    }
  }

  private static INDArray seeded(Layer layer, INDArray x, boolean training) {
    Nd4j.getRandom().setSeed(SEED);
    return forward(layer, x, training);
  }

  private static double value(Layer layer, INDArray x, INDArray epsilon, boolean training) {
    return seeded(layer, x, training).mul(epsilon).sumNumber().doubleValue();
  }

  private static double[] inputSlopes(Layer layer, INDArray x, INDArray eps, boolean training) {
    INDArray moved = x.dup();
    return Differences.of(moved, () -> value(layer, moved, eps, training), 1e-5);
  }

  private static double[] slopes(
      Layer layer, String key, INDArray x, INDArray epsilon, boolean training) {
    return Differences.of(layer.getParam(key), () -> value(layer, x, epsilon, training), 1e-5);
  }

  /** The gradient of the weights, which lies column by column, row by row. */
  private static double[] columnMajor(double[] gradients) {
    return IntStream.range(0, IN * OUT)
        .mapToDouble(k -> gradients[k % OUT * IN + k / OUT])
        .toArray();
  }

  private static MultiLayerNetwork network(FeedForwardLayer layer, InputType type, Formats format) {
    return stack(
        settings(DataType.DOUBLE).updater(new Sgd(0.01)),
        type,
        layer,
        new RnnOutputLayer.Builder(LossFunction.MSE)
            .nOut(2)
            .dataFormat(format.isChannelsLast() ? RNNFormat.NWC : RNNFormat.NCW)
            .activation(Activation.IDENTITY)
            .build());
  }

  /** All but DL4J's RRELU, which goes back as the identity does. */
  static Stream<Arguments> sequences() {
    return cases().filter(c -> c.get()[0] != Activation.RRELU && c.get()[1] != Formats.NC);
  }

  @ParameterizedTest(name = "{0}, {1}, {2}")
  @MethodSource("sequences")
  void trainsAsDenseLayerBetweenPreprocessors(Activation a, Formats format, Backward way) {
    long t = format.rows() / format.examples();
    InputType type =
        InputType.recurrent(IN, t, format.isChannelsLast() ? RNNFormat.NWC : RNNFormat.NCW);
    for (boolean bias : new boolean[] {true, false}) {
      MultiLayerNetwork ours =
          network(
              new ManualDense.Builder().nOut(OUT).hasBias(bias).activation(a).backward(way).build(),
              type,
              format);
      MultiLayerNetwork theirs =
          network(
              new DenseLayer.Builder().nOut(OUT).hasBias(bias).activation(a).build(), type, format);
      assertEquals(Map.of(), ours.getLayerWiseConfigurations().getInputPreProcessors());
      assertEquals(2, theirs.getLayerWiseConfigurations().getInputPreProcessors().size());
      ours.setParams(theirs.params());
      INDArray x = format.random(1, -1, 1, IN, DataType.DOUBLE);
      for (int step = 0; step < 3; step++) {
        DataSet data =
            new DataSet(
                format.random(step, -1, 1, IN, DataType.DOUBLE),
                format.random(step + 5, -1, 1, 2, DataType.DOUBLE));
        ours.fit(data);
        theirs.fit(data);
        assertEquals(theirs.score(), ours.score(), 1e-12 * theirs.score());
      }
      assertClose("params", elements(theirs.params()), elements(ours.params()), 1e-12);
      INDArray expected = theirs.output(x);
      INDArray actual = ours.output(x);
      assertArrayEquals(expected.shape(), actual.shape());
      assertClose("output", elements(expected), elements(actual), 1e-12);
    }
  }

  /** As in DL4J, but for its way back and its inference. */
  @ParameterizedTest
  @EnumSource
  void randomisedReluHasTheMeanSlopeInInference(Backward way) {
    Layer rrelu = layer(Activation.RRELU, Formats.NCW, true, way);
    Layer identity = layer(Activation.IDENTITY, Formats.NCW, true, way);
    INDArray x = Formats.NCW.random(1, -2, 2, IN, DataType.DOUBLE);
    double[] z = elements(forward(identity, x, false));
    double mean = (1.0 / 8 + 1.0 / 3) / 2;
    double[] expected = Arrays.stream(z).map(v -> v < 0 ? mean * v : v).toArray();
    assertArrayEquals(expected, elements(forward(rrelu, x, false)), 1e-15);
    double[] h = elements(seeded(rrelu, x, true));
    for (int k = 0; k < h.length; k++) {
      double slope = h[k] / z[k];
      assertTrue(z[k] > 0 ? slope == 1 : slope >= 1.0 / 8 && slope <= 1.0 / 3, "slope " + slope);
    }
    assertTrue(Arrays.stream(z).anyMatch(v -> v < 0), "some are below 0");
  }

  @ParameterizedTest
  @EnumSource(Backward.class)
  void randomisedReluDrawsTheSlopesThatDenseLayerDraws(Backward way) {
    Layer ours = layer(Activation.RRELU, Formats.NC, true, way);
    Layer theirs =
        instantiate(
            new DenseLayer.Builder().nIn(IN).nOut(OUT).activation(Activation.RRELU).build(),
            DataType.DOUBLE,
            3);
    INDArray x = Formats.NC.random(1, -2, 2, IN, DataType.DOUBLE);
    assertClose("h", elements(seeded(theirs, x, true)), elements(seeded(ours, x, true)), 1e-15);
  }
}
