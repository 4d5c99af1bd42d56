package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.testing.Layers;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.stepfunctions.DefaultStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.GradientStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.NegativeDefaultStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.NegativeGradientStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.StepFunction;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.solvers.accumulation.BasicGradientsAccumulator;
import org.deeplearning4j.optimize.solvers.accumulation.GradientsAccumulator;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions;
import org.nd4j.linalg.schedule.ExponentialSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** Our updater against DL4J's own: 50 steps, bit for bit. */
class FlatGradientUpdaterTest {

  private static final INDArray X = Layers.random(1, -1, 1, 7, 5).castTo(DataType.FLOAT);
  private static final INDArray Y = Layers.random(2, -1, 1, 7, 3).castTo(DataType.FLOAT);

  static Stream<Arguments> settings() {
    Stream<Arguments> updaters =
        Stream.of(
                new Sgd(0.1),
                new Sgd(new ExponentialSchedule(ScheduleType.ITERATION, 0.1, 0.97)),
                new Sgd(new ExponentialSchedule(ScheduleType.EPOCH, 0.1, 0.5)),
                new Nesterovs(0.1, 0.9),
                new Adam(0.01),
                new Adam(new ExponentialSchedule(ScheduleType.EPOCH, 0.1, 0.97)),
                new AdaDelta(),
                new NoOp())
            .map(updater -> setting(updater.toString(), conf -> conf.updater(updater)));
    Stream<Arguments> regularisations =
        Stream.of(
            setting("l1", conf -> conf.updater(new Adam(0.01)).l1(0.01).l1Bias(0.02)),
            setting("l2", conf -> conf.updater(new Sgd(0.1)).l2(0.01).l2Bias(0.02)),
            setting("l2 of biases", conf -> conf.updater(new Sgd(0.1)).l2Bias(0.02)),
            setting("decay", conf -> conf.updater(new Nesterovs(0.1)).weightDecay(0.01)));
    Stream<Arguments> normalisations =
        Stream.of(GradientNormalization.values())
            .map(
                how ->
                    setting(
                        how.toString(),
                        conf ->
                            conf.updater(new Sgd(0.1))
                                .gradientNormalization(how)
                                .gradientNormalizationThreshold(0.01)));
    Stream<Arguments> steps =
        Stream.of(
                new DefaultStepFunction(),
                new GradientStepFunction(), // uphill, both of them
                new NegativeDefaultStepFunction(),
                new NegativeGradientStepFunction())
            .map(step -> setting(step.getClass().getSimpleName(), conf -> stepping(conf, step)));
    Stream<Arguments> doubles =
        Stream.of(new Sgd(0.1), new Adam(0.01), new NoOp())
            .map(
                updater ->
                    setting(
                        "double " + updater,
                        conf -> conf.updater(updater).dataType(DataType.DOUBLE)));
    return Stream.of(updaters, regularisations, normalisations, steps, doubles).flatMap(s -> s);
  }

  @SuppressWarnings("deprecation") // but it works
  private static NeuralNetConfiguration.Builder stepping(
      NeuralNetConfiguration.Builder conf, StepFunction step) {
    return conf.updater(new Sgd(0.001)).stepFunction(step);
  }

  private static Arguments setting(
      String name, UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    return Arguments.of(name, setting);
  }

  /** Our layers and stock ones: both run on the same updater. */
  private static MultiLayerNetwork network(UnaryOperator<NeuralNetConfiguration.Builder> setting) {
    MultiLayerConfiguration conf =
        setting
            .apply(new NeuralNetConfiguration.Builder().seed(3))
            .list()
            .layer(new DenseLayer.Builder().nOut(6).activation(Activation.TANH).build())
            .layer(new ManualDense.Builder().nOut(4).activation(Activation.IDENTITY).build())
            .layer(new BatchNormBessel.Builder().activation(Activation.TANH).build())
            .layer(
                new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
                    .nOut(3)
                    .activation(Activation.IDENTITY)
                    .build())
            .setInputType(InputType.feedForward(5))
            .build();
    MultiLayerNetwork network = new MultiLayerNetwork(conf);
    network.init();
    return network;
  }

  private static void train(MultiLayerNetwork network, int steps) {
    DataType type = network.params().dataType();
    for (int step = 0; step < steps; step++) {
      network.setEpochCount(network.getIterationCount() / 10);
      network.fit(X.castTo(type), Y.castTo(type));
    }
  }

  private static void assertSameNetwork(MultiLayerNetwork expected, MultiLayerNetwork actual) {
    assertSameBits(expected.params(), actual.params());
    INDArray state = expected.getUpdater().getStateViewArray();
    if (state != null) {
      assertSameBits(state, actual.getUpdater().getStateViewArray());
    }
  }

