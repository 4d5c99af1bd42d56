package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.backpropninja.layers.BatchNormBessel.Convention;
import org.backpropninja.layers.BatchNormBessel.OnSingleValue;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Formats;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** The running statistics of sequences, their plain mean over minibatches, and doing without. */
@ExtendWith(DoublePrecision.class)
class RunningStatisticsTest {

  private static final int C = 3;
  private static final int T = 5;

  private static BatchNormBessel.Builder averaging() {
    return new BatchNormBessel.Builder().cumulativeAverage().convention(Convention.PYTORCH);
  }

  /** Two batch norms of sequences, of which the first one sees the features themselves. */
  private static MultiLayerNetwork network(
      NeuralNetConfiguration.Builder settings,
      UnaryOperator<org.deeplearning4j.nn.conf.layers.Layer> wrapper,
      BatchNormBessel.Builder first) {
    return stack(
        settings,
        InputType.recurrent(C, T),
        wrapper.apply(first.build()),
        new ManualDense.Builder().nOut(4).activation(Activation.TANH).build(),
        averaging().build(),
        new RnnOutputLayer.Builder(LossFunction.MSE)
            .nOut(2)
            .activation(Activation.IDENTITY)
            .build());
  }

  private static MultiLayerNetwork network(NeuralNetConfiguration.Builder settings) {
    return network(settings, layer -> layer, averaging());
  }

  /** Sequences of which a mask leaves out some steps. */
  private static DataSet minibatch(int step) {
    int n = 4 + step;
    INDArray mask = Nd4j.ones(n, T);
    Random random = new Random(step);
    for (int k = 1; k < n * T; k++) {
      mask.putScalar(k, random.nextInt(3) == 0 ? 0 : 1);
    }
    INDArray x = random(step, -1, 3, n, C, T);
    return new DataSet(x, random(step + 9, 0, 1, n, 2, T), mask, mask);
  }

  /** The values of a channel that the mask keeps. */
  private static double[] kept(DataSet data, int channel) {
    List<Double> kept = new ArrayList<>();
    for (int i = 0; i < data.numExamples(); i++) {
      for (int t = 0; t < T; t++) {
        if (data.getFeaturesMaskArray().getDouble(i, t) != 0) {
          kept.add(data.getFeatures().getDouble(i, channel, t));
        }
      }
    }
    return kept.stream().mapToDouble(v -> v).toArray();
  }

  private static double mean(double[] x) {
    return IntStream.range(0, x.length).mapToDouble(k -> x[k]).sum() / x.length;
  }

  private static double unbiased(double[] x) {
    double mean = mean(x);
    return IntStream.range(0, x.length).mapToDouble(k -> (x[k] - mean) * (x[k] - mean)).sum()
        / (x.length - 1);
  }

  // The plain mean over minibatches

  /** Whatever DL4J does to gradients, updates and parameters. */
  @ParameterizedTest
  @MethodSource("org.backpropninja.layers.BatchNormBesselTest#trainings")
  void averageFollowsItsDefinition(NeuralNetConfiguration.Builder settings) {
    assertAverage(network(settings));
  }

  @Test
  void constraintsPassItBy() {
    assertAverage(
        network(
            settings(DataType.DOUBLE),
            layer -> layer,
            averaging()
                .constrainAllParameters(
                    new NonNegativeConstraint(), new MaxNormConstraint(0.01, 0))));
  }

  /** After three minibatches that are in the statistics already. */
  private static void assertAverage(MultiLayerNetwork net) {
    double[] mean = elements(net.getParam("0_mean"));
    double[] var = elements(net.getParam("0_var"));
    for (int step = 0; step < 4; step++) {
      DataSet data = minibatch(step);
      int batches = 3 + step + 1;
      for (int j = 0; j < C; j++) {
        mean[j] += (mean(kept(data, j)) - mean[j]) / batches;
        var[j] += (unbiased(kept(data, j)) - var[j]) / batches;
      }
      net.fit(data);
      assertClose("mean", mean, elements(net.getParam("0_mean")), 1e-14);
      assertClose("var", var, elements(net.getParam("0_var")), 1e-14);
      assertEquals(batches, net.getParam("0_batches").getDouble(0));
      assertEquals(batches, net.getParam("2_batches").getDouble(0));
      assertEquals(0, net.gradient().getGradientFor("0_batches").getDouble(0));
    }
  }

