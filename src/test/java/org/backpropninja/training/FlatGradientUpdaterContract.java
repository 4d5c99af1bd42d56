package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.testing.Layers;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.stepfunctions.DefaultStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.GradientStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.NegativeDefaultStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.NegativeGradientStepFunction;
import org.deeplearning4j.nn.conf.stepfunctions.StepFunction;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.solvers.accumulation.BasicGradientsAccumulator;
import org.deeplearning4j.optimize.solvers.accumulation.GradientsAccumulator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ExponentialSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** Our updater against DL4J's own: 20 steps, bit for bit, in both kinds of network. */
abstract class FlatGradientUpdaterContract<N extends Model> {

  static final int BATCH = 7;

  static INDArray data(long seed, DataType type, int columns) {
    return Layers.random(seed, -1, 1, BATCH, columns).castTo(type);
  }

  /** Made anew, initialised, with the same parameters every time. */
  abstract N network(UnaryOperator<NeuralNetConfiguration.Builder> setting);

  /** The same configuration, but not initialised. */
  abstract N bare(N like);

  abstract void install(N network);

  /** One step. */
  abstract void fit(N network);

  abstract int iterations(N network);

  abstract void setEpoch(N network, int epoch);

  abstract BaseMultiLayerUpdater<?> updater(N network);

  abstract void computeGradient(N network);

  abstract void makeGradientsAnew(N network);

  abstract void setLearningRate(N network, double rate);

  abstract N saveAndRestore(N network) throws IOException;

  abstract N copy(N network);

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

  final void train(N network, int steps) {
    for (int step = 0; step < steps; step++) {
      setEpoch(network, iterations(network) / 10);
      fit(network);
    }
  }

