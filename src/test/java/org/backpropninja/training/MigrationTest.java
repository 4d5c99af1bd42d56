package org.backpropninja.training;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.backpropninja.testing.Saved;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.recurrent.TimeDistributed;
import org.deeplearning4j.nn.conf.preprocessor.RnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** DL4J's networks against what becomes of them. */
class MigrationTest {

  private static final int N = 9;

  /** Networks of DL4J's own layers, with each way in which batch norm can stand in them. */
  private enum Kind {
    TABLE(InputType.feedForward(5), new long[] {N, 5}, new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(dense(6))
            .layer(batchNorm().build())
            .layer(new ActivationLayer(Activation.TANH))
            .layer(dense(4))
            .layer(batchNorm().useLogStd(false).build())
            .layer(output());
      }
    },
    LOCKED(InputType.feedForward(5), new long[] {N, 5}, new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(dense(6))
            .layer(batchNorm().lockGammaBeta(true).gamma(1.3).beta(0.4).build())
            .layer(new ActivationLayer(Activation.TANH))
            .layer(dense(4))
            .layer(batchNorm().lockGammaBeta(true).build())
            .layer(output());
      }
    },
    /** DL4J ignores the gamma in its output, but not in its gradient. */
    HALF_LOCKED(InputType.feedForward(5), new long[] {N, 5}, new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(dense(6))
            .layer(batchNorm().lockGammaBeta(true).gamma(2).build())
            .layer(dense(4))
            .layer(batchNorm().lockGammaBeta(true).beta(0.7).build())
            .layer(output());
      }
    },
    IMAGES(InputType.convolutional(6, 6, 2), new long[] {N, 2, 6, 6}, new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return images(list, CNN2DFormat.NCHW);
      }
    },
    IMAGES_CHANNELS_LAST(
        InputType.convolutional(6, 6, 2, CNN2DFormat.NHWC),
        new long[] {N, 6, 6, 2},
        new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return images(list, CNN2DFormat.NHWC);
      }
    },
    FLAT_IMAGES(InputType.convolutionalFlat(3, 4, 2), new long[] {N, 24}, new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(batchNorm().build()).layer(dense(4)).layer(output());
      }
    },
    SEQUENCES_AS_ROWS(InputType.recurrent(4, 5), new long[] {N, 4, 5}, new long[] {N, 3, 5}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(new LSTM.Builder().nOut(6).build())
            .inputPreProcessor(1, new RnnToFeedForwardPreProcessor())
            .layer(batchNorm().build())
            .layer(dense(4))
            .layer(rnnOutput());
      }
    },
    TIME_DISTRIBUTED(InputType.recurrent(4, 5), new long[] {N, 4, 5}, new long[] {N, 3, 5}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(new LSTM.Builder().nOut(6).build())
            .layer(new TimeDistributed(batchNorm().build()))
            .layer(rnnOutput());
      }
    },
    /** DL4J's own layer takes them in this format only, and only forward. */
    SEQUENCES_CHANNELS_LAST(
        InputType.recurrent(4, 5, RNNFormat.NWC), new long[] {N, 5, 4}, new long[] {N, 5, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(batchNorm().dataFormat(CNN2DFormat.NHWC).build())
            .layer(
                new RnnOutputLayer.Builder(LossFunctions.LossFunction.MSE)
                    .nOut(3)
                    .activation(Activation.IDENTITY)
                    .dataFormat(RNNFormat.NWC)
                    .build());
      }
    },
    FROZEN(InputType.feedForward(5), new long[] {N, 5}, new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(new FrozenLayer(dense(6)))
            .layer(new FrozenLayer(batchNorm().build()))
            .layer(dense(4))
            .layer(output());
      }
    },
    FROZEN_WITH_BACKPROP(InputType.feedForward(5), new long[] {N, 5}, new long[] {N, 3}) {
      @Override
      NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list) {
        return list.layer(dense(6))
            .layer(new FrozenLayerWithBackprop(batchNorm().build()))
            .layer(output());
      }
    };

    private final InputType input;
    private final long[] x;
    private final long[] y;

    Kind(InputType input, long[] x, long[] y) {
      this.input = input;
      this.x = x;
      this.y = y;
    }

    abstract NeuralNetConfiguration.ListBuilder layers(NeuralNetConfiguration.ListBuilder list);

    MultiLayerNetwork network(DataType type) {
      NeuralNetConfiguration.ListBuilder list =
          Networks.settings(type).updater(new Adam(0.01)).list();
      MultiLayerNetwork network = new MultiLayerNetwork(layers(list).setInputType(input).build());
      network.init();
      Networks.disturb(network.paramTable(), 11);
      return network;
    }

    INDArray x(DataType type, long seed) {
      return Layers.random(seed, -1, 1, x).castTo(type);
    }

    INDArray y(DataType type, long seed) {
      return Layers.random(seed + 1000, -1, 1, y).castTo(type);
    }
  }

  private static BatchNormalization.Builder batchNorm() {
    return new BatchNormalization.Builder().decay(0.8).eps(1e-3);
  }

  /** Without a bias, whose gradient before batch norm is but rounding, which Adam magnifies. */
  private static DenseLayer dense(int nOut) {
    return new DenseLayer.Builder().nOut(nOut).hasBias(false).activation(Activation.TANH).build();
  }

  private static NeuralNetConfiguration.ListBuilder images(
      NeuralNetConfiguration.ListBuilder list, CNN2DFormat format) {
    return list.layer(
            new ConvolutionLayer.Builder(3, 3)
                .nOut(3)
                .hasBias(false)
                .activation(Activation.IDENTITY)
                .dataFormat(format)
                .build())
        .layer(batchNorm().build())
        .layer(new ActivationLayer(Activation.TANH))
        .layer(
            new SubsamplingLayer.Builder().kernelSize(2, 2).stride(2, 2).dataFormat(format).build())
        .layer(batchNorm().useLogStd(false).build())
        .layer(dense(4))
        .layer(output());
  }

  private static OutputLayer output() {
    return new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
        .nOut(3)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static RnnOutputLayer rnnOutput() {
    return new RnnOutputLayer.Builder(LossFunctions.LossFunction.MSE)
        .nOut(3)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static Stream<Arguments> of(Set<Kind> kinds) {
    return kinds.stream()
        .flatMap(
            kind ->
                Stream.of(DataType.FLOAT, DataType.DOUBLE).map(type -> Arguments.of(kind, type)));
  }

  static Stream<Arguments> all() {
    return of(EnumSet.allOf(Kind.class));
  }

  /** Those whose gradient is wrong in DL4J, or has none. */
  private static final Set<Kind> ONLY_FORWARD =
      EnumSet.of(Kind.HALF_LOCKED, Kind.FROZEN_WITH_BACKPROP, Kind.SEQUENCES_CHANNELS_LAST);

  static Stream<Arguments> trainable() {
    return of(EnumSet.complementOf(EnumSet.copyOf(ONLY_FORWARD)));
  }

  private static void train(MultiLayerNetwork network, Kind kind, DataType type, int steps) {
    for (int step = 0; step < steps; step++) {
      int seed = network.getIterationCount();
      network.fit(kind.x(type, seed), kind.y(type, seed));
    }
  }

  private static void train(ComputationGraph network, Kind kind, DataType type, int steps) {
    for (int step = 0; step < steps; step++) {
      int seed = network.getIterationCount();
      network.fit(new INDArray[] {kind.x(type, seed)}, new INDArray[] {kind.y(type, seed)});
    }
  }

  /** A network that has been trained for some steps, saved and restored. */
  private static MultiLayerNetwork restored(Kind kind, DataType type) throws IOException {
    MultiLayerNetwork network = kind.network(type);
    if (!ONLY_FORWARD.contains(kind)) {
      train(network, kind, type, 4);
    }
    network.setEpochCount(2);
    return Saved.copy(network);
  }

  private static ComputationGraph restoredGraph(Kind kind, DataType type) throws IOException {
    ComputationGraph network = kind.network(type).toComputationGraph();
    if (!ONLY_FORWARD.contains(kind)) {
      train(network, kind, type, 4);
    }
    network.getConfiguration().setEpochCount(2);
    return Saved.copy(network);
  }

  private static void assertSameOutput(INDArray expected, INDArray actual) {
    assertEquals(expected.dataType(), actual.dataType());
    assertClose("output", NdArrays.values(expected), NdArrays.values(actual), 1e-6);
  }

  private static void assertConverted(String json) {
    assertFalse(json.contains(BatchNormalization.class.getName()), json);
    assertTrue(json.contains(BatchNormBessel.class.getName()), json);
  }

  /** Ours by their names in DL4J, σ as the variance. */
  private static Map<String, double[]> parameters(Map<String, INDArray> table) {
    Map<String, double[]> parameters = new LinkedHashMap<>();
    table.forEach(
        (key, array) -> {
          double[] values = NdArrays.values(array);
          if (key.endsWith("log10stdev")) {
            values = Arrays.stream(values).map(s -> Math.pow(10, s)).map(s -> s * s).toArray();
          }
          String renamed = key.replace("gain", "gamma").replace("bias", "beta");
          parameters.put(renamed.replace("log10stdev", "var"), values);
        });
    return parameters;
  }

  private static void assertSameParameters(
      Map<String, INDArray> expected, Map<String, INDArray> actual, double tolerance) {
    Map<String, double[]> theirs = parameters(expected);
    Map<String, double[]> ours = parameters(actual);
    assertEquals(theirs.keySet(), ours.keySet());
    theirs.forEach((key, values) -> assertClose(key, values, ours.get(key), tolerance));
  }

  @ParameterizedTest
  @MethodSource("all")
  void predictsWhatItDid(Kind kind, DataType type) throws IOException {
    MultiLayerNetwork theirs = restored(kind, type);
    MultiLayerNetwork ours = Migration.convert(theirs);
    assertConverted(ours.getLayerWiseConfigurations().toJson());
    for (int i = 0; i < ours.getnLayers(); i++) {
      var layer = ours.getLayer(i);
      assertEquals(List.copyOf(layer.paramTable().keySet()), layer.conf().variables());
    }
    INDArray x = kind.x(type, 99);
    assertSameOutput(theirs.output(x), ours.output(x));
    assertEquals(theirs.getIterationCount(), ours.getIterationCount());
    assertEquals(2, ours.getEpochCount());
    MultiLayerNetwork saved = Saved.copy(ours);
    assertEquals(ours.output(x), saved.output(x));
  }

  @ParameterizedTest
  @MethodSource("all")
  void aGraphPredictsWhatItDid(Kind kind, DataType type) throws IOException {
    ComputationGraph theirs = restoredGraph(kind, type);
    ComputationGraph ours = Migration.convert(theirs);
    assertConverted(ours.getConfiguration().toJson());
    INDArray x = kind.x(type, 99);
    assertSameOutput(theirs.outputSingle(x), ours.outputSingle(x));
    assertEquals(theirs.getIterationCount(), ours.getIterationCount());
    assertEquals(2, ours.getConfiguration().getEpochCount());
    ComputationGraph saved = Saved.copy(ours);
    assertEquals(ours.outputSingle(x), saved.outputSingle(x));
  }

  @ParameterizedTest
  @MethodSource("trainable")
  void trainsOnAsItDid(Kind kind, DataType type) throws IOException {
    MultiLayerNetwork theirs = restored(kind, type);
    MultiLayerNetwork ours = Migration.convert(theirs);
    INDArray before = ours.params().dup();
    for (int step = 0; step < 5; step++) {
      train(theirs, kind, type, 1);
      train(ours, kind, type, 1);
      assertEquals(theirs.score(), ours.score(), 1e-5 * theirs.score());
    }
    assertNotEquals(before, ours.params(), "nothing was trained");
    assertSameParameters(theirs.paramTable(), ours.paramTable(), 1e-5);
    assertClose(
        "updater's state",
        NdArrays.values(theirs.getUpdater().getStateViewArray()),
        NdArrays.values(ours.getUpdater().getStateViewArray()),
        1e-4);
  }

  @ParameterizedTest
  @EnumSource(names = {"TABLE", "IMAGES"})
  void aGraphTrainsOnAsItDid(Kind kind) throws IOException {
    DataType type = DataType.FLOAT;
    ComputationGraph theirs = restoredGraph(kind, type);
    ComputationGraph ours = Migration.convert(theirs);
    for (int step = 0; step < 5; step++) {
      train(theirs, kind, type, 1);
      train(ours, kind, type, 1);
      assertEquals(theirs.score(), ours.score(), 1e-5 * theirs.score());
    }
    assertSameParameters(theirs.paramTable(), ours.paramTable(), 1e-5);
  }

  /** Branches that end and begin in batch norm; vertices added in another order than the data's. */
  private static ComputationGraph branches() {
    ComputationGraph network =
        new ComputationGraph(
            Networks.settings(DataType.DOUBLE)
                .updater(new Adam(0.01))
                .graphBuilder()
                .addInputs("x", "z")
                .addLayer("first", output(), "merged")
                .addLayer("second", output(), "sum")
                .addVertex("merged", new MergeVertex(), "sum", "third")
                .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "ax", "az")
                .addLayer("third", batchNorm().build(), "az")
                .addLayer("az", batchNorm().lockGammaBeta(true).gamma(1.3).beta(0.2).build(), "dz")
                .addLayer("ax", batchNorm().useLogStd(false).build(), "dx")
                .addLayer("dz", dense(4), "z")
                .addLayer("dx", dense(4), "x")
                .setOutputs("first", "second")
                .setInputTypes(InputType.feedForward(5), InputType.feedForward(3))
                .build());
    network.init();
    Networks.disturb(network.paramTable(), 11);
    return network;
  }

  @Test
  void aGraphOfSeveralInputsAndOutputs() throws IOException {
    INDArray[] x = {Layers.random(1, -1, 1, N, 5), Layers.random(2, -1, 1, N, 3)};
    INDArray[] y = {Layers.random(3, -1, 1, N, 3), Layers.random(4, -1, 1, N, 3)};
    ComputationGraph theirs = branches();
    for (int step = 0; step < 4; step++) {
      theirs.fit(x, y);
    }
    theirs = Saved.copy(theirs);
    ComputationGraph ours = Migration.convert(theirs);
    assertConverted(ours.getConfiguration().toJson());
    for (int step = 0; step < 5; step++) {
      INDArray[] expected = theirs.output(x);
      INDArray[] actual = ours.output(x);
      for (int k = 0; k < expected.length; k++) {
        assertSameOutput(expected[k], actual[k]);
      }
      theirs.fit(x, y);
      ours.fit(x, y);
    }
    assertSameParameters(theirs.paramTable(), ours.paramTable(), 1e-9);
  }

  @Test
  void theOldNetworkIsNotChanged() throws IOException {
    MultiLayerNetwork theirs = restored(Kind.TABLE, DataType.FLOAT);
    INDArray params = theirs.params().dup();
    INDArray state = theirs.getUpdater().getStateViewArray().dup();
    String conf = theirs.getLayerWiseConfigurations().toJson();
    MultiLayerNetwork ours = Migration.convert(theirs);
    train(ours, Kind.TABLE, DataType.FLOAT, 3);
    ours.setLearningRate(7);
    assertEquals(params, theirs.params());
    assertEquals(state, theirs.getUpdater().getStateViewArray());
    assertEquals(conf, theirs.getLayerWiseConfigurations().toJson());

    ComputationGraph graph = restoredGraph(Kind.TABLE, DataType.FLOAT);
    params = graph.params().dup();
    state = graph.getUpdater().getStateViewArray().dup();
    conf = graph.getConfiguration().toJson();
    ComputationGraph converted = Migration.convert(graph);
    train(converted, Kind.TABLE, DataType.FLOAT, 3);
    converted.setLearningRate(7);
    assertEquals(params, graph.params());
    assertEquals(state, graph.getUpdater().getStateViewArray());
    assertEquals(conf, graph.getConfiguration().toJson());
  }

  @Test
  void whatTransferLearningFrozeStaysFrozen() {
    MultiLayerNetwork theirs =
        new TransferLearning.Builder(Kind.TABLE.network(DataType.DOUBLE))
            .setFeatureExtractor(1)
            .build();
    MultiLayerNetwork ours = Migration.convert(theirs);
    assertConverted(ours.getLayerWiseConfigurations().toJson());
    assertInstanceOf(org.deeplearning4j.nn.layers.FrozenLayer.class, ours.getLayer(1));
    INDArray frozen = ours.getLayer(1).params().dup();
    INDArray x = Kind.TABLE.x(DataType.DOUBLE, 99);
    assertSameOutput(theirs.output(x), ours.output(x));
    train(theirs, Kind.TABLE, DataType.DOUBLE, 3);
    train(ours, Kind.TABLE, DataType.DOUBLE, 3);
    assertSameOutput(theirs.output(x), ours.output(x));
    assertEquals(frozen, ours.getLayer(1).params());

    ComputationGraph graph =
        new TransferLearning.GraphBuilder(Kind.TABLE.network(DataType.DOUBLE).toComputationGraph())
            .setFeatureExtractor("1")
            .build();
    ComputationGraph converted = Migration.convert(graph);
    assertConverted(converted.getConfiguration().toJson());
    assertInstanceOf(org.deeplearning4j.nn.layers.FrozenLayer.class, converted.getLayer("1"));
    assertSameOutput(graph.outputSingle(x), converted.outputSingle(x));
  }

  /** The state of an updater that is not DL4J's goes along, and FlatGradientUpdater fits both. */
  @Test
  void withFlatGradientUpdater() {
    MultiLayerNetwork theirs = Kind.TABLE.network(DataType.DOUBLE);
    FlatGradientUpdater.install(theirs);
    train(theirs, Kind.TABLE, DataType.DOUBLE, 4);
    MultiLayerNetwork ours = Migration.convert(theirs);
    FlatGradientUpdater.install(ours);
    train(theirs, Kind.TABLE, DataType.DOUBLE, 4);
    train(ours, Kind.TABLE, DataType.DOUBLE, 4);
    assertSameParameters(theirs.paramTable(), ours.paramTable(), 1e-9);
  }

  /** DL4J's gradient through a locked gamma that it ignores is wrong; ours fits the output. */
  @Test
  void anIgnoredGammaIsNoPartOfTheGradient() {
    MultiLayerNetwork theirs = Kind.HALF_LOCKED.network(DataType.DOUBLE);
    MultiLayerNetwork ours = Migration.convert(theirs);
    INDArray x = Kind.HALF_LOCKED.x(DataType.DOUBLE, 1);
    INDArray y = Kind.HALF_LOCKED.y(DataType.DOUBLE, 1);
    double[] numerical = numericalGradient(ours, x, y);
    assertClose("ours", numerical, gradient(ours, x, y), 1e-6);
    double[] doubled = Arrays.stream(numerical).map(g -> 2 * g).toArray();
    assertClose("DL4J's", doubled, gradient(theirs, x, y), 1e-6);
  }

  /**
   * DL4J's hands on that of a training pass, though it has made another; in workspaces it throws.
   */
  @Test
  void aFrozenLayerWithBackpropHandsOnTheRightGradient() {
    MultiLayerNetwork theirs = Kind.FROZEN_WITH_BACKPROP.network(DataType.DOUBLE);
    theirs.getLayerWiseConfigurations().setTrainingWorkspaceMode(WorkspaceMode.NONE);
    MultiLayerNetwork ours = Migration.convert(theirs);
    INDArray x = Kind.FROZEN_WITH_BACKPROP.x(DataType.DOUBLE, 1);
    INDArray y = Kind.FROZEN_WITH_BACKPROP.y(DataType.DOUBLE, 1);
    double[] numerical = numericalGradient(ours, x, y);
    assertClose("ours", numerical, gradient(ours, x, y), 1e-6);
    assertClose("DL4J's score", numerical, numericalGradient(theirs, x, y), 1e-6);
    double[] wrong = gradient(theirs, x, y);
    Arrays.setAll(wrong, k -> wrong[k] - numerical[k]);
    assertTrue(largest(wrong) > 0.1 * largest(numerical), "DL4J's is right now");
  }

  /** Of the weights of the first layer. */
  private static double[] gradient(MultiLayerNetwork network, INDArray x, INDArray y) {
    network.setInput(x);
    network.setLabels(y);
    network.computeGradientAndScore();
    return NdArrays.values(network.gradient().getGradientFor("0_W").div(N));
  }

  private static double[] numericalGradient(MultiLayerNetwork network, INDArray x, INDArray y) {
    INDArray weights = network.getParam("0_W");
    double[] values = NdArrays.values(weights);
    double[] gradient = new double[values.length];
    for (int k = 0; k < values.length; k++) {
      double[] scores = new double[2];
      for (int side = 0; side < 2; side++) {
        double[] moved = values.clone();
        moved[k] += side == 0 ? -1e-5 : 1e-5;
        NdArrays.assign(moved, weights);
        network.setInput(x);
        network.setLabels(y);
        network.computeGradientAndScore();
        scores[side] = network.score();
      }
      gradient[k] = (scores[1] - scores[0]) / 2e-5;
    }
    NdArrays.assign(values, weights);
    return gradient;
  }

  /** Without a preprocessor DL4J's layer takes the examples for the channels. */
  @Test
  void sequencesAreNormalisedByChannel() {
    MultiLayerNetwork theirs =
        Networks.stack(
            DataType.DOUBLE, InputType.recurrent(4, 5), batchNorm().build(), rnnOutput());
    MultiLayerNetwork ours = Migration.convert(theirs);
    INDArray x = Layers.random(1, -1, 1, N, 4, 5);
    assertThrows(IllegalArgumentException.class, () -> theirs.output(x));
    INDArray four = Layers.random(1, -1, 1, 4, 4, 5);
    assertNotEquals(theirs.output(four), ours.output(four));

    NeuralNetConfiguration.ListBuilder asRows =
        Networks.settings(DataType.DOUBLE)
            .list()
            .inputPreProcessor(0, new RnnToFeedForwardPreProcessor())
            .layer(batchNorm().build())
            .layer(rnnOutput());
    MultiLayerNetwork right =
        new MultiLayerNetwork(asRows.setInputType(InputType.recurrent(4, 5)).build());
    right.init(theirs.params().dup(), false);
    assertSameOutput(right.output(x), ours.output(x));
    assertSameOutput(right.output(four), ours.output(four));
  }

  /** A user's own, which may do something else. */
  public static final class Subclass extends BatchNormalization {}

  @Test
  void refusals() {
    var bare =
        new MultiLayerNetwork(Kind.TABLE.network(DataType.FLOAT).getLayerWiseConfigurations());
    assertRefused("call init() first", () -> Migration.convert(bare));
    var bareGraph = new ComputationGraph(branches().getConfiguration());
    assertRefused("call init() first", () -> Migration.convert(bareGraph));

    MultiLayerNetwork ours = Migration.convert(Kind.TABLE.network(DataType.FLOAT));
    assertRefused("has none among 6", () -> Migration.convert(ours));
    ComputationGraph graph = ours.toComputationGraph();
    assertRefused("has none among 6", () -> Migration.convert(graph));

    MultiLayerNetwork own =
        Networks.stack(DataType.FLOAT, InputType.feedForward(5), new Subclass(), output());
    assertRefused("has none among 2", () -> Migration.convert(own));

    MultiLayerNetwork withoutEps =
        Networks.stack(
            DataType.FLOAT, InputType.feedForward(5), batchNorm().eps(0).build(), output());
    assertRefused("eps (0.0) must be positive", () -> Migration.convert(withoutEps));
  }

  private static void assertRefused(String message, Runnable conversion) {
    var e = assertThrows(IllegalArgumentException.class, conversion::run);
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }
}
