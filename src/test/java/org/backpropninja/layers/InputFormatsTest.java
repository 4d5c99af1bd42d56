package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.disturb;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Formats;
import org.backpropninja.testing.Memory;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution1DLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryType;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.conf.preprocessor.CnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.conf.preprocessor.FeedForwardToCnnPreProcessor;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Where a layer's rank, format and sizes come from, and what is refused. */
@ExtendWith(DoublePrecision.class)
class InputFormatsTest {

  private static final int C = 3;

  static Stream<Formats> formatsWithPositions() {
    return Stream.of(Formats.values()).filter(format -> format != Formats.NC);
  }

  /** A stock layer of the same rank, whose nIn is to follow. */
  private static FeedForwardLayer stock(Formats format) {
    return switch (format.rank()) {
      case 3 -> new Convolution1DLayer.Builder(1).nOut(2).build();
      case 4 -> new ConvolutionLayer.Builder(1, 1).nOut(2).build();
      default -> new Convolution3D.Builder(1, 1, 1).nOut(2).build();
    };
  }

  private static MultiLayerConfiguration stackOf(InputType type, Layer... layers) {
    var list = settings(DataType.DOUBLE).list();
    Arrays.stream(layers).forEach(list::layer);
    return list.setInputType(type).build();
  }

  private static ComputationGraphConfiguration graphOf(InputType type, Layer... layers) {
    var graph = settings(DataType.DOUBLE).graphBuilder().addInputs("in").setInputTypes(type);
    String below = "in";
    for (int i = 0; i < layers.length; i++) {
      graph.addLayer("" + i, layers[i], below);
      below = "" + i;
    }
    return graph.setOutputs(below).build();
  }

  private static Layer layer(ComputationGraphConfiguration conf, String name) {
    return ((LayerVertex) conf.getVertices().get(name)).getLayerConf().getLayer();
  }

  private static InputPreProcessor preprocessor(ComputationGraphConfiguration conf, String name) {
    return ((LayerVertex) conf.getVertices().get(name)).getPreProcessor();
  }

  private static void assertInferred(Formats format, Layer layer, int nOut) {
    ManualLayer ours = (ManualLayer) layer;
    assertEquals(C, ours.getNIn());
    assertEquals(nOut, ours.getNOut());
    // DL4J's layers say NDHWC whatever they are, so that is no news.
    assertEquals(
        format == Formats.NDHWC ? null : (Boolean) format.isChannelsLast(), ours.getChannelsLast());
    assertEquals(format.inputType(nOut), ours.getOutputType(1, format.inputType(C)));
  }

  // From the input type

  @ParameterizedTest
  @MethodSource("formatsWithPositions")
  void ofBatchNormFromTheInputType(Formats format) {
    Layer[] layers = {new BatchNormBessel.Builder().build(), stock(format)};
    MultiLayerConfiguration stack = stackOf(format.inputType(C), layers);
    assertInferred(format, stack.getConf(0).getLayer(), C);
    assertEquals(C, ((FeedForwardLayer) stack.getConf(1).getLayer()).getNIn());
    assertEquals(Map.of(), stack.getInputPreProcessors());
    ComputationGraphConfiguration graph =
        graphOf(format.inputType(C), new BatchNormBessel.Builder().build(), stock(format));
    assertInferred(format, layer(graph, "0"), C);
    assertEquals(C, ((FeedForwardLayer) layer(graph, "1")).getNIn());
    assertNull(preprocessor(graph, "0"));
    assertNull(preprocessor(graph, "1"));
  }

  @ParameterizedTest
  @EnumSource(names = {"NCW", "NWC"})
  void ofDenseFromTheInputType(Formats format) {
    MultiLayerConfiguration stack =
        stackOf(format.inputType(C), new ManualDense.Builder().nOut(5).build(), stock(format));
    assertInferred(format, stack.getConf(0).getLayer(), 5);
    assertEquals(5, ((FeedForwardLayer) stack.getConf(1).getLayer()).getNIn());
    assertEquals(Map.of(), stack.getInputPreProcessors());
    ComputationGraphConfiguration graph =
        graphOf(format.inputType(C), new ManualDense.Builder().nOut(5).build(), stock(format));
    assertInferred(format, layer(graph, "0"), 5);
    assertEquals(5, ((FeedForwardLayer) layer(graph, "1")).getNIn());
    assertNull(preprocessor(graph, "0"));
  }

