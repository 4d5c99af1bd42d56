package org.backpropninja.training;

import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.training.Twins.assertSameBits;
import static org.backpropninja.training.Twins.assertSameNetworks;
import static org.backpropninja.training.Twins.charMlp;
import static org.backpropninja.training.Twins.contexts;
import static org.backpropninja.training.Twins.minibatchesOfContexts;
import static org.backpropninja.training.Twins.outputLayer;
import static org.backpropninja.training.Twins.settings;
import static org.backpropninja.training.Twins.twin;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.EmbeddingConcat;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.optimize.listeners.CollectScoresIterationListener;
import org.deeplearning4j.optimize.listeners.PerformanceListener;
import org.deeplearning4j.optimize.listeners.ScoreIterationListener;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Adam;

/** What listeners see and do while a compiled network trains, against network.fit. */
class CompiledNetworkListenersTest {

  private static final int EPOCHS = 3; // of 5 minibatches

  /** Writes down every call, with all that the network has then. */
  private static final class Trace implements TrainingListener {
    private final List<String> calls = new ArrayList<>();
    private final boolean withValues;

    Trace(boolean withValues) {
      this.withValues = withValues;
    }

    private void add(String call, Model model) {
      MultiLayerNetwork network = (MultiLayerNetwork) model;
      INDArray input = network.getInput();
      calls.add(
          "%s at %d, %d, of %s"
              .formatted(
                  call,
                  network.getIterationCount(),
                  network.getEpochCount(),
                  input == null ? null : Arrays.toString(input.shape())));
      calls.add("layers at " + countsOfLayers(network) + ", input " + isThere(input));
      if (withValues) {
        calls.add("score " + network.score() + ", parameters " + sum(network.params()));
        calls.add("x " + sum(input) + ", y " + sum(network.getLabels()));
        if (network.gradient() != null) {
          calls.add("gradients " + sum(network.getGradientsViewArray()));
          network
              .gradient()
              .gradientForVariable()
              .forEach((key, gradient) -> calls.add(key + " " + sum(gradient)));
        }
      }
    }

    private static String countsOfLayers(MultiLayerNetwork network) {
      return Arrays.stream(network.getLayers())
          .map(layer -> layer.getIterationCount() + " " + layer.getEpochCount())
          .toList()
          .toString();
    }

    /** Whether its memory has not been freed: prefetched minibatches lie in a workspace. */
    private static boolean isThere(INDArray input) {
      return input != null
          && (!input.isAttached() || input.data().getParentWorkspace().getCurrentSize() > 0);
    }

    /** Of the bits, each weighted by its place. */
    private static String sum(INDArray array) {
      return array == null ? null : Arrays.hashCode(NdArrays.values(array)) + "";
    }

    @Override
    public void onEpochStart(Model model) {
      add("onEpochStart", model);
    }

    @Override
    public void onEpochEnd(Model model) {
      add("onEpochEnd", model);
    }

    @Override
    public void onForwardPass(Model model, List<INDArray> activations) {
      add("onForwardPass", model);
      for (INDArray activation : activations) {
        calls.add(Arrays.toString(activation.shape()) + (withValues ? sum(activation) : ""));
      }
    }

    @Override
    public void onForwardPass(Model model, Map<String, INDArray> activations) {
      add("of a graph", model);
    }

    @Override
    public void onGradientCalculation(Model model) {
      add("onGradientCalculation", model);
    }

    @Override
    public void onBackwardPass(Model model) {
      add("onBackwardPass", model);
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      add("iterationDone %d, %d".formatted(iteration, epoch), model);
    }
  }

  private static void fitBoth(MultiLayerNetwork expected, MultiLayerNetwork actual) {
    DataSetIterator iterator = minibatchesOfContexts();
    expected.fit(iterator, EPOCHS);
    iterator.reset();
    CompiledNetwork.of(actual).fit(iterator, EPOCHS);
  }

  private static List<String> twoTraces(
      MultiLayerNetwork network, boolean withValues, BiConsumer<MultiLayerNetwork, Integer> fit) {
    Trace first = new Trace(withValues);
    Trace second = new Trace(false);
    network.setListeners(first, second);
    fit.accept(network, EPOCHS);
    List<String> calls = new ArrayList<>(first.calls);
    calls.addAll(second.calls);
    return calls;
  }

