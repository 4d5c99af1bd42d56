package org.backpropninja.training;

import static org.backpropninja.testing.Refusals.assertRefused;
import static org.backpropninja.training.Twins.T;
import static org.backpropninja.training.Twins.V;
import static org.backpropninja.training.Twins.assertSameNetworks;
import static org.backpropninja.training.Twins.charMlp;
import static org.backpropninja.training.Twins.contexts;
import static org.backpropninja.training.Twins.lossLayer;
import static org.backpropninja.training.Twins.minibatchesOfContexts;
import static org.backpropninja.training.Twins.outputLayer;
import static org.backpropninja.training.Twins.reals;
import static org.backpropninja.training.Twins.settings;
import static org.backpropninja.training.Twins.twin;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.dropout.GaussianNoise;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.CenterLossOutputLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnLossLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.util.MaskLayer;
import org.deeplearning4j.nn.conf.stepfunctions.GradientStepFunction;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.solvers.accumulation.BasicGradientsAccumulator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** What a compiled network does not take, and what it says and leaves then. */
class CompiledNetworkRefusalsTest {

  private static final String WAY_OUT = "train with network.fit";

  // Networks

  private static ManualDense dense() {
    return new ManualDense.Builder().nOut(5).activation(Activation.TANH).build();
  }

  private static Layer named(Layer layer) {
    layer.setLayerName("culprit");
    return layer;
  }

  private static Arguments within(Layer culprit, String message) {
    return network(
        message,
        InputType.feedForward(5),
        UnaryOperator.identity(),
        dense(),
        named(culprit),
        lastDense(),
        lossLayer());
  }

  private static Layer lastDense() {
    return new ManualDense.Builder().nOut(V).activation(Activation.IDENTITY).build();
  }

  private static Arguments atTheEnd(Layer culprit, String message) {
    return network(
        message,
        InputType.feedForward(5),
        UnaryOperator.identity(),
        dense(),
        lastDense(),
        named(culprit));
  }

  private static Arguments network(
      String message,
      InputType input,
      UnaryOperator<NeuralNetConfiguration.Builder> setting,
      Layer... layers) {
    NeuralNetConfiguration.ListBuilder list = setting.apply(settings()).list();
    Arrays.stream(layers).forEach(list::layer);
    return Arguments.of(message, list.setInputType(input).build());
  }

  private static DenseLayer stockDense() {
    return new DenseLayer.Builder().nOut(5).activation(Activation.TANH).build();
  }

  static Stream<Arguments> layers() {
    String ours = "must be an EmbeddingConcat, ManualDense or BatchNormBessel";
    return Stream.of(
        within(stockDense(), "DenseLayer) " + ours),
        within(new BatchNormalization.Builder().build(), "BatchNormalization) " + ours),
        within(new ActivationLayer(Activation.RELU), "ActivationLayer) " + ours),
        within(new DropoutLayer(0.5), "DropoutLayer) " + ours),
        within(new MaskLayer(), "MaskLayer) " + ours),
        within(new FrozenLayer(dense()), ours),
        within(new FrozenLayerWithBackprop(dense()), ours),
        within(
            new ManualDense.Builder().nOut(5).activation(Activation.TANH).dropOut(0.5).build(),
            "must have no dropOut, has Dropout"),
        within(
            new BatchNormBessel.Builder().dropOut(new GaussianNoise(0.1)).build(),
            "must have no dropOut, has GaussianNoise"),
        within(
            new ManualDense.Builder()
                .nOut(5)
                .activation(Activation.TANH)
                .weightNoise(new DropConnect(0.5))
                .build(),
            "must have no weightNoise, has DropConnect"));
  }

