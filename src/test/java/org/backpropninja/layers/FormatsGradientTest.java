package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.numericalInputGradient;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.disturb;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.layers.BatchNormBessel.Convention;
import org.backpropninja.layers.BatchNormBessel.OnSingleValue;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Formats;
import org.backpropninja.testing.GradientChecks;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Cnn3DLossLayer;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The gradients of layers on sequences, images and volumes against central differences. */
@ExtendWith(DoublePrecision.class)
class FormatsGradientTest {

  private static final int C = 3;

  /** ε is large so that no gradient vanishes with it. */
  private static final Map<String, Supplier<ManualLayer.Builder<?>>> LAYERS = new LinkedHashMap<>();

  static {
    for (Convention convention : Convention.values()) {
      LAYERS.put(convention.name(), () -> batchNorm().convention(convention));
    }
    LAYERS.put("tanh", () -> batchNorm().activation(Activation.TANH));
    LAYERS.put("swish", () -> batchNorm().activation(Activation.SWISH));
    LAYERS.put("without gain", () -> batchNorm().useGain(false).activation(Activation.TANH));
    LAYERS.put("without bias", () -> batchNorm().useBias(false).activation(Activation.TANH));
    LAYERS.put("without both", () -> batchNorm().useGain(false).useBias(false));
    LAYERS.put("averaging", () -> batchNorm().cumulativeAverage());
    LAYERS.put("forgetful", () -> batchNorm().trackRunningStatistics(false));
    LAYERS.put(
        "forgetful, biased",
        () -> batchNorm().convention(Convention.KERAS).trackRunningStatistics(false));
    LAYERS.put("dense", () -> dense().activation(Activation.TANH));
    LAYERS.put("dense, swish", () -> dense().activation(Activation.SWISH));
    LAYERS.put("dense without bias", () -> dense().hasBias(false).activation(Activation.TANH));
  }

  private static BatchNormBessel.Builder batchNorm() {
    return new BatchNormBessel.Builder().nIn(C).eps(0.05);
  }

  private static ManualDense.Builder dense() {
    return new ManualDense.Builder().nIn(C).nOut(4);
  }

  static Stream<Arguments> cases() {
    return LAYERS.keySet().stream()
        .flatMap(
            layer ->
                Stream.of(Formats.values())
                    .filter(format -> format.rank() <= 3 || !layer.startsWith("dense"))
                    .map(format -> Arguments.of(layer, format)));
  }

  private static Layer layer(String name, Formats format, Backward way) {
    return instantiate(of(LAYERS.get(name).get(), format, way), DataType.DOUBLE, 3);
  }

  private static ManualLayer of(ManualLayer.Builder<?> builder, Formats format, Backward way) {
    return builder.backward(way).channelsLast(format.isChannelsLast()).build();
  }

  /** No mask, one that leaves out whole examples, and one with ones and zeros, of every shape. */
  private static List<INDArray> masks(Formats format) {
    List<INDArray> masks = new ArrayList<>();
    masks.add(null);
    format.masks().forEach(shape -> masks.add(mask(shape)));
    INDArray firstExampleIsOut = Nd4j.ones(format.masks().toList().get(1));
    firstExampleIsOut.slice(0).assign(0);
    masks.add(firstExampleIsOut);
    return masks;
  }

  private static INDArray mask(long... shape) {
    INDArray mask = Nd4j.ones(shape);
    Random random = new Random(4);
    for (long k = 0; k < mask.length(); k++) {
      mask.putScalar(k, k == 0 || random.nextInt(3) > 0 ? 1 : 0);
    }
    return mask;
  }

  // A layer alone

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void inputAndParametersInTraining(String name, Formats format) {
    check(name, format, true);
  }

  /** Running statistics are constants; without them the minibatch's are not. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void inputAndParametersInInference(String name, Formats format) {
    check(name, format, false);
  }

  private static void check(String name, Formats format, boolean training) {
    INDArray x = format.random(1, -2, 2, C, DataType.DOUBLE);
    for (INDArray mask : masks(format)) {
      Layer fused = layer(name, format, Backward.FUSED);
      Layer stepwise = layer(name, format, Backward.STEPWISE);
      fused.setMaskArray(mask);
      stepwise.setMaskArray(mask);
      check(mask + "", fused, x, training, stepwise);
    }
  }

  /** One way's values tell the slopes of both. */
  private static void check(String what, Layer layer, INDArray x, boolean training, Layer other) {
    INDArray epsilon = random(2, -1, 1, forward(layer, x, training).shape());
    double[] dx = numericalInputGradient(layer, x, epsilon, training, 1e-5);
    double[] parameters = slopes(layer, x, epsilon, training);
    for (Layer each : List.of(layer, other)) {
      forward(each, x, training);
      assertWithin("dx, " + what, dx, elements(backward(each, epsilon)), 1e-8);
      assertWithin("parameters, " + what, parameters, gradients(each), 1e-8);
    }
  }

