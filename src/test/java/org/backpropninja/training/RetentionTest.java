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
   * The heap in use by what is reachable: the least of some measurements. Between them ND4J's
   * threads let go of the arrays that the collection has found unreachable, perhaps those of an
   * earlier test.
   */
  private static long heap() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 5; i++) {
      System.gc();
      LockSupport.parkNanos(30_000_000);
      Runtime runtime = Runtime.getRuntime();
      least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
    }
    return least;
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
    long before = heap();
    MultiLayerNetwork small = kind.network();
    trainOnSmaller(kind, small);
    long needed = heap() - before;
    MultiLayerNetwork net = kind.network();
    kind.train(net, LARGE);
    trainOnSmaller(kind, net);
    assertLeftLessThan(
        MATRIX / 4, before + 2 * needed, "a minibatch of " + LARGE + " after three smaller ones");
    Reference.reachabilityFence(small);
    Reference.reachabilityFence(net);
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
    assertLeftLessThan(MATRIX / 8, before, "a network that is gone");
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
      assertLeftLessThan(4L << 20, before, "logits of 16 MiB and as many targets");
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
