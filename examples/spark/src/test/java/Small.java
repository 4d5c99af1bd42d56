import java.util.List;
import java.util.stream.IntStream;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/** Words, minibatches and networks of a size for tests. */
final class Small {

  static final int T = 3;
  static final int BATCH = 16;
  static final List<String> WORDS = IntStream.range(0, 200).mapToObj(Small::word).toList();
  static final Vocabulary VOCABULARY = Vocabulary.of(WORDS);

  private Small() {}

  private static String word(int k) {
    return "" + (char) ('a' + k % 13) + (char) ('a' + k * 7 % 11) + (char) ('n' + k / 20);
  }

  /** What {@code parallelize} gives a worker of {@link #WORDS}. */
  static NamesDataset shard(int worker, int workers) {
    int n = WORDS.size();
    return new NamesDataset(
        VOCABULARY, T, WORDS.subList(worker * n / workers, (worker + 1) * n / workers));
  }

  static MinibatchIterator minibatches(NamesDataset data, long seed, int steps) {
    return new MinibatchIterator(data, new TorchRandom(seed), BATCH, steps);
  }

  static MultiLayerNetwork batchNormed(IUpdater updater) {
    return new CharMlp(VOCABULARY.size(), T, 4, 12)
        .network(updater, DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
  }

  static MultiLayerNetwork withoutBatchNorm(DataType type) {
    return network(
        type,
        new EmbeddingConcat.Builder().nIn(VOCABULARY.size()).nOut(4).build(),
        new ManualDense.Builder().nOut(12).activation(Activation.TANH).build(),
        new ManualDense.Builder().nOut(VOCABULARY.size()).activation(Activation.IDENTITY).build(),
        new LossLayer.Builder(new ManualCrossEntropyLoss()).activation(Activation.SOFTMAX).build());
  }

  /** Layers on contexts of {@link #T} characters, trained by plain gradient descent. */
  static MultiLayerNetwork network(DataType type, Layer... layers) {
    MultiLayerNetwork network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .dataType(type)
                .updater(new Sgd(0.1))
                .list(layers)
                .setInputType(InputType.feedForward(T))
                .build());
    network.init();
    return network;
  }

  static float[] parameters(MultiLayerNetwork network) {
    return network.params().toFloatVector();
  }

  /** What the updater remembers; nothing of Sgd. */
  static float[] state(MultiLayerNetwork network) {
    INDArray state = network.getUpdater().getStateViewArray();
    return state == null ? new float[0] : state.toFloatVector();
  }
}
