package org.backpropninja.training;

import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.training.Twins.assertSameNetworks;
import static org.backpropninja.training.Twins.assertTrained;
import static org.backpropninja.training.Twins.charMlp;
import static org.backpropninja.training.Twins.contexts;
import static org.backpropninja.training.Twins.listenTo;
import static org.backpropninja.training.Twins.lossLayer;
import static org.backpropninja.training.Twins.minibatches;
import static org.backpropninja.training.Twins.minibatchesOfContexts;
import static org.backpropninja.training.Twins.minibatchesOfReals;
import static org.backpropninja.training.Twins.outputLayer;
import static org.backpropninja.training.Twins.reals;
import static org.backpropninja.training.Twins.settings;
import static org.backpropninja.training.Twins.twin;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.loss.ManualCrossEntropyLoss.Mean;
import org.backpropninja.math.Variance;
import org.backpropninja.training.Twins.Scores;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.constraint.UnitNormConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ExponentialSchedule;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** The compiled network against network.fit on the same minibatches: 1,000 steps, bit for bit. */
class CompiledNetworkTest {

  private static final int EPOCHS = 200; // of 5 minibatches, so 1,000 steps
  private static final int FEW_EPOCHS = 40; // where the cores are what matters, not the updater

  private static Arguments setting(
      String name, UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    return Arguments.of(name, setting);
  }

  static Stream<Arguments> updaters() {
    return Stream.of(
            new Sgd(0.1),
            new Sgd(new MapSchedule(ScheduleType.ITERATION, Map.of(0, 0.2, 300, 0.05, 700, 0.01))),
            new Sgd(new ExponentialSchedule(ScheduleType.EPOCH, 0.3, 0.98)),
            new Nesterovs(0.05, 0.9),
            Nesterovs.builder()
                .learningRate(0.05)
                .momentumISchedule(
                    new MapSchedule(ScheduleType.ITERATION, Map.of(0, 0.5, 400, 0.9)))
                .build(),
            new Adam(0.01),
            new Adam(new ExponentialSchedule(ScheduleType.EPOCH, 0.03, 0.97)),
            new AMSGrad(0.01),
            new AdaMax(0.01),
            new Nadam(0.01),
            new AdaGrad(0.05),
            new AdaDelta(),
            new RmsProp(0.003),
            new NoOp())
        .map(updater -> setting(updater.toString(), conf -> conf.updater(updater)));
  }

  static Stream<Arguments> regularisations() {
    return Stream.of(
        setting("l1", conf -> conf.updater(new Adam(0.01)).l1(0.01).l1Bias(0.02)),
        setting("l2", conf -> conf.l2(0.01).l2Bias(0.02)),
        setting("l2 of biases", conf -> conf.l2Bias(0.02)),
        setting("weight decay", conf -> conf.updater(new Nesterovs(0.05)).weightDecay(0.01)),
        setting("bias updater", conf -> conf.biasUpdater(new Adam(0.02))),
        setting("l2, sum", conf -> conf.updater(new Sgd(0.01)).l2(0.01).miniBatch(false)),
        setting("sum", conf -> conf.updater(new Sgd(0.02)).miniBatch(false)));
  }

  static Stream<Arguments> normalisations() {
    return Stream.of(GradientNormalization.values())
        .flatMap(
            how ->
                Stream.of(
                    setting(how + "", conf -> conf.gradientNormalization(how)),
                    setting(
                        how + " at 0.01",
                        conf ->
                            conf.updater(new Adam(0.01))
                                .gradientNormalization(how)
                                .gradientNormalizationThreshold(0.01))));
  }