  /** Its length is not known, and stays so. */
  @ParameterizedTest
  @EnumSource
  void ofSequencesOfAnyLength(RNNFormat format) {
    InputType any = InputType.recurrent(C, format);
    for (FeedForwardLayer layer :
        List.of(new BatchNormBessel.Builder().build(), new ManualDense.Builder().nOut(C).build())) {
      layer.setNIn(any, true);
      assertEquals(any, layer.getOutputType(1, any));
      assertNull(layer.getPreProcessorForInputType(any));
    }
  }

  @Test
  void matricesHaveNoFormat() {
    MultiLayerConfiguration conf =
        stackOf(
            InputType.feedForward(C),
            new ManualDense.Builder().nOut(5).build(),
            new BatchNormBessel.Builder().build(),
            output(2));
    assertNull(((ManualLayer) conf.getConf(0).getLayer()).getChannelsLast());
    assertNull(((ManualLayer) conf.getConf(1).getLayer()).getChannelsLast());
    assertEquals(5, ((FeedForwardLayer) conf.getConf(1).getLayer()).getNOut());
    assertEquals(Map.of(), conf.getInputPreProcessors());
  }

  /** As for DL4J's dense layer. */
  @Test
  void denseLayersFlattenImages() {
    MultiLayerConfiguration conf =
        stackOf(
            InputType.convolutional(4, 5, C), new ManualDense.Builder().nOut(2).build(), output(2));
    assertInstanceOf(CnnToFeedForwardPreProcessor.class, conf.getInputPreProcess(0));
    assertEquals(4 * 5 * C, ((FeedForwardLayer) conf.getConf(0).getLayer()).getNIn());
    conf =
        stackOf(
            InputType.convolutionalFlat(4, 5, C),
            new ManualDense.Builder().nOut(2).build(),
            output(2));
    assertEquals(Map.of(), conf.getInputPreProcessors());
    assertEquals(4 * 5 * C, ((FeedForwardLayer) conf.getConf(0).getLayer()).getNIn());
  }

  @Test
  void flatImagesGetTheirShapeBeforeBatchNorm() {
    InputType flat = InputType.convolutionalFlat(4, 5, C);
    Layer[] layers = {
      new BatchNormBessel.Builder().build(),
      new ConvolutionLayer.Builder(1, 1).nOut(2).activation(Activation.TANH).build(),
      output(2)
    };
    MultiLayerConfiguration conf = stackOf(flat, layers);
    assertEquals(new FeedForwardToCnnPreProcessor(4, 5, C), conf.getInputPreProcess(0));
    assertEquals(C, ((FeedForwardLayer) conf.getConf(0).getLayer()).getNOut());
    assertEquals(C, ((FeedForwardLayer) conf.getConf(1).getLayer()).getNIn());
    MultiLayerNetwork net = new MultiLayerNetwork(conf);
    net.init();
    disturb(net.paramTable(), 3);
    INDArray x = random(1, -1, 2, 6, C, 4, 5);
    INDArray h = net.feedForward(x.reshape(6, C * 4 * 5), true).get(1);
    assertArrayEquals(new long[] {6, C, 4, 5}, h.shape());
    assertEquals(forward(net.getLayer(0), x, true), h);
    net.fit(new DataSet(x.reshape(6, C * 4 * 5), oneHot(DataType.DOUBLE, 2, 0, 1, 1, 0, 1, 0)));
    ComputationGraphConfiguration graph =
        graphOf(flat, new BatchNormBessel.Builder().build(), output(2));
    assertEquals(new FeedForwardToCnnPreProcessor(4, 5, C), preprocessor(graph, "0"));
    assertEquals(C, ((FeedForwardLayer) layer(graph, "0")).getNOut());
  }

  // From dataFormat

  @Test
  void dataFormatIsKept() {
    for (boolean last : new boolean[] {false, true}) {
      RNNFormat sequences = last ? RNNFormat.NWC : RNNFormat.NCW;
      assertEquals(last, new ManualDense.Builder().dataFormat(sequences).build().getChannelsLast());
      assertEquals(
          last, new BatchNormBessel.Builder().dataFormat(sequences).build().getChannelsLast());
      CNN2DFormat images = last ? CNN2DFormat.NHWC : CNN2DFormat.NCHW;
      assertEquals(
          last, new BatchNormBessel.Builder().dataFormat(images).build().getChannelsLast());
      var volumes = last ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW;
      assertEquals(
          last, new BatchNormBessel.Builder().dataFormat(volumes).build().getChannelsLast());
    }
    assertNull(new BatchNormBessel.Builder().build().getChannelsLast());
    assertNull(new ManualDense.Builder().build().getChannelsLast());
  }

