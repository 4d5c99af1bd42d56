package org.backpropninja.training;

import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.backpropninja.training.Twins.I;
import static org.backpropninja.training.Twins.V;
import static org.backpropninja.training.Twins.assertSameBits;
import static org.backpropninja.training.Twins.assertSameNetworks;
import static org.backpropninja.training.Twins.charMlp;
import static org.backpropninja.training.Twins.contexts;
import static org.backpropninja.training.Twins.lossLayer;
import static org.backpropninja.training.Twins.minibatchesOfContexts;
import static org.backpropninja.training.Twins.reals;
import static org.backpropninja.training.Twins.settings;
import static org.backpropninja.training.Twins.twin;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.testing.Layers;
import org.deeplearning4j.datasets.iterator.IteratorDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.util.ModelSerializer;
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
import org.nd4j.linalg.learning.config.Adam;

/** Minibatches of all sizes, types and sources, and networks that are trained in both ways. */
class CompiledNetworkMinibatchesTest {

  private static MultiLayerNetwork ofReals(DataType type) {
    return stack(
        settings().dataType(type).updater(new Adam(0.01)),
        InputType.feedForward(I),
        new ManualDense.Builder().nOut(5).activation(Activation.IDENTITY).build(),
        new BatchNormBessel.Builder().activation(Activation.TANH).build(),
        new ManualDense.Builder().nOut(V).activation(Activation.IDENTITY).build(),
        lossLayer());
  }

  private static void fitBoth(
      MultiLayerNetwork expected, CompiledNetwork compiled, DataSet minibatch) {
    expected.fit(minibatch);
    compiled.fit(minibatch);
  }

  // Sizes