  /** DL4J's updater and ours give the compiled network the same. */
  @ParameterizedTest(name = "{0}")
  @MethodSource({"updaters", "regularisations", "normalisations"})
  void trainsAsFitDoes(String name, UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    assertSameTraining(charMlp(setting), minibatchesOfContexts(), EPOCHS);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"updaters", "regularisations"})
  void trainsAsFitDoesInDouble(String name, UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    assertSameTraining(
        charMlp(conf -> setting.apply(conf).dataType(DataType.DOUBLE)),
        minibatchesOfContexts(),
        FEW_EPOCHS);
  }

  private static void assertSameTraining(
      MultiLayerNetwork expected, DataSetIterator iterator, int epochs) {
    INDArray before = expected.params().dup();
    MultiLayerNetwork compiled = twin(expected);
    MultiLayerNetwork flat = twin(expected);
    FlatGradientUpdater.install(flat);
    Scores scores = listenTo(expected);
    expected.fit(iterator, epochs);
    for (MultiLayerNetwork actual : new MultiLayerNetwork[] {compiled, flat}) {
      Scores actualScores = listenTo(actual);
      iterator.reset();
      CompiledNetwork.of(actual).fit(iterator, epochs);
      assertEquals(5 * epochs, scores.steps.size());
      assertEquals(scores.steps, actualScores.steps);
      assertSameNetworks(expected, actual);
    }
    assertTrained(before, expected);
  }

  static Stream<Activation> activations() {
    return Stream.of(
        Activation.IDENTITY,
        Activation.TANH,
        Activation.RELU,
        Activation.SOFTPLUS,
        Activation.SIGMOID,
        Activation.LEAKYRELU,
        Activation.SOFTMAX);
  }

  @ParameterizedTest
  @MethodSource("activations")
  void trainsWithEveryActivation(Activation activation) {
    assertSameTraining(
        stack(
            settings(),
            InputType.feedForward(Twins.I),
            new ManualDense.Builder().nOut(5).activation(activation).build(),
            new BatchNormBessel.Builder().activation(activation).build(),
            new ManualDense.Builder().nOut(Twins.V).activation(activation).build(),
            lossLayer()),
        minibatchesOfReals(),
        FEW_EPOCHS);
  }

  /** PyTorch normalises by n, and moves its running variance by n − 1. */
  @ParameterizedTest
  @EnumSource
  void trainsWithPyTorchsVariances(Variance variance) {
    assertSameTraining(
        stack(
            settings(),
            InputType.feedForward(Twins.I),
            new ManualDense.Builder().nOut(Twins.V).activation(Activation.TANH).build(),
            new BatchNormBessel.Builder()
                .variance(variance)
                .runningVariance(Variance.UNBIASED)
                .decay(0.7)
                .eps(1e-3)
                .build(),
            lossLayer()),
        minibatchesOfReals(),
        FEW_EPOCHS);
  }

  @ParameterizedTest
  @EnumSource
  void trainsPaddedAndFrozenTablesAsFitDoes(Backward way) {
    for (EmbeddingConcat.Builder table :
        List.of(
            new EmbeddingConcat.Builder().paddingIndex(2),
            new EmbeddingConcat.Builder().frozen(true).l2(0.1))) {
      MultiLayerNetwork network =
          stack(
              settings().updater(new Adam(0.01)),
              InputType.feedForward(Twins.T),
              table.nIn(Twins.V).nOut(3).backward(way).build(),
              new ManualDense.Builder().nOut(Twins.V).activation(Activation.IDENTITY).build(),
              lossLayer());
      INDArray row = network.getParam("0_W").getRow(2).dup();
      assertSameTraining(network, minibatchesOfContexts(), FEW_EPOCHS);
      assertEquals(row, network.getParam("0_W").getRow(2));
    }
  }

  @Test
  void trainsInSmallSteps() {
    Backward stepwise = Backward.STEPWISE;
    assertSameTraining(
        stack(
            settings(),
            InputType.feedForward(Twins.T),
            new EmbeddingConcat.Builder().nIn(Twins.V).nOut(3).backward(stepwise).build(),
            new ManualDense.Builder()
                .nOut(Twins.V)
                .activation(Activation.RELU)
                .backward(stepwise)
                .build(),
            new BatchNormBessel.Builder().activation(Activation.TANH).backward(stepwise).build(),
            new LossLayer.Builder(new ManualCrossEntropyLoss().backward(stepwise))
                .activation(Activation.IDENTITY)
                .build()),
        minibatchesOfContexts(),
        FEW_EPOCHS);
  }

  static Stream<ManualCrossEntropyLoss> losses() {
    double[] weights = {0.7, 1.9, 0, 2.6, 0.3, 1.1, 0.5};
    return Stream.of(
        new ManualCrossEntropyLoss().classWeights(weights),
        new ManualCrossEntropyLoss().ignoreIndex(2),
        new ManualCrossEntropyLoss().labelSmoothing(0.2),
        new ManualCrossEntropyLoss()
            .classWeights(weights)
            .ignoreIndex(3)
            .labelSmoothing(0.2)
            .mean(Mean.OVER_WEIGHTS));
  }

  @ParameterizedTest
  @MethodSource("losses")
  void trainsWithTheSettingsOfTheLoss(ManualCrossEntropyLoss loss) {
    for (DataSetIterator iterator : List.of(minibatchesOfContexts(), minibatchesOfReals())) {
      int width = (int) iterator.next().getFeatures().size(1);
      MultiLayerNetwork network =
          stack(
              settings(),
              InputType.feedForward(width),
              new ManualDense.Builder().nOut(Twins.V).activation(Activation.IDENTITY).build(),
              new LossLayer.Builder(loss).activation(Activation.SOFTMAX).build());
      iterator.reset();
      assertSameTraining(network, iterator, FEW_EPOCHS);
    }
  }

  /** As argMax(1) gives them. */
  @Test
  void labelsMayBeAVector() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    for (int step = 0; step < 20; step++) {
      DataSet minibatch = contexts(9, step);
      minibatch.setLabels(minibatch.getLabels().reshape(9));
      expected.fit(minibatch);
      compiled.fit(minibatch);
      assertSameNetworks(expected, actual);
    }
  }

  static Stream<Arguments> firstLayers() {
    return Stream.of(Backward.values())
        .flatMap(
            way ->
                Stream.of(
                        new ManualDense.Builder()
                            .nOut(Twins.I)
                            .activation(Activation.TANH)
                            .backward(way)
                            .build(),
                        new BatchNormBessel.Builder()
                            .activation(Activation.TANH)
                            .backward(way)
                            .build(),
                        new BatchNormBessel.Builder().backward(way).build(),
                        new BatchNormBessel.Builder()
                            .activation(Activation.SOFTPLUS)
                            .backward(way)
                            .build())
                    .map(layer -> Arguments.of(layer.toString(), layer)));
  }

  /** Nobody wants the gradient of the features. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("firstLayers")
  void everyLayerMayBeTheFirst(String name, Layer first) {
    MultiLayerNetwork expected =
        stack(
            settings(),
            InputType.feedForward(Twins.I),
            first,
            new ManualDense.Builder().nOut(Twins.V).activation(Activation.IDENTITY).build(),
            lossLayer());
    MultiLayerNetwork actual = twin(expected);
    DataSetIterator iterator = minibatches(reals(31, 3));
    expected.fit(iterator, 4);
    iterator.reset();
    CompiledNetwork.of(actual).fit(iterator, 4);
    assertSameNetworks(expected, actual);
  }

  /** Constraints come after the listeners. */
  @Test
  void constraintsHold() {
    assertSameTraining(
        stack(
            settings().updater(new Sgd(0.3)),
            InputType.feedForward(Twins.T),
            new EmbeddingConcat.Builder()
                .nIn(Twins.V)
                .nOut(3)
                .constrainWeights(new UnitNormConstraint(1))
                .build(),
            new ManualDense.Builder()
                .nOut(5)
                .activation(Activation.TANH)
                .constrainWeights(new MaxNormConstraint(0.6, 1))
                .constrainBias(new NonNegativeConstraint())
                .build(),
            new BatchNormBessel.Builder()
                .constrainAllParameters(new NonNegativeConstraint())
                .build(),
            new ManualDense.Builder().nOut(Twins.V).activation(Activation.IDENTITY).build(),
            lossLayer()),
        minibatchesOfContexts(),
        EPOCHS);
  }

  /**
   * Its products are ND4J's in network.fit, with W in another order and xᵀ·dlogits as a gemm of its
   * own, so the sums are rounded in other places. In double that is 1e-16 a step, which 1,000 steps
   * of training make grow to some 1e-10.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void withAnOutputLayerItAgreesToRounding(boolean hasBias) {
    MultiLayerNetwork expected = withOutputLayer(DataType.DOUBLE, hasBias);
    MultiLayerNetwork actual = twin(expected);
    DataSetIterator iterator = minibatchesOfContexts();
    expected.fit(iterator, EPOCHS);
    iterator.reset();
    CompiledNetwork.of(actual).fit(iterator, EPOCHS);
    assertClose(expected.params(), actual.params(), 1e-8);
    assertClose(expected.getGradientsViewArray(), actual.getGradientsViewArray(), 1e-8);
    assertEquals(expected.score(), actual.score(), 1e-8);
    assertEquals(expected.getIterationCount(), actual.getIterationCount());
  }

  /** One step from the same parameters: a few roundings of a float. */
  @Test
  void withAnOutputLayerOneStepInFloatAgreesToRounding() {
    MultiLayerNetwork expected = withOutputLayer(DataType.FLOAT, true);
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    for (int step = 0; step < 50; step++) {
      expected.fit(contexts(9, step));
      compiled.fit(contexts(9, step));
      assertClose(expected.getGradientsViewArray(), actual.getGradientsViewArray(), 1e-6);
      assertClose(expected.params(), actual.params(), 1e-6);
      assertEquals(expected.score(), actual.score(), 2e-6);
      actual.setParams(expected.params());
    }
  }

  private static MultiLayerNetwork withOutputLayer(DataType type, boolean hasBias) {
    org.deeplearning4j.nn.conf.layers.OutputLayer output =
        (org.deeplearning4j.nn.conf.layers.OutputLayer) outputLayer();
    output.setHasBias(hasBias);
    return stack(
        settings().dataType(type).l2(0.01),
        InputType.feedForward(Twins.T),
        new EmbeddingConcat.Builder().nIn(Twins.V).nOut(3).build(),
        new ManualDense.Builder().nOut(6).activation(Activation.IDENTITY).build(),
        new BatchNormBessel.Builder().activation(Activation.TANH).build(),
        output);
  }

  private static void assertClose(INDArray expected, INDArray actual, double tolerance) {
    double[] values = NdArrays.values(expected);
    assertTrue(Double.isFinite(expected.sumNumber().doubleValue()), "it has diverged");
    assertArrayEquals(values, NdArrays.values(actual), tolerance);
  }

  /**
   * With the sum of the losses too, of which DL4J divides the score of a LossLayer all the same.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anOutputLayerMayBeAllThereIs(boolean miniBatch) {
    MultiLayerNetwork expected =
        stack(
            settings().dataType(DataType.DOUBLE).updater(new Sgd(0.02)).miniBatch(miniBatch),
            InputType.feedForward(Twins.I),
            outputLayer());
    MultiLayerNetwork actual = twin(expected);
    DataSetIterator iterator = minibatchesOfReals();
    expected.fit(iterator, 10);
    iterator.reset();
    CompiledNetwork.of(actual).fit(iterator, 10);
    assertClose(expected.params(), actual.params(), 1e-12);
    assertEquals(expected.score(), actual.score(), 1e-12);
  }
}
