package org.backpropninja.bench;

import java.nio.file.Path;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Sgd;

/** This library's layers, its loss and its character MLP, trained one way or the other. */
final class OurWorkloads implements Workloads {

  static final int T = 3;
  static final int D = 10;
  static final double LEARNING_RATE = 0.1;

  private final Function<MultiLayerNetwork, Consumer<DataSet>> training;

  /**
   * Trains with {@code network.fit} or otherwise.
   *
   * @param training makes of a network what takes one minibatch and trains the network on it
   */
  OurWorkloads(Function<MultiLayerNetwork, Consumer<DataSet>> training) {
    this.training = training;
  }

  @Override
  public Supplier<?> batchNorm(long... shape) {
    return new LayerStep(
        new BatchNormBessel.Builder()
            .nIn(shape[1])
            .convention(BatchNormBessel.Convention.KERAS) // DL4J's
            .build(),
        Data.normal(shape),
        Data.normal(shape));
  }

  @Override
  public Supplier<?> embedding(int V, int D, int T, int n) {
    return new LayerStep(
        new EmbeddingConcat.Builder().nIn(V).nOut(D).inputLength(T).build(),
        Data.indices(new Random(1), V, n, T),
        Data.normal(n, (long) T * D));
  }

  @Override
  public Supplier<?> crossEntropy(int V, int n) {
    return new LossStep(
        new ManualCrossEntropyLoss(), Data.indices(new Random(1), V, n, 1), Data.normal(n, V));
  }

  @Override
  public Supplier<?> dense(int n, int I, int H) {
    return new LayerStep(
        new ManualDense.Builder().nIn(I).nOut(H).activation(Activation.IDENTITY).build(),
        Data.normal(n, I),
        Data.normal(n, H));
  }

  @Override
  public Supplier<?> fit(int n, int H, int V) {
    return new FitStep(training.apply(network(V, H)), Data.minibatches(n, V, indices -> indices));
  }

  @Override
  public Supplier<?> draw(int n, int H) {
    NamesDataset names = NamesSplit.of(NamesFile.read(Path.of("names.txt")), T).train();
    Consumer<DataSet> trainer = training.apply(network(names.vocabulary().size(), H));
    MinibatchIterator minibatches =
        new MinibatchIterator(names, new TorchRandom(3), n, Integer.MAX_VALUE).overwriting();
    return () -> {
      trainer.accept(minibatches.next());
      return trainer;
    };
  }

  private static MultiLayerNetwork network(int V, int H) {
    return new CharMlp(V, T, D, H)
        .network(new Sgd(LEARNING_RATE), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
  }
}