  static Stream<Arguments> lastLayers() {
    String wrongLoss = "must have a ManualCrossEntropyLoss, has ";
    return Stream.of(
        atTheEnd(
            new OutputLayer.Builder(LossFunction.MCXENT)
                .nOut(V)
                .activation(Activation.SOFTMAX)
                .build(),
            wrongLoss + "LossMCXENT"),
        atTheEnd(
            new LossLayer.Builder(new LossMCXENT()).activation(Activation.SOFTMAX).build(),
            wrongLoss + "LossMCXENT"),
        atTheEnd(
            new LossLayer.Builder(new ManualCrossEntropyLoss())
                .activation(Activation.SIGMOID)
                .build(),
            "must have the activation softmax or identity, has sigmoid"),
        atTheEnd(
            new CenterLossOutputLayer.Builder(new ManualCrossEntropyLoss())
                .nOut(V)
                .activation(Activation.SOFTMAX)
                .build(),
            "CenterLossOutputLayer) must be an OutputLayer or LossLayer"),
        atTheEnd(dense(), "ManualDense) must be an OutputLayer or LossLayer"),
        atTheEnd(new FrozenLayerWithBackprop(outputLayer()), "must be an OutputLayer or LossLayer"),
        atTheEnd(dropping(), "must have no dropOut, has Dropout"),
        atTheEnd(
            new OutputLayer.Builder(new ManualCrossEntropyLoss())
                .nOut(V)
                .activation(Activation.SOFTMAX)
                .weightNoise(new DropConnect(0.5))
                .build(),
            "must have no weightNoise, has DropConnect"));
  }

  private static Layer dropping() {
    return new OutputLayer.Builder(new ManualCrossEntropyLoss())
        .nOut(V)
        .activation(Activation.SOFTMAX)
        .dropOut(0.5)
        .build();
  }

  static Stream<Arguments> sequences() {
    InputType sequence = InputType.recurrent(5);
    return Stream.of(
        network(
            "layer 0 (\"layer0\", EmbeddingConcat) must not have concat(false)",
            InputType.feedForward(T),
            UnaryOperator.identity(),
            new EmbeddingConcat.Builder().nIn(V).nOut(2).concat(false).build(),
            outputLayer()),
        network(
            "layer 1 (\"layer1\", OutputLayer) must have no preprocessor before it",
            sequence,
            UnaryOperator.identity(),
            dense(),
            outputLayer()),
        withoutInputType(
            "RnnOutputLayer) must be an OutputLayer or LossLayer",
            new RnnOutputLayer.Builder(new ManualCrossEntropyLoss())
                .nIn(5)
                .nOut(V)
                .activation(Activation.SOFTMAX)
                .build()),
        withoutInputType(
            "RnnLossLayer) must be an OutputLayer or LossLayer",
            new RnnLossLayer.Builder(new ManualCrossEntropyLoss())
                .activation(Activation.SOFTMAX)
                .build()),
        network(
            "\"layer0\", LossLayer) must not be the only layer",
            InputType.feedForward(V),
            UnaryOperator.identity(),
            lossLayer()));
  }

  /** For which DL4J would put a preprocessor before the layer. */
  private static Arguments withoutInputType(String message, Layer last) {
    Layer first = new ManualDense.Builder().nIn(5).nOut(5).activation(Activation.TANH).build();
    return Arguments.of(message, settings().list().layer(first).layer(last).build());
  }

  @SuppressWarnings("deprecation") // but it works
  static Stream<Arguments> networkSettings() {
    return Stream.of(
        setting(
            "data type (HALF) must be FLOAT or DOUBLE", conf -> conf.dataType(DataType.FLOAT16)),
        algorithm(OptimizationAlgorithm.LBFGS),
        algorithm(OptimizationAlgorithm.CONJUGATE_GRADIENT),
        algorithm(OptimizationAlgorithm.LINE_GRADIENT_DESCENT),
        setting(
            "stepFunction (GradientStepFunction",
            conf -> conf.stepFunction(new GradientStepFunction())));
  }

  private static Arguments algorithm(OptimizationAlgorithm algorithm) {
    return setting(
        "optimizationAlgo (%s) must be STOCHASTIC_GRADIENT_DESCENT".formatted(algorithm),
        conf -> conf.optimizationAlgo(algorithm));
  }