  private static void fitIterator(MultiLayerNetwork network, int epochs) {
    network.fit(minibatchesOfContexts(), epochs);
  }

  private static void fitCompiledIterator(MultiLayerNetwork network, int epochs) {
    CompiledNetwork.of(network).fit(minibatchesOfContexts(), epochs);
  }

  @Test
  void areCalledAsByFitWithTheSame() {
    MultiLayerNetwork expected = charMlp(conf -> conf.updater(new Adam(0.01)).l2(0.01));
    MultiLayerNetwork actual = twin(expected);
    assertSameLines(
        twoTraces(expected, true, CompiledNetworkListenersTest::fitIterator),
        twoTraces(actual, true, CompiledNetworkListenersTest::fitCompiledIterator));
    assertSameNetworks(expected, actual);
  }

  /** With counts of their own. */
  @Test
  void areCalledAsByFitOnSingleMinibatches() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    expected.setEpochCount(4);
    actual.setEpochCount(4);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    assertSameLines(
        twoTraces(
            expected,
            true,
            (network, times) -> {
              for (int step = 0; step < times; step++) {
                network.fit(contexts(6 + step, step));
                network.setEpochCount(7);
              }
            }),
        twoTraces(
            actual,
            true,
            (network, times) -> {
              for (int step = 0; step < times; step++) {
                compiled.fit(contexts(6 + step, step));
                network.setEpochCount(7);
              }
            }));
    expected.fit(contexts(5, 1));
    compiled.fit(contexts(5, 1));
    assertSameNetworks(expected, actual);
  }

  /** Whose logits are not among the activations. */
  @Test
  void areCalledAsByFitWithAnOutputLayer() {
    MultiLayerNetwork expected =
        stack(
            settings(),
            InputType.feedForward(Twins.T),
            new EmbeddingConcat.Builder().nIn(Twins.V).nOut(3).build(),
            outputLayer());
    MultiLayerNetwork actual = twin(expected);
    assertSameLines(
        twoTraces(expected, false, CompiledNetworkListenersTest::fitIterator),
        twoTraces(actual, false, CompiledNetworkListenersTest::fitCompiledIterator));
  }

  private static void assertSameLines(List<String> expected, List<String> actual) {
    assertFalse(expected.isEmpty());
    for (int k = 0; k < Math.min(expected.size(), actual.size()); k++) {
      List<String> context = expected.subList(Math.max(0, k - 9), k + 1);
      assertEquals(expected.get(k), actual.get(k), () -> String.join("\n", context));
    }
    assertEquals(expected.size(), actual.size());
  }

  /** Acts once an iteration. */
  private static final class Acting extends BaseTrainingListener {
    private final BiConsumer<MultiLayerNetwork, Integer> action;

    Acting(BiConsumer<MultiLayerNetwork, Integer> action) {
      this.action = action;
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      action.accept((MultiLayerNetwork) model, iteration);
    }
  }

  /** Acts as soon as there is a gradient, before it is used. */
  private static final class ActingOnGradients extends BaseTrainingListener {
    private final BiConsumer<MultiLayerNetwork, Integer> action;

    ActingOnGradients(BiConsumer<MultiLayerNetwork, Integer> action) {
      this.action = action;
    }

    @Override
    public void onGradientCalculation(Model model) {
      MultiLayerNetwork network = (MultiLayerNetwork) model;
      action.accept(network, network.getIterationCount());
    }
  }

  static Stream<Arguments> actions() {
    return Stream.of(
        action("output", (net, i) -> net.output(contexts(50, i).getFeatures())),
        action("output with a mask", CompiledNetworkListenersTest::outputWithMask),
        action("score", (net, i) -> net.score(contexts(3, i))),
        action("score in training", (net, i) -> net.score(contexts(9, i), true)),
        action("gradient", CompiledNetworkListenersTest::computeGradient),
        action("calibration", (net, i) -> Calibration.calibrate(net, minibatchesOfContexts())),
        action("feedForward", (net, i) -> net.feedForward(contexts(8, i).getFeatures(), true)),
        action("parameters", (net, i) -> net.setParams(net.params().mul(0.9))),
        action("parameters in place", (net, i) -> net.params().muli(0.9)),
        action("one parameter", (net, i) -> net.setParam("1_W", net.getParam("1_W").mul(0.9))),
        action("learning rate", (net, i) -> net.setLearningRate(0.01 / (i + 1))),
        action("updater", (net, i) -> FlatGradientUpdater.install(net)),
        action("iteration", (net, i) -> net.getLayerWiseConfigurations().setIterationCount(2 * i)),
        action("epoch", (net, i) -> net.setEpochCount(100 + i)),
        action("state", (net, i) -> net.getUpdater().getStateViewArray().muli(0.5)),
        action("gradients anew", CompiledNetworkListenersTest::makeGradientsAnew),
        action("no listeners", CompiledNetworkListenersTest::stopListening),
        action("one more listener", CompiledNetworkListenersTest::listenTwice));
  }

  private static Arguments action(String name, BiConsumer<MultiLayerNetwork, Integer> action) {
    return Arguments.of(name, action);
  }

  private static void outputWithMask(MultiLayerNetwork network, int iteration) {
    DataSet minibatch = contexts(2, iteration);
    INDArray mask = minibatch.getLabels().mul(0).addi(1).putScalar(0, 0);
    network.output(minibatch.getFeatures(), false, mask, mask);
  }

  private static void computeGradient(MultiLayerNetwork network, int iteration) {
    DataSet other = contexts(6, iteration);
    network.calculateGradients(other.getFeatures(), other.getLabels(), null, null);
  }

  private static void makeGradientsAnew(MultiLayerNetwork network, int iteration) {
    if (iteration % 4 == 2) {
      network.initGradientsView();
    }
  }

  private static void stopListening(MultiLayerNetwork network, int iteration) {
    if (iteration == 2) {
      network.setListeners();
    }
  }

  private static void listenTwice(MultiLayerNetwork network, int iteration) {
    if (iteration < 3) {
      List<TrainingListener> more = new ArrayList<>(network.getListeners());
      more.add(new Acting((net, i) -> net.params().muli(0.99)));
      network.setListeners(more);
    }
  }

  /** Other listeners are there before and after. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("actions")
  void mayActOnTheNetwork(String name, BiConsumer<MultiLayerNetwork, Integer> action) {
    MultiLayerNetwork expected = charMlp(conf -> conf.updater(new Adam(0.02)).l2(0.01));
    MultiLayerNetwork actual = twin(expected);
    List<List<String>> traces = new ArrayList<>();
    for (MultiLayerNetwork network : List.of(expected, actual)) {
      Trace before = new Trace(true);
      Trace after = new Trace(true);
      network.setListeners(before, new Acting(action), after);
      traces.add(before.calls);
      traces.add(after.calls);
    }
    fitBoth(expected, actual);
    assertSameLines(traces.get(0), traces.get(2));
    assertSameLines(traces.get(1), traces.get(3));
    assertSameNetworks(expected, actual);
  }

  /** Of gradient descent: DL4J throws where the state of an updater would have to be split. */
  @Test
  void mayChangeTheLearningRateOfALayer() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    for (MultiLayerNetwork network : List.of(expected, actual)) {
      network.setListeners(new Acting((net, i) -> net.setLearningRate(1, 0.1 / (i + 1))));
    }
    fitBoth(expected, actual);
    assertSameNetworks(expected, actual);
  }

  static Stream<Arguments> actionsOnGradients() {
    return Stream.of(
        action("gradient", (net, i) -> net.getGradientsViewArray().muli(0.5)),
        action("gradient of a layer", (net, i) -> net.gradient().getGradientFor("1_W").muli(0.5)),
        action("learning rate", (net, i) -> net.setLearningRate(0.1 / (i + 1))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("actionsOnGradients")
  void mayActOnTheGradient(String name, BiConsumer<MultiLayerNetwork, Integer> action) {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    expected.setListeners(new ActingOnGradients(action));
    actual.setListeners(new ActingOnGradients(action));
    fitBoth(expected, actual);
    assertSameNetworks(expected, actual);
  }

  /** Like early stopping that throws: the step before it counts, its iteration does not. */
  @Test
  void mayEndTheTraining() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    for (MultiLayerNetwork network : List.of(expected, actual)) {
      network.setListeners(new Acting(CompiledNetworkListenersTest::stop));
      IllegalStateException thrown =
          assertThrows(
              IllegalStateException.class,
              () -> {
                if (network == expected) {
                  network.fit(minibatchesOfContexts());
                } else {
                  CompiledNetwork.of(network).fit(minibatchesOfContexts());
                }
              });
      assertEquals("stop", thrown.getMessage());
      network.setListeners();
    }
    assertEquals(3, actual.getIterationCount());
    fitBoth(expected, actual);
    assertSameNetworks(expected, actual);
  }

  private static void stop(MultiLayerNetwork network, int iteration) {
    if (iteration == 3) {
      throw new IllegalStateException("stop");
    }
  }

  /** What is saved in mid-training goes on like the network itself. */
  @Test
  void maySaveTheNetwork() throws IOException {
    MultiLayerNetwork expected = charMlp(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork actual = twin(expected);
    ByteArrayOutputStream saved = new ByteArrayOutputStream();
    actual.setListeners(new Acting((network, i) -> saveAt(8, i, network, saved)));
    fitBoth(expected, actual);
    MultiLayerNetwork restored =
        ModelSerializer.restoreMultiLayerNetwork(
            new ByteArrayInputStream(saved.toByteArray()), true);
    MultiLayerNetwork stopped = charMlp(conf -> conf.updater(new Adam(0.01)));
    Acting atEight = new Acting((network, i) -> saveAt(8, i, network, new ByteArrayOutputStream()));
    stopped.setListeners(new Acting(CompiledNetworkListenersTest::stopAfterEight), atEight);
    try {
      stopped.fit(minibatchesOfContexts(), EPOCHS);
    } catch (IllegalStateException e) {
      assertEquals("after eight", e.getMessage());
    }
    assertSameBits(stopped.params(), restored.params(), "parameters");
    assertSameBits(
        stopped.getUpdater().getStateViewArray(),
        restored.getUpdater().getStateViewArray(),
        "updater state");
    assertEquals(8, restored.getIterationCount());
  }

  private static void saveAt(
      int when, int iteration, MultiLayerNetwork network, ByteArrayOutputStream to) {
    if (iteration == when) {
      try {
        ModelSerializer.writeModel(network, to, true);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static void stopAfterEight(MultiLayerNetwork network, int iteration) {
    if (iteration == 8) {
      throw new IllegalStateException("after eight");
    }
  }

  @Test
  void dl4jsOwnRun() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    CollectScoresIterationListener theirs = new CollectScoresIterationListener(1);
    CollectScoresIterationListener ours = new CollectScoresIterationListener(1);
    expected.setListeners(theirs);
    actual.setListeners(
        ours, new ScoreIterationListener(1), new PerformanceListener.Builder().build());
    fitBoth(expected, actual);
    assertEquals(5 * EPOCHS, theirs.getScoreVsIter().getEffectiveScores().length);
    assertArrayEquals(
        theirs.getScoreVsIter().getEffectiveScores(), ours.getScoreVsIter().getEffectiveScores());
    assertArrayEquals(
        theirs.getScoreVsIter().getEffectiveIndexes(), ours.getScoreVsIter().getEffectiveIndexes());
  }

  /** Fetching takes 40 ms, in a thread of its own: DL4J tells how long it waited for that. */
  @Test
  void seeHowLongTheTrainingWaited() {
    MultiLayerNetwork network = charMlp();
    List<Long> waited = new ArrayList<>();
    network.setListeners(new Acting((net, i) -> waited.add(net.getLastEtlTime())));
    CompiledNetwork.of(network).fit(new SlowIterator(minibatchesOfContexts(), 40), 2);
    assertEquals(10, waited.size());
    assertTrue(Collections.max(waited) >= 20, () -> waited + " ms");
  }
}
