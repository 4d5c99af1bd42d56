package org.backpropninja.networks;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.parallelism.ParallelInference;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.inference.InferenceMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Sgd;

/** DL4J's ways to run one network on several threads. */
class ParallelTest {

  private static final int WORKERS = 2;
  private static final int ROUNDS = 3;
  private static final Duration LIMIT = Duration.ofMinutes(2);

  static Stream<RealNetwork> networks() {
    return RealNetwork.all();
  }

  // Training

  /**
   * Hands out nothing before each worker has its copy of the network: DL4J does not wait, and a
   * worker that is late copies what the first one has already trained, stock layers too.
   */
  private static final class AfterCopying extends ExistingDataSetIterator {

    private ParallelWrapper wrapper;

    AfterCopying(List<DataSet> minibatches) {
      super(minibatches);
    }

    @Override
    public boolean asyncSupported() {
      return false; // or it would be asked from another thread
    }

    @Override
    public boolean hasNext() {
      while (!IntStream.range(0, WORKERS).allMatch(this::isReady)) {
        LockSupport.parkNanos(1_000_000);
      }
      return super.hasNext();
    }

    /** The first worker has the network itself; listeners are the last thing that a copy gets. */
    private boolean isReady(int worker) {
      Model network = wrapper.getZoo()[worker].getModel();
      return (worker == 0 || network != wrapper.getModel()) && hasListener(network);
    }

    private static boolean hasListener(Model network) {
      return network instanceof ComputationGraph graph
          ? !graph.getListeners().isEmpty()
          : network instanceof MultiLayerNetwork stack && !stack.getListeners().isEmpty();
    }
  }

  private static List<DataSet> minibatches(RealNetwork kind) {
    List<DataSet> minibatches = new ArrayList<>();
    for (int seed = 0; seed < WORKERS * ROUNDS; seed++) {
      minibatches.add(kind.sample().minibatch(seed, 7));
    }
    return minibatches;
  }

  private static void train(
      Model network, List<DataSet> minibatches, ParallelWrapper.TrainingMode mode) {
    AfterCopying data = new AfterCopying(minibatches);
    ParallelWrapper wrapper =
        new ParallelWrapper.Builder<>(network)
            .workers(WORKERS)
            .prefetchBuffer(0)
            .averagingFrequency(1)
            .trainingMode(mode)
            .build();
    wrapper.setListeners(new BaseTrainingListener() {});
    data.wrapper = wrapper;
    wrapper.fit(data); // closes the wrapper, too
  }

  /** After each round both have the mean of the parameters, running statistics included. */
  @ParameterizedTest
  @MethodSource("networks")
  void averagingIsTheMeanOfTheWorkers(RealNetwork kind) {
    RealNetwork plain = kind.with(new Sgd(0.1)); // whose state need not be averaged
    Model network = plain.network();
    Model[] workers = {Nets.copy(network), Nets.copy(network)};
    List<DataSet> minibatches = minibatches(kind);
    for (int round = 0; round < ROUNDS; round++) {
      for (int worker = 0; worker < WORKERS; worker++) {
        Nets.fit(workers[worker], minibatches.get(WORKERS * round + worker));
      }
      INDArray mean = workers[0].params().add(workers[1].params()).div(2);
      for (Model worker : workers) {
        worker.setParams(mean.dup());
      }
    }
    assertTimeoutPreemptively(
        LIMIT, () -> train(network, minibatches(kind), ParallelWrapper.TrainingMode.AVERAGING));
    assertArrayEquals(Nets.params(workers[0]), Nets.params(network));
  }

  /** One call of fit: on a second one DL4J hangs, with its own layers too. */
  @ParameterizedTest
  @MethodSource("networks")
  void sharedGradientsMoveTheParameters(RealNetwork kind) {
    Model network = kind.network();
    Model before = Nets.copy(network);
    assertTimeoutPreemptively(
        LIMIT,
        () -> train(network, minibatches(kind), ParallelWrapper.TrainingMode.SHARED_GRADIENTS));
    for (String key : network.paramTable().keySet()) {
      double[] after = NdArrays.values(network.getParam(key));
      assertTrue(Arrays.stream(after).allMatch(Double::isFinite), () -> Arrays.toString(after));
      boolean moved = !Arrays.equals(NdArrays.values(before.getParam(key)), after);
      assertTrue(moved || key.endsWith("_b"), key); // a bias below batch norm has no gradient
    }
    assertTrue(Double.isFinite(network.score()));
  }

  /**
   * The network itself is the first worker, whose minibatches are every other one; a batch norm of
   * the input has seen them alone, whatever gradients come from elsewhere.
   */
  @ParameterizedTest
  @MethodSource("normalisingTheirInput")
  void sharedGradientsLeaveRunningStatisticsAlone(RealNetwork kind) {
    Model network = kind.network();
    Model alone = Nets.copy(network);
    List<DataSet> minibatches = minibatches(kind);
    for (int round = 0; round < ROUNDS; round++) {
      Nets.fit(alone, minibatches.get(WORKERS * round));
    }
    assertTimeoutPreemptively(
        LIMIT,
        () -> train(network, minibatches(kind), ParallelWrapper.TrainingMode.SHARED_GRADIENTS));
    String norm = kind.prefix("inputNorm");
    for (String key : List.of(norm + "_mean", norm + "_var", norm + "_batches")) {
      assertArrayEquals(
          NdArrays.values(alone.getParam(key)), NdArrays.values(network.getParam(key)), key);
    }
  }

  /** With a batch norm of the input, for which it must be numbers. */
  static Stream<RealNetwork> normalisingTheirInput() {
    return networks()
        .filter(kind -> !kind.names().contains("emb"))
        .map(
            kind -> {
              List<Layer> layers = new ArrayList<>(kind.layers());
              layers.add(0, Sample.averaging("inputNorm").build());
              return kind.with(layers);
            });
  }

  // Inference

  /** BATCHED merges requests, and DL4J merges sequences as if they were all NCW. */
  static Stream<Arguments> networksAndModes() {
    return networks()
        .flatMap(
            kind ->
                Stream.of(InferenceMode.values())
                    .filter(mode -> kind.sample() != Sample.WORDS || mode != InferenceMode.BATCHED)
                    .map(mode -> Arguments.of(kind, mode)));
  }

  /** Four requests at once, of sizes that differ. */
  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("networksAndModes")
  void inferenceGivesTheNetworksNumbers(RealNetwork kind, InferenceMode mode) throws Exception {
    Model network = kind.network();
    ParallelInference inference =
        new ParallelInference.Builder(network).inferenceMode(mode).workers(WORKERS).build();
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<DataSet> requests = IntStream.range(3, 7).mapToObj(n -> request(kind, n)).toList();
      List<Future<INDArray>> answers = new ArrayList<>();
      for (DataSet request : requests) {
        answers.add(threads.submit(() -> inference.output(request)));
      }
      for (int i = 0; i < requests.size(); i++) {
        double[] answer = NdArrays.values(answers.get(i).get(2, TimeUnit.MINUTES));
        assertClose("output " + i, Nets.output(network, requests.get(i)), answer, 1e-12);
      }
    } finally {
      threads.shutdownNow();
      inference.shutdown();
    }
  }

  private static DataSet request(RealNetwork kind, int n) {
    DataSet minibatch = kind.sample().minibatch(n, n);
    minibatch.setLabelsMaskArray(null); // where there are no labels there is no mask of them
    return minibatch;
  }
}
