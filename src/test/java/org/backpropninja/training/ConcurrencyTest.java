package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.backpropninja.names.CharMlp;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;

/** Networks in several threads at once give, bit for bit, what each gives alone. */
class ConcurrencyTest {

  private static final int STEPS = 300;
  private static final int T = 3;

  /** A network with minibatches of its own; the sizes differ, so a shared buffer would show. */
  private enum Job {
    FIRST(27, 64, 32),
    SECOND(40, 100, 48);

    private final int V;
    private final int H;
    private final int n;

    Job(int V, int H, int n) {
      this.V = V;
      this.H = H;
      this.n = n;
    }

    MultiLayerNetwork network() {
      return new CharMlp(V, T, 10, H)
          .network(new Adam(0.01), DataType.FLOAT, new TorchRandom(V), new TorchRandom(H));
    }

    Minibatches minibatches() {
      return new Minibatches(V, T, n);
    }

    /** Trains from the beginning and returns all parameters. */
    float[] train() {
      MultiLayerNetwork network = network();
      Minibatches minibatches = minibatches();
      for (int step = 0; step < STEPS; step++) {
        network.fit(minibatches.next());
      }
      return network.params().toFloatVector();
    }

    /** Infers again and again and returns every output. */
    List<float[]> infer() {
      MultiLayerNetwork network = network();
      Minibatches minibatches = minibatches();
      List<float[]> outputs = new ArrayList<>();
      for (int step = 0; step < STEPS; step++) {
        INDArray out = network.output(minibatches.next().getFeatures());
        outputs.add(out.data().asFloat());
      }
      return outputs;
    }
  }

  @Test
  void twoTrainAtOnce() throws Exception {
    float[] first = Job.FIRST.train();
    float[] second = Job.SECOND.train();
    List<float[]> both = atOnce(Job.FIRST::train, Job.SECOND::train);
    assertArrayEquals(first, both.get(0));
    assertArrayEquals(second, both.get(1));
  }

  @Test
  void oneInfersWhileTheOtherTrains() throws Exception {
    float[] trained = Job.FIRST.train();
    List<float[]> inferred = Job.SECOND.infer();
    List<Object> both = atOnce(Job.FIRST::train, Job.SECOND::infer);
    assertArrayEquals(trained, (float[]) both.get(0));
    assertArrayEquals(inferred.toArray(), ((List<?>) both.get(1)).toArray());
  }

  /** Starts both together, each in a thread of its own. */
  private static <R> List<R> atOnce(Callable<? extends R> one, Callable<? extends R> other)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      CyclicBarrier start = new CyclicBarrier(2);
      List<Future<R>> running = new ArrayList<>();
      for (Callable<? extends R> job : List.of(one, other)) {
        running.add(
            threads.submit(
                () -> {
                  start.await();
                  return job.call();
                }));
      }
      return List.of(running.get(0).get(), running.get(1).get());
    } finally {
      threads.shutdownNow();
    }
  }
}
