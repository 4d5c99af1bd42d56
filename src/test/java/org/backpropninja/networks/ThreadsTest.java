package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Eight clones of a network in eight threads are, bit for bit, what one is in one. */
class ThreadsTest {

  private static final int THREADS = 8;
  private static final int STEPS = 3;

  static Stream<RealNetwork> networks() {
    return RealNetwork.all();
  }

  private record Result(double[] params, double[] output) {

    static Result of(RealNetwork kind, Model network, int first) {
      Nets.train(network, kind.sample(), first, STEPS);
      return new Result(
          Nets.params(network), Nets.output(network, kind.sample().minibatch(first, 9)));
    }
  }

  /** Each on minibatches of its own, so that what one thread takes from another would show. */
  @ParameterizedTest
  @MethodSource("networks")
  void clonesOnThreads(RealNetwork kind) throws Exception {
    Model network = kind.network();
    CyclicBarrier start = new CyclicBarrier(THREADS);
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    List<Future<Result>> results = new ArrayList<>();
    for (int thread = 0; thread < THREADS; thread++) {
      int first = 100 * thread;
      Model clone = Nets.copy(network);
      results.add(
          threads.submit(
              () -> {
                start.await();
                return Result.of(kind, clone, first);
              }));
    }
    threads.shutdown();
    for (int thread = 0; thread < THREADS; thread++) {
      Result alone = Result.of(kind, Nets.copy(network), 100 * thread);
      Result together = results.get(thread).get();
      assertArrayEquals(alone.params(), together.params());
      assertArrayEquals(alone.output(), together.output());
    }
  }
}