  /** Of Σ epsilon·h with respect to all parameters; 0 for the running statistics. */
  private static double[] slopes(Layer layer, INDArray x, INDArray epsilon, boolean training) {
    List<Double> slopes = new ArrayList<>();
    for (Map.Entry<String, INDArray> parameter : layer.paramTable().entrySet()) {
      boolean isTrained = !BatchNormBessel.RUNNING.contains(parameter.getKey());
      INDArray p = parameter.getValue();
      double[] each =
          isTrained
              ? Differences.of(
                  p, () -> forward(layer, x, training).mul(epsilon).sumNumber().doubleValue(), 1e-5)
              : new double[(int) p.length()];
      int[] order = parameterOrder(p);
      IntStream.of(order).forEach(k -> slopes.add(each[k]));
    }
    return slopes.stream().mapToDouble(s -> s).toArray();
  }

  /** Weights lie column by column. */
  private static int[] parameterOrder(INDArray p) {
    int rows = p.rank() == 2 ? (int) p.size(0) : 1;
    int columns = (int) p.length() / rows;
    return IntStream.range(0, rows * columns).map(k -> k % rows * columns + k / rows).toArray();
  }

  /** One value a channel has no spread: the running statistics are constants then. */
  @ParameterizedTest
  @EnumSource
  void aSingleValueByRunningStatistics(Formats format) {
    for (Backward way : Backward.values()) {
      Layer layer =
          instantiate(
              of(
                  batchNorm().onSingleValue(OnSingleValue.USE_RUNNING).activation(Activation.TANH),
                  format,
                  way),
              DataType.DOUBLE,
              3);
      INDArray x = format.random(1, -2, 2, C, DataType.DOUBLE);
      INDArray before = layer.params().dup();
      INDArray mask = Nd4j.zeros(format.masks().toList().get(1)); // a value for each position
      mask.putScalar(mask.length() - 1, 1);
      if (format.mask(mask).sumNumber().intValue() != 1) {
        throw new IllegalStateException("the mask must keep one position");
      }
      layer.setMaskArray(mask);
      check("one value", layer, x, true, layer);
      assertEquals(before, layer.params(), "it moves nothing");
      INDArray inTraining = forward(layer, x, true);
      assertEquals(forward(layer, x, false), inTraining);
    }
  }

  // In networks of DL4J's own layers

  private static final int IN = 2; // channels of the features
  private static final int OUT = 2;

  /** A stock layer with C outputs at each position. */
  private static org.deeplearning4j.nn.conf.layers.Layer below(Formats format) {
    return switch (format.rank()) {
      case 2 -> org.backpropninja.testing.Networks.dense(C);
      case 3 -> new SimpleRnn.Builder().nOut(C).activation(Activation.TANH).build();
      case 4 -> new ConvolutionLayer.Builder(1, 1).nOut(C).activation(Activation.TANH).build();
      default ->
          new Convolution3D.Builder(1, 1, 1)
              .nOut(C)
              .dataFormat(volumes(format))
              .activation(Activation.TANH)
              .build();
    };
  }

  private static Convolution3D.DataFormat volumes(Formats format) {
    return format.isChannelsLast()
        ? Convolution3D.DataFormat.NDHWC
        : Convolution3D.DataFormat.NCDHW;
  }

  private static org.deeplearning4j.nn.conf.layers.Layer output(Formats format) {
    return switch (format.rank()) {
      case 3 ->
          new RnnOutputLayer.Builder(LossFunction.MSE)
              .nOut(OUT)
              .dataFormat(format.isChannelsLast() ? RNNFormat.NWC : RNNFormat.NCW)
              .activation(Activation.IDENTITY)
              .build();
      case 5 -> lossOfVolumes(format);
      default ->
          new OutputLayer.Builder(LossFunction.MSE)
              .nOut(OUT)
              .activation(Activation.IDENTITY)
              .build();
    };
  }

