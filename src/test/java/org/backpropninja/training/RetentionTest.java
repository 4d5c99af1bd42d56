package org.backpropninja.training;

import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.Reference;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * Buffers do not outlive their use.
 *
 * <p>Measured is the Java heap after garbage collection, where the buffers are. One matrix of the
 * large minibatches takes {@link #MATRIX} bytes in float; less than half of that may be left.
 */
class RetentionTest {

  private static final int WIDTH = 200;
  private static final int LARGE = 40_000;
  private static final long MATRIX = 4L * LARGE * WIDTH; // 32 MB

  /** What is kept of a large minibatch by layers of each kind. */
  private enum Kind {
    BATCH_NORM {
      @Override
      Layer layer() {
        return new BatchNormBessel.Builder().activation(Activation.IDENTITY).build();
      }
    },
    BATCH_NORM_TANH {
      @Override
      Layer layer() {
        return new BatchNormBessel.Builder().activation(Activation.TANH).build();
      }
    },
    BATCH_NORM_RELU {
      @Override
      Layer layer() {
        return new BatchNormBessel.Builder().activation(Activation.RELU).build();
      }
    },
    DENSE_TANH {
      @Override
      Layer layer() {
        return new ManualDense.Builder().nOut(WIDTH).activation(Activation.TANH).build();
      }
    },
    DENSE_RELU {
      @Override
      Layer layer() {
        return new ManualDense.Builder().nOut(WIDTH).activation(Activation.RELU).build();
      }
    },
    EMBEDDING {
      @Override
      Layer layer() {
        return new EmbeddingConcat.Builder().nIn(9).nOut(WIDTH / 2).build();
      }

      @Override
      INDArray features(int n) {
        return Nd4j.valueArrayOf(new long[] {n, 2}, 3.0, DataType.FLOAT);
      }
    };

    abstract Layer layer();

    INDArray features(int n) {
      return Nd4j.rand(DataType.FLOAT, n, WIDTH);
    }

    MultiLayerNetwork network() {
      return stack(
          settings(DataType.FLOAT).updater(new Sgd(1e-3)),
          InputType.feedForward(features(1).size(1)),
          layer(),
          new OutputLayer.Builder(new ManualCrossEntropyLoss())
              .nOut(2)
              .activation(Activation.SOFTMAX)
              .build());
    }

    void train(MultiLayerNetwork net, int n) {
      net.fit(new DataSet(features(n), Nd4j.zeros(DataType.FLOAT, n, 1)));
    }
  }

  /**
   * The heap in use by what is reachable, when it has come to rest: threads of earlier tests may
   * still hold something for a while.
   */
  private static long heap() {
    long last = Long.MAX_VALUE;
    for (int i = 0, alike = 0; i < 100 && alike < 3; i++) {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      long used = runtime.totalMemory() - runtime.freeMemory();
      alike = Math.abs(used - last) < 1 << 20 ? alike + 1 : 0;
      last = used;
      LockSupport.parkNanos(20_000_000);
    }
    return last;
  }

  private static void assertLeftLessThan(long bytes, long before, String of) {
    long left = heap() - before;
    assertTrue(
        left < bytes,
        () -> "%,d bytes are left of %s, may be %,d at most".formatted(left, of, bytes));
  }

  /** Nothing of inference is kept for a way back that does not come. */
  @ParameterizedTest
  @EnumSource
  void inferenceLeavesNothing(Kind kind) {
    MultiLayerNetwork net = kind.network();
    kind.train(net, 32);
    net.output(kind.features(32));
    long before = heap();
    net.output(kind.features(LARGE)).close();
    assertLeftLessThan(MATRIX / 2, before, "an output of " + LARGE + " examples");
    Reference.reachabilityFence(net);
  }

  /** Minibatches that are much smaller than one before do not pay for it. */
  @ParameterizedTest
  @EnumSource
  void buffersShrink(Kind kind) {
    trainAndDrop(kind, 32); // what is loaded and made once
    long afterSmall = retained(() -> trainedOnSmaller(kind, kind.network()));
    long afterLarge =
        retained(
            () -> {
              MultiLayerNetwork net = kind.network();
              kind.train(net, LARGE);
              return trainedOnSmaller(kind, net);
            });
    assertTrue(
        afterLarge < afterSmall + MATRIX / 4,
        () ->
            "%,d bytes are kept after a minibatch of %d and three smaller ones, %,d without it"
                .formatted(afterLarge, LARGE, afterSmall));
  }

  /** What is given back when a network is dropped. */
  private static long retained(Supplier<MultiLayerNetwork> trained) {
    MultiLayerNetwork[] net = {trained.get()};
    long with = heap();
    Reference.reachabilityFence(net[0]);
    net[0] = null;
    return with - heap();
  }

  private static MultiLayerNetwork trainedOnSmaller(Kind kind, MultiLayerNetwork net) {
    trainOnSmaller(kind, net);
    return net;
  }

  private static void trainOnSmaller(Kind kind, MultiLayerNetwork net) {
    for (int step = 0; step < 3; step++) {
      kind.train(net, LARGE / 5);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aNetworkThatIsGoneLeavesNothing(Kind kind) {
    trainAndDrop(kind, 32);
    long before = heap();
    trainAndDrop(kind, LARGE);
    assertLeftLessThan(MATRIX / 2, before, "a network that is gone"); // what is kept is one or more
  }

  private static void trainAndDrop(Kind kind, int n) {
    kind.train(kind.network(), n);
  }

  /** The loss serves all copies of a network and all threads, and outlives them. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theLossOfANetworkThatIsGoneLeavesNothing(boolean onAThreadThatStays) throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    Executor where = onAThreadThatStays ? thread::submit : Runnable::run;
    try {
      CompletableFuture.runAsync(() -> trainLossAndDrop(32), where).get();
      long before = heap();
      CompletableFuture.runAsync(() -> trainLossAndDrop(2048), where).get();
      assertLeftLessThan(8L << 20, before, "logits of 16 MiB and as many targets"); // half of them
    } finally {
      thread.shutdownNow();
    }
  }

  private static void trainLossAndDrop(int n) {
    int V = 2048;
    MultiLayerNetwork net =
        stack(
            settings(DataType.FLOAT).updater(new Sgd(1e-3)),
            InputType.feedForward(3),
            new ManualDense.Builder().nOut(V).activation(Activation.IDENTITY).build(),
            new LossLayer.Builder(new ManualCrossEntropyLoss())
                .activation(Activation.SOFTMAX)
                .build());
    net.fit(
        new DataSet(
            Nd4j.rand(DataType.FLOAT, n, 3),
            Nd4j.valueArrayOf(new long[] {n, V}, 0.3, DataType.FLOAT)));
  }
}