  final void assertSameNetwork(N expected, N actual) {
    assertSameBits(expected.params(), actual.params());
    INDArray state = updater(expected).getStateViewArray();
    if (state != null) {
      assertSameBits(state, updater(actual).getStateViewArray());
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
    N stock = network(setting);
    N ours = network(setting);
    INDArray before = ours.params().dup();
    install(ours);
    train(stock, 20);
    train(ours, 20);
    assertSameNetwork(stock, ours);
    assertNotEquals(before, ours.params(), "nothing was trained"); // running statistics move anyway

    N restored = saveAndRestore(ours);
    install(restored);
    train(stock, 5);
    train(restored, 5);
    assertSameNetwork(stock, restored);
  }

  @Test
  void anAccumulatorThatTheUserSetIsKept() {
    N network = network(conf -> conf.updater(new Sgd(0.1)));
    GradientsAccumulator own = new BasicGradientsAccumulator(1);
    network.getOptimizer().setGradientsAccumulator(own);
    install(network);
    assertSame(own, network.getOptimizer().getGradientsAccumulator());

    N without = network(conf -> conf.updater(new Sgd(0.1)));
    install(without);
    var ours = without.getOptimizer().getGradientsAccumulator();
    assertInstanceOf(StepInPlace.class, ours);
    install(without);
    assertSame(ours, without.getOptimizer().getGradientsAccumulator());
  }

  /** The shapes are those that DL4J gives to it. */
  @Test
  void theStepIsTakenInPlace() {
    N network = network(conf -> conf.updater(new Sgd(0.1)));
    train(network, 1);
    INDArray update = network.gradient().gradient();
    INDArray expected = network.params().sub(update);
    var function = new StepInPlaceTest.CountingStep();
    new StepInPlace()
        .applyUpdate(function, network.params(), update.reshape(update.length()), true);
    assertEquals(0, function.steps);
    assertSameBits(expected, network.params());
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

  private CountingBlock counting(N network) {
    List<UpdaterBlock> blocks = updater(network).getUpdaterBlocks();
    CountingBlock block = new CountingBlock(blocks.get(0));
    blocks.add(block);
    return block;
  }

  @Test
  void takesTheWayOfPrebuiltViewsThatDl4jMisses() {
    N stock = network(conf -> conf.updater(new Sgd(0.1)));
    CountingBlock theirs = counting(stock);
    train(stock, 5);
    assertEquals(0, theirs.standard, "DL4J itself takes it now: this class is of no use");
    assertEquals(5, theirs.external);

    for (GradientNormalization how :
        List.of(GradientNormalization.None, GradientNormalization.ClipL2PerLayer)) {
      N ours = network(conf -> conf.updater(new Sgd(0.1)).gradientNormalization(how));
      install(ours);
      CountingBlock block = counting(ours);
      train(ours, 5);
      assertEquals(5, block.standard, how.toString());
      assertEquals(0, block.external, how.toString());
    }
  }

  /** What is really another's, as when one network's gradient updates another, stays external. */
  @Test
  void aGradientFromElsewhereIsTakenAsSuch() {
    N stock = network(conf -> conf.updater(new Adam(0.01)));
    N ours = network(conf -> conf.updater(new Adam(0.01)));
    install(ours);
    CountingBlock block = counting(ours);
    N elsewhere = network(conf -> conf.updater(new Adam(0.01)).seed(9));
    for (N network : List.of(stock, ours)) {
      train(network, 1);
      computeGradient(elsewhere);
      LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
      updater(network).update(elsewhere.gradient(), 1, 0, 8, workspaces);
      network.params().subi(elsewhere.gradient().gradient());
    }
    assertSameNetwork(stock, ours);
    assertEquals(1, block.standard);
    assertEquals(1, block.external);
  }

  /** Then the views that the updater made at the start are of an array that nobody fills. */
  @Test
  void aNetworkThatMakesItsGradientAnewIsUpdatedAsByDl4j() {
    N stock = network(conf -> conf.updater(new Sgd(0.1)));
    N ours = network(conf -> conf.updater(new Sgd(0.1)));
    install(ours);
    for (N network : List.of(stock, ours)) {
      train(network, 3);
      makeGradientsAnew(network);
      train(network, 3);
    }
    assertSameNetwork(stock, ours);
  }

  @Test
  void installingHalfWayKeepsTheState() {
    N stock = network(conf -> conf.updater(new Adam(0.01)));
    N ours = network(conf -> conf.updater(new Adam(0.01)));
    train(stock, 20);
    train(ours, 10);
    install(ours);
    train(ours, 10);
    assertSameNetwork(stock, ours);
  }

  @Test
  void aNewLearningRateTakesDl4jsUpdaterAndItsState() {
    N stock = network(conf -> conf.updater(new Adam(0.01)));
    N ours = network(conf -> conf.updater(new Adam(0.01)));
    install(ours);
    for (N network : List.of(stock, ours)) {
      train(network, 3);
      setLearningRate(network, 0.02);
    }
    assertNotEquals(InPlaceBlocks.InPlaceBlock.class, firstBlock(ours).getClass());
    install(ours);
    assertEquals(InPlaceBlocks.InPlaceBlock.class, firstBlock(ours).getClass());
    train(stock, 3);
    train(ours, 3);
    assertSameNetwork(stock, ours);
  }

  private UpdaterBlock firstBlock(N network) {
    return updater(network).getUpdaterBlocks().get(0);
  }

  /** Two networks at once: nothing is shared between threads. */
  @Test
  void threadsDoNotDisturbEachOther() throws InterruptedException {
    N alone = network(conf -> conf.updater(new Adam(0.01)));
    N first = network(conf -> conf.updater(new Adam(0.01)));
    N second = network(conf -> conf.updater(new Adam(0.01)));
    List.of(alone, first, second).forEach(this::install);
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
    N network = network(conf -> conf.updater(new Adam(0.01)));
    install(network);
    train(network, 3);
    N clone = copy(network);
    train(network, 3);
    train(clone, 3);
    assertSameNetwork(network, clone);

    N bare = bare(network);
    var e = assertThrows(IllegalArgumentException.class, () -> install(bare));
    assertTrue(e.getMessage().contains("call init() first"), e.getMessage());
  }
}