  private static Arguments setting(
      String message, UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    return network(message, InputType.feedForward(5), setting, dense(), lastDense(), lossLayer());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"layers", "lastLayers", "sequences", "networkSettings"})
  void isRefusedByName(String message, MultiLayerConfiguration conf) {
    MultiLayerNetwork network = new MultiLayerNetwork(conf);
    network.init();
    INDArray before = network.params().dup();
    assertRefused(
        IllegalArgumentException.class,
        () -> CompiledNetwork.of(network),
        "CompiledNetwork: ",
        message,
        WAY_OUT);
    if (message.contains("must have no")) {
      assertRefused(
          IllegalArgumentException.class, () -> CompiledNetwork.of(network), "layer ", "\"");
    }
    assertEquals(before, network.params());
    assertEquals(0, network.getIterationCount());
  }

  /** By its name, if the user gave it one. */
  @Test
  void theMessageHasTheLayersName() {
    MultiLayerNetwork network =
        new MultiLayerNetwork((MultiLayerConfiguration) within(stockDense(), "").get()[1]);
    network.init();
    assertRefused(
        IllegalArgumentException.class,
        () -> CompiledNetwork.of(network),
        "layer 1 (\"culprit\", DenseLayer) ");
  }

  /** As where it was set for the whole network. */
  @Test
  void dropoutThatALayerIgnoresIsNone() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    for (MultiLayerNetwork network : List.of(expected, actual)) {
      network.getLayer(0).conf().getLayer().setIDropout(new GaussianNoise(0.1));
      network.getLayer(4).conf().getLayer().setIDropout(new GaussianNoise(0.1));
    }
    expected.fit(minibatchesOfContexts());
    CompiledNetwork.of(actual).fit(minibatchesOfContexts());
    assertSameNetworks(expected, actual);
  }

  @Test
  void truncatedBackpropagationIsRefused() {
    MultiLayerNetwork network = charMlp();
    network.getLayerWiseConfigurations().setBackpropType(BackpropType.TruncatedBPTT);
    assertRefused(
        IllegalArgumentException.class,
        () -> CompiledNetwork.of(network),
        "backpropType (TruncatedBPTT) must be Standard",
        WAY_OUT);
  }

  @Test
  void aNetworkThatIsNotInitialisedIsRefused() {
    MultiLayerNetwork network =
        new MultiLayerNetwork(charMlp().getLayerWiseConfigurations().clone());
    assertRefused(
        IllegalArgumentException.class, () -> CompiledNetwork.of(network), "call init() first");
  }

  @Test
  void anAccumulatorThatTheUserSetIsRefused() {
    MultiLayerNetwork network = charMlp();
    network.setGradientsAccumulator(new BasicGradientsAccumulator(1));
    assertRefused(
        IllegalArgumentException.class,
        () -> CompiledNetwork.of(network),
        "gradientsAccumulator (",
        "must be not set",
        WAY_OUT);
  }

  /** What was set after {@code of} is not passed over in silence. */
  @Test
  void whatTheNetworkIsGivenLaterIsRefusedToo() {
    MultiLayerNetwork network = charMlp();
    CompiledNetwork compiled = CompiledNetwork.of(network);
    network.getLayer(1).conf().getLayer().setIDropout(new GaussianNoise(0.1));
    INDArray before = network.params().dup();
    assertRefused(
        IllegalArgumentException.class,
        () -> compiled.fit(minibatchesOfContexts()),
        "layer 1 (\"layer1\", ManualDense) must have no dropOut");
    assertEquals(before, network.params());
    assertEquals(0, network.getEpochCount());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1})
  void epochsMustBePositive(int epochs) {
    CompiledNetwork compiled = CompiledNetwork.of(charMlp());
    assertRefused(
        IllegalArgumentException.class,
        () -> compiled.fit(minibatchesOfContexts(), epochs),
        "epochs (" + epochs + ") must be at least 1");
  }

  // Minibatches

  static Stream<Arguments> masks() {
    INDArray mask = Nd4j.ones(DataType.FLOAT, 6, 1);
    return Stream.of(
        Arguments.of("features", mask, null),
        Arguments.of("labels", null, mask),
        Arguments.of("both", mask, mask));
  }

  /** The minibatches before it count. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("masks")
  void aMinibatchWithMasksIsRefusedAndTrainsNothing(
      String name, INDArray ofFeatures, INDArray ofLabels) {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    DataSet masked = contexts(6, 1);
    masked.setFeaturesMaskArray(ofFeatures);
    masked.setLabelsMaskArray(ofLabels);
    assertRefused(() -> compiled.fit(masked), "CompiledNetwork", "masks", WAY_OUT);
    expected.fit(contexts(5, 2));
    compiled.fit(contexts(5, 2));
    assertRefused(() -> compiled.fit(masked), "CompiledNetwork", "masks", WAY_OUT);
    assertSameNetworks(expected, actual);
  }

  private static Arguments broken(String name, Consumer<DataSet> defect) {
    return Arguments.of(name, defect);
  }

  private static DataSet minibatch() {
    return contexts(6, 9);
  }

  static Stream<Arguments> defects() {
    return Stream.of(
        broken("narrow x", d -> d.setFeatures(d.getFeatures().getColumns(0))),
        broken("wide x", d -> d.setFeatures(Nd4j.ones(DataType.FLOAT, 6, T + 1))),
        broken("x of rank 3", d -> d.setFeatures(Nd4j.ones(DataType.FLOAT, 6, T, 2))),
        broken("x of rank 1", d -> d.setFeatures(Nd4j.ones(DataType.FLOAT, T))),
        broken("no examples", d -> d.setFeatures(Nd4j.zeros(DataType.FLOAT, 0, T))),
        broken("one example", CompiledNetworkRefusalsTest::leaveOne),
        broken("index V", d -> d.getFeatures().putScalar(3, 1, V)),
        broken("index 0.5", d -> d.getFeatures().putScalar(3, 1, 0.5)),
        broken("index NaN", d -> d.getFeatures().putScalar(3, 1, Double.NaN)),
        broken("an index that no float holds", CompiledNetworkRefusalsTest::takeLargeIndex),
        broken("class V", d -> d.getLabels().putScalar(2, 0, V)),
        broken("class NaN", d -> d.getLabels().putScalar(2, 0, Double.NaN)),
        broken("class -1", d -> d.getLabels().putScalar(2, 0, -1)),
        broken("fewer y", d -> d.setLabels(Nd4j.ones(DataType.FLOAT, 5, 1))),
        broken("y of V - 1 columns", d -> d.setLabels(Nd4j.ones(DataType.FLOAT, 6, V - 1))),
        broken("y of rank 3", d -> d.setLabels(Nd4j.ones(DataType.FLOAT, 6, V, 2))),
        broken("fewer y, of rank 1", d -> d.setLabels(Nd4j.ones(DataType.FLOAT, 5))),
        broken(
            "negative target",
            d -> d.setLabels(Nd4j.valueArrayOf(6, V, -0.5).castTo(DataType.FLOAT))),
        broken("no x", d -> d.setFeatures(null)),
        broken("no y", d -> d.setLabels(null)));
  }

  private static void takeLargeIndex(DataSet minibatch) {
    minibatch.setFeatures(minibatch.getFeatures().castTo(DataType.INT32));
    minibatch.getFeatures().putScalar(3, 1, (1 << 24) + 1);
  }

  private static void leaveOne(DataSet minibatch) {
    minibatch.setFeatures(Nd4j.ones(DataType.FLOAT, 1, T));
    minibatch.setLabels(Nd4j.ones(DataType.FLOAT, 1, 1));
  }

  /** In the words of network.fit, at the first step and later; and training goes on. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("defects")
  void aBrokenMinibatchIsRefusedAsByFit(String name, Consumer<DataSet> defect) {
    assertSameRefusal(charMlp(), contexts(6, 8), minibatch(), defect);
  }

  static Stream<Arguments> defectsOfReals() {
    return Stream.of(
        broken("NaN", d -> d.getFeatures().putScalar(3, 1, Double.NaN)),
        broken("infinity", d -> d.getFeatures().putScalar(3, 1, Double.POSITIVE_INFINITY)),
        broken("more than a float", CompiledNetworkRefusalsTest::takeDoubles),
        broken("overflow", d -> d.getFeatures().muli(1e38)),
        broken("target NaN", d -> d.getLabels().putScalar(3, 1, Double.NaN)));
  }

  private static void takeDoubles(DataSet minibatch) {
    minibatch.setFeatures(minibatch.getFeatures().castTo(DataType.DOUBLE));
    minibatch.getFeatures().putScalar(3, 1, 1e300);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("defectsOfReals")
  void brokenNumbersAreRefusedAsByFit(String name, Consumer<DataSet> defect) {
    assertSameRefusal(
        Networks.stack(
            settings(),
            InputType.feedForward(Twins.I),
            new ManualDense.Builder().nOut(5).activation(Activation.IDENTITY).build(),
            new BatchNormBessel.Builder().activation(Activation.TANH).build(),
            lastDense(),
            lossLayer()),
        reals(6, 8),
        reals(6, 9),
        defect);
  }

  private static void assertSameRefusal(
      MultiLayerNetwork expected, DataSet sound, DataSet broken, Consumer<DataSet> defect) {
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    defect.accept(broken);
    for (int round = 0; round < 2; round++) {
      RuntimeException theirs = assertThrows(RuntimeException.class, () -> expected.fit(broken));
      RuntimeException ours = assertThrows(RuntimeException.class, () -> compiled.fit(broken));
      assertEquals(theirs.getClass(), ours.getClass());
      assertEquals(theirs.getMessage(), ours.getMessage());
      expected.fit(sound);
      compiled.fit(sound);
      expected.fit(sound);
      compiled.fit(sound);
      assertSameNetworks(expected, actual);
    }
  }

  /** In mid-epoch: what was trained before stays, the epoch does not count, training goes on. */
  @Test
  void aBrokenMinibatchEndsTheEpoch() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    DataSet broken = contexts(31, 3);
    broken.getFeatures().putScalar(16, 1, V); // in the third of five minibatches
    String theirs =
        assertThrows(DL4JInvalidInputException.class, () -> expected.fit(Twins.minibatches(broken)))
            .getMessage();
    String ours =
        assertThrows(DL4JInvalidInputException.class, () -> compiled.fit(Twins.minibatches(broken)))
            .getMessage();
    assertEquals(theirs, ours);
    assertEquals(2, actual.getIterationCount());
    assertEquals(0, actual.getEpochCount());
    assertEquals(expected.params(), actual.params());
    expected.fit(minibatchesOfContexts());
    compiled.fit(minibatchesOfContexts());
    assertSameNetworks(expected, actual);
  }

  /** Java arrays end at 2³¹ − 1 elements: one wide layer is enough to get there. */
  @Test
  void aMinibatchThatIsTooLargeIsRefusedAsByFit() {
    MultiLayerNetwork expected =
        Networks.stack(
            settings(),
            InputType.feedForward(1),
            new EmbeddingConcat.Builder().nIn(V).nOut(1).build(),
            new ManualDense.Builder().nOut(4096).activation(Activation.IDENTITY).build(),
            lossLayer());
    int n = 1 << 19;
    DataSet sound = new DataSet(Layers.random(1, 0, 1, 6, 1).mul(0), Nd4j.zeros(6, 1));
    assertSameRefusal(
        expected,
        sound,
        new DataSet(Nd4j.zeros(DataType.FLOAT, n, 1), Nd4j.zeros(DataType.FLOAT, n, 1)),
        d -> {});
  }

  @Test
  void ourLayersAreTakenBeforeAnOutputLayer() {
    for (Layer layer : List.of(dense(), new BatchNormBessel.Builder().build())) {
      MultiLayerNetwork network =
          Networks.stack(settings(), InputType.feedForward(5), layer, outputLayer());
      CompiledNetwork.of(network).fit(new DataSet(Nd4j.rand(6, 5), Nd4j.ones(6, 1)));
      assertEquals(1, network.getIterationCount());
    }
  }
}