  @Test
  void startsWithNoMinibatchAndTakesTheFirstOneAsItIs() {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            settings(DataType.DOUBLE)
                .list(averaging().build(), output(2))
                .setInputType(InputType.feedForward(C))
                .build());
    net.init();
    Layer layer = net.getLayer(0);
    assertEquals(0, layer.getParam("batches").getDouble(0));
    layer.getParam("mean").assign(Double.NaN); // 0·NaN is no number
    layer.getParam("var").assign(Double.NaN);
    INDArray x = random(1, -2, 2, 6, C);
    net.fit(x, oneHot(DataType.DOUBLE, 2, 0, 1, 1, 0, 1, 0));
    assertClose("mean", elements(x.mean(0)), elements(layer.getParam("mean")), 1e-14);
    assertClose("var", elements(x.var(true, 0)), elements(layer.getParam("var")), 1e-14);
    assertEquals(1, layer.getParam("batches").getDouble(0));
  }

  @Test
  void forwardPassesCountNothing() {
    MultiLayerNetwork net = network(settings(DataType.DOUBLE));
    INDArray before = net.params().dup();
    DataSet data = minibatch(1);
    net.score(data, true);
    net.score(data, false);
    net.output(data.getFeatures());
    net.feedForward(data.getFeatures(), true);
    assertEquals(before, net.params());
  }

  static List<UnaryOperator<org.deeplearning4j.nn.conf.layers.Layer>> freezers() {
    return List.of(FrozenLayer::new, FrozenLayerWithBackprop::new);
  }

  @ParameterizedTest
  @MethodSource("freezers")
  void frozenItStays(UnaryOperator<org.deeplearning4j.nn.conf.layers.Layer> freezer) {
    MultiLayerNetwork net = network(settings(DataType.DOUBLE), freezer, averaging());
    INDArray before = net.getLayer(0).params().dup();
    net.fit(minibatch(1));
    assertEquals(before, net.getLayer(0).params());
    assertEquals(4, net.getParam("2_batches").getDouble(0));
  }

  @Test
  void decayAndAverageReplaceEachOther() {
    assertFalse(averaging().decay(0.7).build().isCumulativeAverage());
    assertTrue(averaging().build().isCumulativeAverage());
    assertTrue(
        new BatchNormBessel.Builder().decay(0.7).cumulativeAverage().build().isCumulativeAverage());
  }

  /** Half precision counts by twos beyond 2048. */
  @Test
  void halfPrecisionCannotCount() {
    var conf = averaging().nIn(C).name("norm").build();
    assertRefused(
        DL4JInvalidConfigException.class,
        () -> instantiate(conf, DataType.FLOAT16, 1),
        "BatchNormBessel (\"norm\"): cumulativeAverage needs a FLOAT or DOUBLE network, was HALF",
        "set decay");
    instantiate(new BatchNormBessel.Builder().nIn(C).build(), DataType.FLOAT16, 1);
  }

  // Conventions and what is there

  @Test
  void conventionsSetBothVariances() {
    assertConvention(Convention.MAKEMORE, Variance.UNBIASED, Variance.UNBIASED);
    assertConvention(Convention.PYTORCH, Variance.BIASED, Variance.UNBIASED);
    assertConvention(Convention.KERAS, Variance.BIASED, Variance.BIASED);
    assertEquals(
        new BatchNormBessel.Builder().build(),
        new BatchNormBessel.Builder()
            .convention(Convention.KERAS)
            .convention(Convention.MAKEMORE)
            .build());
  }

  private static void assertConvention(Convention convention, Variance training, Variance running) {
    BatchNormBessel layer =
        new BatchNormBessel.Builder().decay(0.7).eps(0.1).convention(convention).build();
    assertEquals(training, layer.getVariance());
    assertEquals(running, layer.getRunningVariance());
    assertEquals(0.7, layer.getDecay());
    assertEquals(0.1, layer.getEps());
  }

  @Test
  void onlyParametersInUseAreThere() {
    assertKeys(new BatchNormBessel.Builder(), "gain", "bias", "mean", "var");
    assertKeys(new BatchNormBessel.Builder().useGain(false), "bias", "mean", "var");
    assertKeys(new BatchNormBessel.Builder().useBias(false), "gain", "mean", "var");
    assertKeys(averaging(), "gain", "bias", "mean", "var", "batches");
    assertKeys(new BatchNormBessel.Builder().trackRunningStatistics(false), "gain", "bias");
    assertKeys(
        new BatchNormBessel.Builder().useGain(false).useBias(false).cumulativeAverage(),
        "mean",
        "var",
        "batches");
  }

  private static void assertKeys(BatchNormBessel.Builder builder, String... keys) {
    Layer layer = instantiate(builder.nIn(C).build(), DataType.DOUBLE, 1);
    assertEquals(List.of(keys), List.copyOf(layer.paramTable().keySet()));
    long vectors = List.of(keys).contains("batches") ? keys.length - 1 : keys.length;
    assertEquals(vectors * C + keys.length - vectors, layer.numParams());
  }

  /** A file of Adam's state holds none for them. */
  @Test
  void runningStatisticsHaveNoUpdater() {
    BatchNormBessel layer = averaging().nIn(C).updater(new Adam(0.01)).build();
    for (String key : List.of("mean", "var", "batches")) {
      assertEquals(new NoOp(), layer.getUpdaterByParam(key));
    }
    assertEquals(new Adam(0.01), layer.getUpdaterByParam("gain"));
    MultiLayerNetwork net = network(adam());
    net.fit(minibatch(1));
    long trained = net.numParams() - (2 * C + 1) - (2 * 4 + 1);
    assertEquals(2 * trained, net.getUpdater().getStateViewArray().length());
  }

  @Test
  void nothingToTrainIsNoParameter() {
    Layer layer =
        instantiate(
            new BatchNormBessel.Builder()
                .nIn(C)
                .useGain(false)
                .useBias(false)
                .convention(Convention.KERAS)
                .build(),
            DataType.DOUBLE,
            1);
    INDArray h = forward(layer, random(1, -2, 2, 6, C), true);
    assertArrayEquals(new double[C], elements(h.mean(0)), 1e-15);
    assertArrayEquals(new double[] {1, 1, 1}, elements(h.var(false, 0)), 1e-4);
  }

  // Without running statistics

  @ParameterizedTest
  @EnumSource
  void inferenceByTheMinibatch(Formats format) {
    Layer layer =
        instantiate(
            new BatchNormBessel.Builder()
                .nIn(C)
                .trackRunningStatistics(false)
                .channelsLast(format.isChannelsLast())
                .build(),
            DataType.DOUBLE,
            1);
    INDArray x = format.random(1, -2, 2, C, DataType.DOUBLE);
    INDArray before = layer.params().dup();
    assertEquals(forward(layer, x, true), forward(layer, x, false));
    backward(layer, x);
    assertEquals(before, layer.params());
  }

  /** A layer without a single parameter trains what is around it as one with statistics does. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void nothingToKeepIsNoParameter(boolean inGraph, @TempDir File folder) throws IOException {
    var builder = new BatchNormBessel.Builder().useGain(false).useBias(false);
    Model tracking = between(inGraph, builder.build());
    Model bare = between(inGraph, builder.trackRunningStatistics(false).build());
    assertEquals(tracking.numParams() - 2 * 4, bare.numParams());
    var expected = tracking.paramTable();
    bare.paramTable().forEach((key, values) -> values.assign(expected.get(key)));
    File file = new File(folder, "bare.zip");
    for (int step = 1; step < 4; step++) {
      ModelSerializer.writeModel(bare, file, true);
      bare =
          inGraph
              ? ModelSerializer.restoreComputationGraph(file)
              : ModelSerializer.restoreMultiLayerNetwork(file);
      fit(tracking, minibatch(step));
      fit(bare, minibatch(step));
    }
    bare.paramTable().forEach((key, values) -> assertEquals(expected.get(key), values, key));
  }

  private static void fit(Model network, DataSet minibatch) {
    if (network instanceof ComputationGraph graph) {
      graph.fit(minibatch);
    } else {
      ((MultiLayerNetwork) network).fit(minibatch);
    }
  }

  private static Model between(boolean inGraph, BatchNormBessel norm) {
    MultiLayerNetwork network =
        stack(
            adam(),
            InputType.recurrent(C, T),
            new ManualDense.Builder().nOut(4).activation(Activation.IDENTITY).build(),
            norm,
            new RnnOutputLayer.Builder(LossFunction.MSE)
                .nOut(2)
                .activation(Activation.IDENTITY)
                .build());
    return inGraph ? network.toComputationGraph() : network;
  }

  @Test
  void refusesWhatNeedsRunningStatistics() {
    var builder = new BatchNormBessel.Builder().trackRunningStatistics(false);
    var type = IllegalArgumentException.class;
    assertRefused(
        type,
        () -> builder.onSingleValue(OnSingleValue.USE_RUNNING).build(),
        "onSingleValue (USE_RUNNING) must be REFUSE where trackRunningStatistics is false");
    builder.onSingleValue(OnSingleValue.REFUSE);
    assertRefused(
        type, () -> builder.cumulativeAverage().build(), "cumulativeAverage must not be set");
  }

  /** There is nothing else to normalise by, in inference neither. */
  @Test
  void refusesASingleValueInInferenceToo() {
    Layer layer =
        instantiate(
            new BatchNormBessel.Builder().nIn(C).trackRunningStatistics(false).build(),
            DataType.DOUBLE,
            1);
    for (boolean training : new boolean[] {true, false}) {
      assertRefused(
          () -> forward(layer, random(1, -1, 1, 1, C), training),
          training ? "a training minibatch must hold" : "a minibatch must hold",
          "at least 2 values a channel, was of 1");
      forward(layer, random(1, -1, 1, 1, C, 2), training); // two steps have a spread
    }
  }

  // One value a channel

  private static ListDataSetIterator<DataSet> fiveExamplesByTwos() {
    INDArray y = oneHot(DataType.DOUBLE, 2, 0, 1, 1, 0, 1);
    return new ListDataSetIterator<>(new DataSet(random(1, -2, 2, 5, C), y).asList(), 2);
  }

  @Test
  void theLastMinibatchOfAnEpochMayBeOneExample() {
    MultiLayerNetwork net =
        stack(
            DataType.DOUBLE,
            InputType.feedForward(C),
            averaging().onSingleValue(OnSingleValue.USE_RUNNING).build(),
            output(2));
    double[] gain = elements(net.getParam("0_gain"));
    net.fit(fiveExamplesByTwos());
    assertEquals(3 + 2, net.getParam("0_batches").getDouble(0), "those with a spread");
    assertTrue(largest(elements(net.getParam("0_gain").sub(Nd4j.create(gain)))) > 0);
    MultiLayerNetwork refusing =
        stack(DataType.DOUBLE, InputType.feedForward(C), averaging().build(), output(2));
    assertRefused(() -> refusing.fit(fiveExamplesByTwos()), "set onSingleValue(USE_RUNNING)");
  }

  @ParameterizedTest
  @EnumSource
  void moreThanOneIsNoSingleValue(OnSingleValue setting) {
    Layer layer =
        instantiate(averaging().nIn(C).onSingleValue(setting).build(), DataType.DOUBLE, 1);
    INDArray x = random(1, -2, 2, 1, C, 2);
    assertNotEquals(forward(layer, x, false), forward(layer, x, true));
    backward(layer, x);
    assertEquals(4, layer.getParam("batches").getDouble(0));
  }

  // Files

  private static NeuralNetConfiguration.Builder adam() {
    return settings(DataType.DOUBLE).updater(new Adam(0.01));
  }

  /** The next steps are the same to the last bit. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void restoredItGoesOnAsIfNothingHadHappened(boolean file, @TempDir Path folder)
      throws IOException {
    MultiLayerNetwork net = network(adam());
    net.fit(minibatch(1));
    net.fit(minibatch(2));
    MultiLayerNetwork copy = file ? restored(net, folder) : net.clone();
    assertEquals(5, copy.getParam("0_batches").getDouble(0));
    for (int step = 3; step < 13; step++) {
      net.fit(minibatch(step));
      copy.fit(minibatch(step));
      assertArrayEquals(elements(net.params()), elements(copy.params()));
    }
    INDArray x = minibatch(1).getFeatures();
    assertEquals(net.output(x), copy.output(x));
  }

  private static MultiLayerNetwork restored(MultiLayerNetwork net, Path folder) throws IOException {
    File file = folder.resolve("net.zip").toFile();
    ModelSerializer.writeModel(net, file, true);
    return ModelSerializer.restoreMultiLayerNetwork(file, true);
  }

  @Test
  void restoredAGraphGoesOnAsIfNothingHadHappened(@TempDir Path folder) throws IOException {
    ComputationGraph net = network(adam()).toComputationGraph();
    net.fit(minibatch(1));
    File file = folder.resolve("net.zip").toFile();
    ModelSerializer.writeModel(net, file, true);
    ComputationGraph copy = ModelSerializer.restoreComputationGraph(file, true);
    for (int step = 3; step < 13; step++) {
      net.fit(minibatch(step));
      copy.fit(minibatch(step));
      assertArrayEquals(elements(net.params()), elements(copy.params()));
    }
  }
}