  /** A loss of each position: DL4J's layers of volumes call theirs NDHWC, and flatten them so. */
  private static Cnn3DLossLayer lossOfVolumes(Formats format) {
    return new Cnn3DLossLayer.Builder(volumes(format))
        .lossFunction(LossFunction.MSE)
        .activation(Activation.SIGMOID)
        .build();
  }

  private static INDArray labels(Formats format) {
    return switch (format.rank()) {
      case 3 -> format.random(7, 0, 1, OUT, DataType.DOUBLE);
      case 5 -> format.random(7, 0, 1, C, DataType.DOUBLE);
      default -> random(7, 0, 1, format.examples(), OUT);
    };
  }

  /** Without nIn and format: both follow from the input type. */
  private static BatchNormBessel inferred(Backward way, Activation activation) {
    return new BatchNormBessel.Builder().eps(0.05).activation(activation).backward(way).build();
  }

  private static List<org.deeplearning4j.nn.conf.layers.Layer> layers(
      Formats format, Backward way) {
    List<org.deeplearning4j.nn.conf.layers.Layer> layers = new ArrayList<>();
    layers.add(below(format));
    layers.add(inferred(way, Activation.SIGMOID));
    if (format.rank() <= 3) {
      layers.add(
          new ManualDense.Builder().nOut(C).activation(Activation.TANH).backward(way).build());
    } else {
      layers.add(below(format));
    }
    layers.add(inferred(way, Activation.TANH));
    layers.add(output(format));
    return layers;
  }

  static Stream<Arguments> networks() {
    return Stream.of(Formats.values())
        .flatMap(format -> Stream.of(Backward.values()).map(way -> Arguments.of(format, way)));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("networks")
  void multiLayerNetwork(Formats format, Backward way) {
    MultiLayerNetwork net =
        stack(
            settings(DataType.DOUBLE),
            format.inputType(IN),
            layers(format, way).toArray(org.deeplearning4j.nn.conf.layers.Layer[]::new));
    GradientChecks.check(
        net,
        format.random(5, -1, 1, IN, DataType.DOUBLE),
        labels(format),
        "1_mean",
        "1_var",
        "3_mean",
        "3_var");
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("networks")
  void computationGraph(Formats format, Backward way) {
    GraphBuilder graph = settings(DataType.DOUBLE).graphBuilder().addInputs("x");
    String last = "x";
    for (org.deeplearning4j.nn.conf.layers.Layer layer : layers(format, way)) {
      graph.addLayer(last + "1", layer, last);
      last += "1";
    }
    ComputationGraph net =
        new ComputationGraph(graph.setOutputs(last).setInputTypes(format.inputType(IN)).build());
    net.init();
    disturb(net.paramTable(), 5);
    GradientChecks.check(
        net,
        format.random(5, -1, 1, IN, DataType.DOUBLE),
        labels(format),
        "x11_mean",
        "x11_var",
        "x1111_mean",
        "x1111_var");
  }

  static Stream<Arguments> maskedNetworks() {
    return networks().filter(c -> !Set.of(Formats.NHWC, Formats.NDHWC).contains(c.get()[0]));
  }

  /** A loss of each pixel, as many as there are channels; DL4J's take masks channels first only. */
  private static org.deeplearning4j.nn.conf.layers.Layer maskedOutput(Formats format) {
    return switch (format) {
      case NCHW ->
          new CnnLossLayer.Builder(LossFunction.MSE).activation(Activation.SIGMOID).build();
      case NCDHW -> lossOfVolumes(format);
      default -> output(format);
    };
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("maskedNetworks")
  void maskedMultiLayerNetwork(Formats format, Backward way) {
    MultiLayerNetwork net =
        stack(
            settings(DataType.DOUBLE),
            format.inputType(IN),
            inferred(way, Activation.TANH),
            format.rank() <= 3
                ? new ManualDense.Builder().nOut(C).activation(Activation.TANH).build()
                : inferred(way, Activation.SIGMOID),
            maskedOutput(format));
    INDArray mask = mask(format.masks().toList().get(1)); // a value for each position
    GradientChecks.check(
        new GradientCheckUtil.MLNConfig()
            .net(net)
            .input(format.random(5, -1, 1, IN, DataType.DOUBLE))
            .labels(format.random(7, 0, 1, OUT, DataType.DOUBLE))
            .inputMask(mask)
            .labelMask(mask)
            .excludeParams(Set.of("0_mean", "0_var", "1_mean", "1_var")));
  }
}
