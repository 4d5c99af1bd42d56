import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.CompiledNetwork;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.nd4j.linalg.api.buffer.DataType;

/** The ways to train the character MLP that {@link SparkAgainstFit} compares. */
enum WayToTrain {
  FIT("`network.fit(iterator)`", 1000),
  FIT_NEW_ARRAYS("`network.fit(DataSet)`, new arrays", 1000),
  COMPILED("`CompiledNetwork`", 1000),
  AVERAGING_1000("Spark, averaging 1000", 1000),
  AVERAGING_100("Spark, averaging 100", 100),
  AVERAGING_10("Spark, averaging 10", 10),
  AVERAGING_1("Spark, averaging 1", 1),
  DL4J_UPDATER("Spark, averaging 1000, DL4J's updater", 1000);

  static final int BATCH = 32;

  private static final int T = 3;
  private static final int EMBEDDING = 10;
  private static final int HIDDEN = 200;
  private static final int STEPS = 2000; // of the learning rate's schedule, so that it changes

  /** How the table calls it. */
  final String title;

  /** Steps of a round, whose minibatches have a seed. */
  final int averaging;

  WayToTrain(String title, int averaging) {
    this.title = title;
    this.averaging = averaging;
  }

  boolean isOnSpark() {
    return compareTo(AVERAGING_1000) >= 0;
  }

  /**
   * What all ways train on.
   *
   * @param file one name a line
   * @param dataset the same, encoded
   */
  record Examples(Path file, NamesDataset dataset) {

    static Examples read(Path file) throws IOException {
      List<String> words = NamesFile.read(file);
      return new Examples(file, new NamesDataset(Vocabulary.of(words), T, words));
    }

    /** The same network each time. */
    MultiLayerNetwork network() {
      return new CharMlp(dataset.vocabulary().size(), T, EMBEDDING, HIDDEN)
          .network(
              CharMlp.notebookSgd(STEPS),
              DataType.FLOAT,
              new TorchRandom(2147483647),
              new TorchRandom(42));
    }

    MinibatchIterator minibatches(long seed, int steps) {
      return new MinibatchIterator(dataset, new TorchRandom(seed), BATCH, steps);
    }

    /** On the only worker. */
    JavaRDD<NamesDataset> on(JavaSparkContext spark) {
      return NamesOnSpark.encode(spark.textFile(file.toString(), 1), dataset.vocabulary(), T)
          .cache();
    }
  }

  /**
   * Tells how a network is trained for a round.
   *
   * @param spark null if the way needs none
   * @return takes the seed of the round's minibatches
   */
  LongConsumer rounds(MultiLayerNetwork network, Examples examples, JavaSparkContext spark) {
    return switch (this) {
      case FIT -> seed -> network.fit(examples.minibatches(seed, averaging).overwriting());
      case FIT_NEW_ARRAYS ->
          seed -> examples.minibatches(seed, averaging).forEachRemaining(network::fit);
      case COMPILED -> {
        CompiledNetwork compiled = CompiledNetwork.of(network);
        yield seed -> compiled.fit(examples.minibatches(seed, averaging).overwriting());
      }
      case DL4J_UPDATER -> {
        SparkDl4jMultiLayer training =
            new SparkDl4jMultiLayer(
                spark,
                network,
                AveragedTraining.settings(1, BATCH, averaging).trainingHooks(List.of()).build());
        JavaRDD<NamesDataset> data = examples.on(spark);
        yield seed -> training.fit(NamesOnSpark.minibatches(data, BATCH, averaging, seed));
      }
      default -> {
        AveragedTraining training = new AveragedTraining(spark, network, 1, BATCH, averaging);
        JavaRDD<NamesDataset> data = examples.on(spark);
        yield seed -> training.round(NamesOnSpark.minibatches(data, BATCH, averaging, seed));
      }
    };
  }

  /**
   * Trains as {@code network.fit} does, and compares.
   *
   * @param trained this way, for rounds with the seeds from 0
   * @throws IllegalStateException if a parameter differs in any bit
   */
  void requireWhatFitGives(MultiLayerNetwork trained, Examples examples, int rounds) {
    MultiLayerNetwork fitted = examples.network();
    for (int seed = 0; seed < rounds; seed++) {
      fitted.fit(examples.minibatches(seed, averaging).overwriting());
    }
    float[] own = trained.params().toFloatVector();
    float[] fits = fitted.params().toFloatVector();
    int k = Arrays.mismatch(own, fits);
    if (k >= 0) {
      throw new IllegalStateException(
          "%s: parameter %d is %s after %d rounds of %d, must be network.fit's %s"
              .formatted(title, k, own[k], rounds, averaging, fits[k]));
    }
  }
}