  /** Up, down, back again, and far down, where smaller buffers are made. */
  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"FLOAT", "DOUBLE"})
  void minibatchesMayBeOfAnySizeInTurn(DataType type) {
    MultiLayerNetwork expected = ofReals(type);
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    for (int n : new int[] {8, 8, 9, 7, 8, 300, 299, 290, 80, 2, 3, 300, 70, 300}) {
      fitBoth(expected, compiled, reals(n, n));
      assertSameNetworks(expected, actual);
    }
  }

  /** What a listener is shown has the minibatch's size, not that of the buffers. */
  @Test
  void activationsAreOfTheMinibatchsSize() {
    MultiLayerNetwork network = charMlp();
    List<String> shapes = new ArrayList<>();
    network.setListeners(
        new BaseTrainingListener() {
          @Override
          public void onForwardPass(Model model, List<INDArray> activations) {
            shapes.add(Arrays.toString(activations.get(1).shape()));
          }
        });
    CompiledNetwork compiled = CompiledNetwork.of(network);
    for (int n : new int[] {5, 9, 7, 9}) {
      compiled.fit(contexts(n, n));
    }
    assertEquals(List.of("[5, 6]", "[9, 6]", "[7, 6]", "[9, 6]"), shapes);
  }

  /** Buffers that are four times too large are given back. */
  @Test
  void aLargeMinibatchLeavesNothing() {
    MultiLayerNetwork network = charMlp();
    List<WeakReference<Object>> large = new ArrayList<>();
    network.setListeners(
        new BaseTrainingListener() {
          @Override
          public void onForwardPass(Model model, List<INDArray> activations) {
            if (activations.get(0).rows() == 4000) {
              activations.forEach(array -> large.add(new WeakReference<>(array.data())));
            }
          }
        });
    CompiledNetwork compiled = CompiledNetwork.of(network);
    compiled.fit(contexts(32, 1));
    compiled.fit(contexts(4000, 2));
    compiled.fit(contexts(32, 3));
    System.gc();
    assertEquals(5, large.size());
    assertTrue(large.stream().allMatch(data -> data.get() == null), () -> "some are left");
    Reference.reachabilityFence(compiled);
  }

  // Types, layouts, sources

  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"FLOAT", "DOUBLE", "INT", "LONG", "HALF", "UBYTE"})
  void indicesMayBeOfAnyType(DataType type) {
    for (DataType network : List.of(DataType.FLOAT, DataType.DOUBLE)) {
      MultiLayerNetwork expected = charMlp(conf -> conf.dataType(network));
      MultiLayerNetwork actual = twin(expected);
      CompiledNetwork compiled = CompiledNetwork.of(actual);
      for (int step = 0; step < 5; step++) {
        DataSet minibatch = contexts(6, step);
        minibatch.setFeatures(minibatch.getFeatures().castTo(type));
        minibatch.setLabels(minibatch.getLabels().castTo(type));
        fitBoth(expected, compiled, minibatch);
      }
      assertSameNetworks(expected, actual);
    }
  }

  static Stream<Arguments> realTypes() {
    return Stream.of(DataType.FLOAT, DataType.DOUBLE)
        .flatMap(
            network ->
                Stream.of(DataType.FLOAT, DataType.DOUBLE, DataType.INT32, DataType.FLOAT16)
                    .map(x -> Arguments.of(network, x)));
  }

  @ParameterizedTest
  @MethodSource("realTypes")
  void featuresMayBeOfAnyType(DataType network, DataType type) {
    MultiLayerNetwork expected = ofReals(network);
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    for (int step = 0; step < 5; step++) {
      DataSet minibatch = reals(6, step);
      minibatch.setFeatures(minibatch.getFeatures().mul(3).castTo(type));
      fitBoth(expected, compiled, minibatch);
    }
    assertSameNetworks(expected, actual);
  }

  @ParameterizedTest
  @EnumSource
  void featuresAndLabelsMayLieInAnyLayout(Layers.Layout layout) {
    MultiLayerNetwork expected = ofReals(DataType.FLOAT);
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    for (int step = 0; step < 5; step++) {
      DataSet minibatch = reals(6, step);
      minibatch.setFeatures(layout.of(minibatch.getFeatures()));
      minibatch.setLabels(layout.of(minibatch.getLabels()));
      fitBoth(expected, compiled, minibatch);
    }
    assertSameNetworks(expected, actual);
  }

  /** The same arrays with other content at every step, in place and where they are copied. */
  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {"FLOAT", "DOUBLE", "INT"})
  void arraysMayBeOverwritten(DataType type) {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    DataSet minibatch = contexts(6, 1);
    minibatch.setFeatures(minibatch.getFeatures().castTo(type));
    for (int step = 0; step < 6; step++) {
      DataSet next = contexts(6, step);
      minibatch.getFeatures().assign(next.getFeatures());
      minibatch.getLabels().assign(next.getLabels());
      fitBoth(expected, compiled, minibatch);
    }
    assertSameNetworks(expected, actual);
  }

  private static DataSetIterator withoutReset() {
    return new IteratorDataSetIterator(
        List.of(contexts(6, 1), contexts(6, 2), contexts(4, 3)).iterator(), 6);
  }

  @Test
  void anIteratorThatCannotBeResetLastsForOneEpoch() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    expected.fit(withoutReset());
    compiled.fit(withoutReset(), 1);
    assertSameNetworks(expected, actual);
    assertEquals(3, actual.getIterationCount());
    assertRefused(
        IllegalArgumentException.class,
        () -> compiled.fit(withoutReset(), 2),
        "epochs (2)",
        "1 for an iterator that cannot be reset");
    assertEquals(3, actual.getIterationCount());
  }

  /** DL4J ends the epoch there, and counts it. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aMinibatchWithoutFeaturesOrLabelsEndsTheEpoch(boolean features) {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    for (int epoch = 0; epoch < 2; epoch++) {
      expected.fit(withHole(features));
      compiled.fit(withHole(features));
      assertSameNetworks(expected, actual);
    }
    assertEquals(4, actual.getIterationCount());
    assertEquals(2, actual.getEpochCount());
  }

  /** Not asynchronous: DL4J's prefetching thread fails on such a minibatch. */
  private static DataSetIterator withHole(boolean features) {
    DataSet hole = contexts(6, 3);
    if (features) {
      hole.setFeatures(null);
    } else {
      hole.setLabels(null);
    }
    return new Synchronous(
        List.of(contexts(6, 1), contexts(6, 2), hole, contexts(6, 4)).iterator());
  }

  /** Handed over by the thread that trains. */
  private static final class Synchronous extends IteratorDataSetIterator {
    private static final long serialVersionUID = 1;

    Synchronous(Iterator<DataSet> minibatches) {
      super(minibatches, 6);
    }

    @Override
    public boolean asyncSupported() {
      return false;
    }
  }

  @Test
  void anIteratorThatIsUsedUpIsResetFirst() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    for (MultiLayerNetwork network : List.of(expected, actual)) {
      DataSetIterator iterator = minibatchesOfContexts();
      while (iterator.hasNext()) {
        iterator.next();
      }
      if (network == expected) {
        network.fit(iterator);
      } else {
        CompiledNetwork.of(network).fit(iterator);
      }
    }
    assertSameNetworks(expected, actual);
    assertEquals(5, actual.getIterationCount());
  }

  // Both ways in turn

  /** The same network by fit, compiled, by fit, compiled again, saved, restored, by fit. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void bothWaysInTurnAreOneTraining(boolean installed) throws IOException {
    MultiLayerNetwork expected = charMlp(conf -> conf.updater(new Adam(0.01)).l2(0.01));
    MultiLayerNetwork actual = twin(expected);
    if (installed) {
      FlatGradientUpdater.install(actual);
    }
    expected.fit(minibatchesOfContexts(), 7);
    actual.fit(minibatchesOfContexts());
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    compiled.fit(minibatchesOfContexts(), 2);
    actual.fit(minibatchesOfContexts());
    compiled.fit(minibatchesOfContexts());
    MultiLayerNetwork restored = restored(actual);
    CompiledNetwork.of(restored).fit(minibatchesOfContexts());
    restored = restored(restored);
    restored.fit(minibatchesOfContexts());
    assertSameBits(expected.params(), restored.params(), "parameters");
    assertSameBits(
        expected.getUpdater().getStateViewArray(),
        restored.getUpdater().getStateViewArray(),
        "updater state");
    assertEquals(35, restored.getIterationCount());
    assertEquals(7, restored.getEpochCount());
  }

  private static MultiLayerNetwork restored(MultiLayerNetwork network) throws IOException {
    ByteArrayOutputStream saved = new ByteArrayOutputStream();
    ModelSerializer.writeModel(network, saved, true);
    return ModelSerializer.restoreMultiLayerNetwork(
        new ByteArrayInputStream(saved.toByteArray()), true);
  }

  /** It drops the optimiser and with it the updater's state. */
  @Test
  void aNetworkThatWasClearedIsTrainedAsByFit() {
    MultiLayerNetwork expected = charMlp(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork before = CompiledNetwork.of(actual);
    expected.fit(minibatchesOfContexts(), 2);
    before.fit(minibatchesOfContexts(), 2);
    expected.clear();
    actual.clear();
    expected.fit(minibatchesOfContexts());
    CompiledNetwork.of(actual).fit(minibatchesOfContexts());
    expected.clear();
    actual.clear();
    expected.fit(minibatchesOfContexts());
    before.fit(minibatchesOfContexts());
    assertSameNetworks(expected, actual);
  }

  /** Then network.gradient() is of an array that nobody fills, until DL4J takes a step. */
  @Test
  void aNetworkThatMadeItsGradientAnewIsTrainedAsByFit() {
    MultiLayerNetwork expected = charMlp(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork actual = twin(expected);
    expected.fit(minibatchesOfContexts());
    actual.fit(minibatchesOfContexts());
    actual.initGradientsView();
    CompiledNetwork compiled = CompiledNetwork.of(actual);
    for (int step = 0; step < 3; step++) {
      fitBoth(expected, compiled, contexts(6, step));
      assertSameNetworks(expected, actual);
    }
    actual.initGradientsView();
    for (int step = 0; step < 3; step++) {
      fitBoth(expected, compiled, contexts(6, step));
      assertSameNetworks(expected, actual);
    }
  }

  /** Two compiled networks of one network, in turn. */
  @Test
  void aNetworkMayBeCompiledTwice() {
    MultiLayerNetwork expected = charMlp(conf -> conf.updater(new Adam(0.01)));
    MultiLayerNetwork actual = twin(expected);
    CompiledNetwork first = CompiledNetwork.of(actual);
    CompiledNetwork second = CompiledNetwork.of(actual);
    for (int step = 0; step < 10; step++) {
      fitBoth(expected, step % 3 == 0 ? first : second, contexts(6 + step, step));
    }
    assertSameNetworks(expected, actual);
  }

  /** Halves the gradient, and nothing else: no division by the minibatch. */
  private record Halving() implements Updater {
    private static final long serialVersionUID = 1;

    @Override
    public void setStateViewArray(Trainable layer, INDArray state, boolean initialize) {}

    @Override
    public INDArray getStateViewArray() {
      return null;
    }

    @Override
    public void update(
        Trainable layer,
        Gradient gradient,
        int iteration,
        int epoch,
        int batchSize,
        LayerWorkspaceMgr workspaces) {
      gradient.gradient().divi(2 * batchSize + iteration);
    }
  }

  @Test
  void anUpdaterThatTheUserWroteIsUsed() {
    MultiLayerNetwork expected = charMlp();
    MultiLayerNetwork actual = twin(expected);
    expected.setUpdater(new Halving());
    actual.setUpdater(new Halving());
    expected.fit(minibatchesOfContexts(), 3);
    CompiledNetwork.of(actual).fit(minibatchesOfContexts(), 3);
    assertSameNetworks(expected, actual);
  }

  @Test
  void aRuleIsLearned() {
    MultiLayerNetwork network = charMlp(conf -> conf.updater(new Adam(0.02)));
    CompiledNetwork compiled = CompiledNetwork.of(network);
    compiled.fit(contexts(32, 0));
    double first = network.score();
    for (int step = 1; step < 600; step++) {
      compiled.fit(contexts(32, step));
    }
    assertTrue(network.score() < first / 10, () -> first + " became " + network.score());
  }
}