  private static void assertSameBits(INDArray expected, INDArray actual) {
    assertEquals(expected.dataType(), actual.dataType());
    assertTrue(Double.isFinite(expected.sumNumber().doubleValue()), "it has diverged");
    assertArrayEquals(expected.dup().data().asDouble(), actual.dup().data().asDouble());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("settings")
  void updatesAsDl4jDoesAlsoAfterSaving(
      String name, UnaryOperator<NeuralNetConfiguration.Builder> setting) throws IOException {
    MultiLayerNetwork stock = network(setting);
    MultiLayerNetwork ours = network(setting);
    INDArray before = ours.params().dup();
    FlatGradientUpdater.install(ours);
    train(stock, 50);
    train(ours, 50);
    assertSameNetwork(stock, ours);
    assertNotEquals(before, ours.params(), "nothing was trained"); // running statistics move anyway

    MultiLayerNetwork restored = restored(ours);
    FlatGradientUpdater.install(restored);
    train(stock, 5);
    train(restored, 5);
    assertSameNetwork(stock, restored);
  }

  @Test
  void anAccumulatorThatTheUserSetIsKept() {
    MultiLayerNetwork network = network(conf -> conf.updater(new Sgd(0.1)));
    GradientsAccumulator own = new BasicGradientsAccumulator(1);
    network.setGradientsAccumulator(own);
    FlatGradientUpdater.install(network);
    assertSame(own, network.getOptimizer().getGradientsAccumulator());

    MultiLayerNetwork without = network(conf -> conf.updater(new Sgd(0.1)));
    FlatGradientUpdater.install(without);
    var ours = without.getOptimizer().getGradientsAccumulator();
    assertInstanceOf(StepInPlace.class, ours);
    FlatGradientUpdater.install(without);
    assertSame(ours, without.getOptimizer().getGradientsAccumulator());
  }

  /** Counts what is left to DL4J's function. */
  private static final class CountingStep
      extends org.deeplearning4j.optimize.stepfunctions.NegativeGradientStepFunction {
    private static final long serialVersionUID = 1;
    private int steps;

    @Override
    public void step(INDArray x, INDArray line) {
      steps++;
      super.step(x, line);
    }
  }

  @Test
  void denseFloatsAndDoublesOfOneShapeAreSubtractedInPlace() {
    CountingStep function = new CountingStep();
    StepInPlace accumulator = new StepInPlace();
    INDArray floats = Nd4j.createFromArray(new float[][] {{1, 2, 3}});
    INDArray update = Nd4j.createFromArray(0.5f, 1, 1.5f);
    accumulator.applyUpdate(function, floats, update, false);
    assertEquals(Nd4j.createFromArray(new float[][] {{0.5f, 1, 1.5f}}), floats);
    assertEquals(0, function.steps);

    INDArray doubles = Nd4j.createFromArray(new double[][] {{1, 2, 3}});
    accumulator.applyUpdate(function, doubles, update.castTo(DataType.DOUBLE), false);
    assertEquals(Nd4j.createFromArray(new double[][] {{0.5, 1, 1.5}}), doubles);
    INDArray columnMajor = Nd4j.createFromArray(new double[][] {{1, 2}, {3, 4}}).dup('f');
    INDArray rowMajor = Nd4j.createFromArray(new double[][] {{0.5, 1}, {1.5, 2}});
    accumulator.applyUpdate(function, columnMajor, rowMajor, false);
    assertEquals(rowMajor, columnMajor);
    assertEquals(0, function.steps);
  }

  @Test
  void whatIsLaidOutDifferentlyIsLeftToDl4j() {
    CountingStep function = new CountingStep();
    StepInPlace accumulator = new StepInPlace();
    INDArray update = Nd4j.createFromArray(0.5f, 1, 1.5f);
    INDArray doubles = Nd4j.createFromArray(new double[][] {{0.5, 1, 1.5}});
    accumulator.applyUpdate(function, doubles, update, false); // of another type
    assertEquals(Nd4j.zeros(DataType.DOUBLE, 1, 3), doubles);
    assertEquals(1, function.steps);
    INDArray two = Nd4j.createFromArray(new float[][] {{1, 2, 3}, {4, 5, 6}});
    accumulator.applyUpdate(function, two, update.reshape(1, 3), false);
    assertEquals(Nd4j.createFromArray(new float[][] {{0.5f, 1, 1.5f}, {3.5f, 4, 4.5f}}), two);
    INDArray sparse = Nd4j.createFromArray(new float[][] {{1, 7}, {2, 7}, {3, 7}});
    accumulator.applyUpdate(function, sparse.getColumn(0), update, false);
    assertEquals(Nd4j.createFromArray(new float[][] {{0.5f, 7}, {1, 7}, {1.5f, 7}}), sparse);
    INDArray floats = update.dup();
    accumulator.applyUpdate(function, floats, update, 2.0);
    assertEquals(4, function.steps);
    assertEquals(Nd4j.zeros(DataType.FLOAT, 3), floats);
  }

  private static MultiLayerNetwork restored(MultiLayerNetwork network) throws IOException {
    ByteArrayOutputStream saved = new ByteArrayOutputStream();
    ModelSerializer.writeModel(network, saved, true);
    return ModelSerializer.restoreMultiLayerNetwork(
        new ByteArrayInputStream(saved.toByteArray()), true);
  }

  /** Counts which of the two ways DL4J's updater takes, one more block beside its own. */
  private static final class CountingBlock extends UpdaterBlock {
    private int standard;
    private int external;

    CountingBlock(UpdaterBlock like) {
      super(0, 0, 0, 0, like.getLayersAndVariablesInBlock());
    }

    @Override
    public void update(int iteration, int epoch) {
      standard++;
    }

    @Override
    public void updateExternalGradient(
        int iteration, int epoch, INDArray gradient, INDArray parameters) {
      external++;
    }
  }

  private static CountingBlock counting(MultiLayerNetwork network) {
    List<UpdaterBlock> blocks = ((MultiLayerUpdater) network.getUpdater()).getUpdaterBlocks();
    CountingBlock block = new CountingBlock(blocks.get(0));
    blocks.add(block);
    return block;
  }

  @Test
  void takesTheWayOfPrebuiltViewsThatDl4jMisses() {
    MultiLayerNetwork stock = network(conf -> conf.updater(new Sgd(0.1)));
    CountingBlock theirs = counting(stock);
    train(stock, 5);
    assertEquals(0, theirs.standard, "DL4J itself takes it now: this class is of no use");
    assertEquals(5, theirs.external);

    MultiLayerNetwork ours = network(conf -> conf.updater(new Sgd(0.1)));
    FlatGradientUpdater.install(ours);
    CountingBlock block = counting(ours);
    train(ours, 5);
    assertEquals(5, block.standard);
    assertEquals(0, block.external);
  }

  /** What is really another's, as when one network's gradient updates another, stays external. */
  @Test
  void aGradientFromElsewhereIsTakenAsSuch() {
    MultiLayerNetwork stock = network(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork ours = network(conf -> conf.updater(new Adam(0.01)));
    FlatGradientUpdater.install(ours);
    CountingBlock block = counting(ours);
    MultiLayerNetwork elsewhere = network(conf -> conf.updater(new Adam(0.01)).seed(9));
    for (MultiLayerNetwork network : List.of(stock, ours)) {
      train(network, 1);
      elsewhere.setInput(X);
      elsewhere.setLabels(Y);
      elsewhere.computeGradientAndScore();
      network
          .getUpdater()
          .update(network, elsewhere.gradient(), 1, 0, 8, LayerWorkspaceMgr.noWorkspaces());
      network.params().subi(elsewhere.gradient().gradient());
    }
    assertSameNetwork(stock, ours);
    assertEquals(1, block.standard);
    assertEquals(1, block.external);
  }

  /** Then the views that the updater made at the start are of an array that nobody fills. */
  @Test
  void aNetworkThatMakesItsGradientAnewIsUpdatedAsByDl4j() {
    MultiLayerNetwork stock = network(conf -> conf.updater(new Sgd(0.1)));
    MultiLayerNetwork ours = network(conf -> conf.updater(new Sgd(0.1)));
    FlatGradientUpdater.install(ours);
    for (MultiLayerNetwork network : List.of(stock, ours)) {
      train(network, 3);
      network.initGradientsView();
      train(network, 3);
    }
    assertSameNetwork(stock, ours);
  }

  @Test
  void installingHalfWayKeepsTheState() {
    MultiLayerNetwork stock = network(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork ours = network(conf -> conf.updater(new Adam(0.01)));
    train(stock, 20);
    train(ours, 10);
    FlatGradientUpdater.install(ours);
    train(ours, 10);
    assertSameNetwork(stock, ours);
  }

  /** Two networks at once: nothing is shared between threads. */
  @Test
  void threadsDoNotDisturbEachOther() throws InterruptedException {
    MultiLayerNetwork alone = network(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork first = network(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork second = network(conf -> conf.updater(new Adam(0.01)));
    Stream.of(alone, first, second).forEach(FlatGradientUpdater::install);
    train(alone, 200);
    Thread[] threads = {new Thread(() -> train(first, 200)), new Thread(() -> train(second, 200))};
    for (Thread thread : threads) {
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertSameNetwork(alone, first);
    assertSameNetwork(alone, second);
  }

  @Test
  void clonedAndUninitialisedNetworks() {
    MultiLayerNetwork network = network(conf -> conf.updater(new Adam(0.01)));
    FlatGradientUpdater.install(network);
    train(network, 3);
    MultiLayerNetwork clone = network.clone();
    assertInstanceOf(MultiLayerUpdater.class, clone.getUpdater());
    train(network, 3);
    train(clone, 3);
    assertSameNetwork(network, clone);

    var bare = new MultiLayerNetwork(network.getLayerWiseConfigurations());
    var e = assertThrows(IllegalArgumentException.class, () -> FlatGradientUpdater.install(bare));
    assertTrue(e.getMessage().contains("call init() first"), e.getMessage());
  }
}