  @Test
  void refusesNull() {
    var norm = new BatchNormBessel.Builder();
    var dense = new ManualDense.Builder();
    var type = NullPointerException.class;
    String message = "format must not be null";
    assertRefused(type, () -> norm.dataFormat((RNNFormat) null), message);
    assertRefused(type, () -> norm.dataFormat((CNN2DFormat) null), message);
    assertRefused(type, () -> norm.dataFormat((Convolution3D.DataFormat) null), message);
    assertRefused(type, () -> dense.dataFormat(null), message);
    var embedding = new EmbeddingConcat.Builder();
    assertRefused(type, () -> embedding.dataFormat(null), message);
    assertRefused(type, () -> norm.convention(null), "convention must not be null");
    assertRefused(type, () -> norm.onSingleValue(null), "onSingleValue must not be null");
    assertRefused(
        type, () -> new BatchNormBessel().setOnSingleValue(null), "onSingleValue must not be null");
  }

  /** Channels are second unless dataFormat says otherwise; those of volumes are found. */
  @ParameterizedTest
  @MethodSource("formatsWithPositions")
  void withoutAnInputType(Formats format) {
    BatchNormBessel.Builder builder = new BatchNormBessel.Builder().nIn(C);
    if (format.isChannelsLast() && format != Formats.NDHWC) {
      builder.dataFormat(RNNFormat.NWC); // any of the three says which axis it is
    }
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            settings(DataType.DOUBLE)
                .list(builder.build(), new OutputLayer.Builder().nIn(C).nOut(2).build())
                .build());
    net.init();
    INDArray x = format.random(1, -1, 2, C, DataType.DOUBLE);
    INDArray h = net.feedForwardToLayer(0, x, true).get(1);
    assertArrayEquals(x.shape(), h.shape());
    double[] sums = elements(format.rows(h).sum(0));
    assertArrayEquals(new double[C], sums, 1e-12);
  }

  @ParameterizedTest
  @MethodSource("formatsWithPositions")
  void dataFormatMayBeThatOfTheInputTypeAndNoOther(Formats format) {
    boolean last = format.isChannelsLast();
    for (ManualLayer.Builder<?> builder : builders(format)) {
      ManualLayer same = builder.channelsLast(last).build();
      stackOf(format.inputType(C), same, stock(format));
      assertEquals(last, same.getChannelsLast());
    }
    if (format == Formats.NDHWC) {
      return; // which is no news
    }
    for (ManualLayer.Builder<?> builder : builders(format)) {
      ManualLayer other = builder.channelsLast(!last).name("first").build();
      String[] message = {
        other.getClass().getSimpleName() + " (\"first\")",
        "dataFormat (channels " + (last ? "first" : "last") + ")",
        format.inputType(C).toString(),
        "leave it out"
      };
      var type = IllegalStateException.class;
      assertRefused(type, () -> stackOf(format.inputType(C), other, stock(format)), message);
      assertRefused(type, () -> graphOf(format.inputType(C), other, stock(format)));
      assertEquals(!last, other.getChannelsLast());
    }
  }

  private static List<ManualLayer.Builder<?>> builders(Formats format) {
    return format.rank() == 3
        ? List.of(new BatchNormBessel.Builder(), new ManualDense.Builder().nOut(2))
        : List.of(new BatchNormBessel.Builder());
  }

  /** DL4J's says that its volumes are NDHWC in both. */
  @ParameterizedTest
  @EnumSource(names = {"NCDHW", "NDHWC"})
  void behindConvolution3D(Formats format) {
    var volumes =
        format.isChannelsLast() ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW;
    INDArray x = format.random(1, -1, 2, 2, DataType.DOUBLE);
    for (boolean set : new boolean[] {false, true}) {
      BatchNormBessel.Builder norm = new BatchNormBessel.Builder();
      MultiLayerConfiguration conf =
          stackOf(
              format.inputType(2),
              new Convolution3D.Builder(1, 1, 1).nOut(C).dataFormat(volumes).build(),
              (set ? norm.dataFormat(volumes) : norm).build(),
              new Convolution3D.Builder(1, 1, 1).nOut(2).dataFormat(volumes).build());
      BatchNormBessel ours = (BatchNormBessel) conf.getConf(1).getLayer();
      assertEquals(set ? format.isChannelsLast() : null, ours.getChannelsLast());
      InputType said = conf.getConf(0).getLayer().getOutputType(0, format.inputType(2));
      assertEquals(Formats.NDHWC.inputType(C), said, "if DL4J tells the truth, so can we");
      assertEquals(set ? format.inputType(C) : said, ours.getOutputType(1, said));
      MultiLayerNetwork net = new MultiLayerNetwork(conf);
      net.init();
      INDArray h = net.feedForwardToLayer(1, x, true).get(2);
      assertArrayEquals(new double[C], elements(format.rows(h).sum(0)), 1e-12);
    }
  }

  @Test
  void refusesVolumesThatMayBeOfEitherFormat() {
    INDArray x = random(1, -1, 1, 2, C, 4, 5, C);
    var unknown = new BatchNormBessel.Builder().nIn(C).name("norm").build();
    assertRefused(
        () -> forward(instantiate(unknown, DataType.DOUBLE, 1), x, true),
        "BatchNormBessel (layer 3, \"norm\"): dataFormat must be set for volumes of shape"
            + " [2, 3, 4, 5, 3], of which axes 1 and 4 may both be the 3 channels");
    for (var format : Convolution3D.DataFormat.values()) {
      var known = new BatchNormBessel.Builder().nIn(C).dataFormat(format).build();
      forward(instantiate(known, DataType.DOUBLE, 1), x, true);
    }
  }

  @Test
  void flatImagesAreChannelsFirst() {
    assertRefused(
        IllegalStateException.class,
        () ->
            stackOf(
                InputType.convolutionalFlat(4, 5, C),
                new BatchNormBessel.Builder().name("norm").dataFormat(CNN2DFormat.NHWC).build(),
                output(2)),
        "BatchNormBessel (\"norm\"): dataFormat (channels last)");
  }

  // What is refused

  @ParameterizedTest
  @EnumSource
  void refusesOtherChannelsAndRanks(Formats format) {
    boolean last = format.isChannelsLast();
    var norm = new BatchNormBessel.Builder().nIn(C).name("norm").channelsLast(last).build();
    var layer = instantiate(norm, DataType.DOUBLE, 1);
    String shapes =
        last
            ? "[n, 3] or [n, t, 3] or [n, h, w, 3] or [n, d, h, w, 3]"
            : "[n, 3] or [n, 3, t] or [n, 3, h, w] or [n, 3, d, h, w]";
    String start = "BatchNormBessel (layer 3, \"norm\"): input must be " + shapes;
    long[] shape = format.shape(C + 1);
    for (boolean training : new boolean[] {true, false}) {
      assertRefused(
          () -> forward(layer, Nd4j.zeros(shape), training),
          start,
          "was rank " + format.rank() + " with shape " + Arrays.toString(shape));
      assertRefused(
          () -> forward(layer, Nd4j.zeros(C, C, C, C, C, C), training), start, "was rank 6");
      assertRefused(() -> forward(layer, Nd4j.zeros(C), training), start, "was rank 1");
      if (format != Formats.NC) {
        INDArray x = format.random(1, -1, 1, C, DataType.DOUBLE);
        INDArray otherFormat = last ? Memory.channelsFirst(x) : Memory.channelsLast(x);
        assertRefused(() -> forward(layer, otherFormat, training), start);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void denseRefusesImages(RNNFormat format) {
    var dense = new ManualDense.Builder().nIn(C).nOut(2).name("hidden").dataFormat(format).build();
    var layer = instantiate(dense, DataType.DOUBLE, 1);
    assertRefused(
        () -> forward(layer, Nd4j.zeros(C, C, C, C), true),
        "ManualDense (layer 3, \"hidden\"): input must be [n, 3] or ["
            + (format == RNNFormat.NCW ? "n, 3, t" : "n, t, 3")
            + "], was rank 4");
  }

  /** The user is sent to the element as he indexes it, in what the mask keeps. */
  @ParameterizedTest
  @EnumSource
  void namesTheElementThatIsNotFinite(Formats format) {
    INDArray x = format.random(1, -1, 1, C, DataType.DOUBLE);
    long[] place = Arrays.stream(x.shape()).map(size -> size - 1).toArray();
    x.putScalar(place, Double.NaN);
    String indices = Arrays.toString(place);
    for (ManualLayer.Builder<?> builder : builders(format.rank() <= 3 ? Formats.NCW : format)) {
      ManualLayer conf = builder.nIn(C).channelsLast(format.isChannelsLast()).build();
      for (Backward way : Backward.values()) {
        conf.setBackward(way);
        var layer = instantiate(conf, DataType.DOUBLE, 1);
        for (boolean training : new boolean[] {true, false}) {
          layer.setMaskArray(null);
          assertRefused(() -> forward(layer, x, training), "input" + indices + " must be a finite");
          INDArray mask = Nd4j.ones(format.masks().toList().get(1));
          layer.setMaskArray(mask.putScalar(0, 0));
          assertRefused(() -> forward(layer, x, training), "input" + indices + " must be a finite");
          mask.putScalar(mask.length() - 1, 0);
          forward(layer, x, training);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void refusesOtherMasks(Formats format) {
    var conf = new BatchNormBessel.Builder().nIn(C).channelsLast(format.isChannelsLast()).build();
    var layer = instantiate(conf, DataType.DOUBLE, 1);
    int n = format.examples();
    for (INDArray mask :
        List.of(
            Nd4j.ones(n + 1, 1),
            Nd4j.ones(n, format.rows() / n + 1),
            Nd4j.ones(format.shape(C)),
            Nd4j.ones(format.rows() * C, 1))) {
      layer.setMaskArray(mask);
      assertRefused(
          () -> forward(layer, format.random(1, -1, 1, C, DataType.DOUBLE), true),
          "BatchNormBessel (layer 3): mask must hold one value for each of the " + n + " examples",
          format == Formats.NC ? "examples, was" : "examples or for each position, was",
          "of shape " + Arrays.toString(mask.shape()));
    }
  }

  // Reports and files

  @ParameterizedTest
  @MethodSource("formatsWithPositions")
  void memoryReportCountsPositions(Formats format) {
    InputType type = format.inputType(C);
    MultiLayerConfiguration conf =
        stackOf(type, new BatchNormBessel.Builder().cumulativeAverage().build(), stock(format));
    LayerMemoryReport report = conf.getConf(0).getLayer().getMemoryReport(type);
    long positions = format.rows() / format.examples();
    assertEquals(4L * 32 * positions * C, bytes(report, MemoryType.ACTIVATIONS));
    assertEquals(4L * (4 * C + 1), bytes(report, MemoryType.PARAMETERS));
    if (format.rank() == 3) {
      conf = stackOf(type, new ManualDense.Builder().nOut(5).build(), stock(format));
      report = conf.getConf(0).getLayer().getMemoryReport(type);
      assertEquals(4L * 32 * positions * 5, bytes(report, MemoryType.ACTIVATIONS));
      assertEquals(4L * (C * 5 + 5), bytes(report, MemoryType.PARAMETERS));
    }
  }

  private static long bytes(LayerMemoryReport report, MemoryType type) {
    return report.getMemoryBytes(type, 32, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT);
  }

  /** Written before there were formats, with DL4J's preprocessors around the layers. */
  @Test
  void anEarlierConfigurationStillLoads() throws IOException {
    MultiLayerConfiguration conf;
    try (InputStream in = getClass().getResourceAsStream("/earlier-configuration.json")) {
      String json = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      assertFalse(json.contains("channelsLast") || json.contains("useGain"));
      conf = MultiLayerConfiguration.fromJson(json);
    }
    ManualDense dense = (ManualDense) conf.getConf(0).getLayer();
    BatchNormBessel norm = (BatchNormBessel) conf.getConf(1).getLayer();
    assertEquals(3, dense.getNIn());
    assertFalse(dense.isHasBias());
    assertEquals(
        new BatchNormBessel.Builder()
            .nIn(4)
            .decay(0.8)
            .eps(1e-3)
            .variance(Variance.BIASED)
            .activation(Activation.TANH)
            .backward(Backward.STEPWISE)
            .build()
            .toString()
            .replaceAll(".*, decay", "decay"),
        norm.toString().replaceAll(".*, decay", "decay"));
    assertNull(norm.getChannelsLast());
    assertNotEquals(Map.of(), conf.getInputPreProcessors());
    assertSameAsWithoutPreprocessors(conf);
  }

  private static void assertSameAsWithoutPreprocessors(MultiLayerConfiguration conf) {
    MultiLayerNetwork earlier = new MultiLayerNetwork(conf);
    earlier.init();
    disturb(earlier.paramTable(), 3);
    MultiLayerNetwork now =
        stack(
            DataType.DOUBLE,
            InputType.recurrent(3, 5),
            new ManualDense.Builder().nOut(4).activation(Activation.TANH).hasBias(false).build(),
            new BatchNormBessel.Builder()
                .eps(1e-3)
                .variance(Variance.BIASED)
                .activation(Activation.TANH)
                .build(),
            new RnnOutputLayer.Builder(LossFunction.MSE)
                .nOut(2)
                .activation(Activation.IDENTITY)
                .build());
    assertEquals(Map.of(), now.getLayerWiseConfigurations().getInputPreProcessors());
    now.setParams(earlier.params());
    INDArray x = Formats.NCW.random(1, -2, 2, 3, DataType.DOUBLE);
    for (boolean training : new boolean[] {true, false}) {
      assertClose(
          "output",
          elements(now.output(x, training)),
          elements(earlier.output(x, training)),
          1e-12);
    }
  }
}
