import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.nd4j.linalg.dataset.DataSet;

/**
 * Names that stay on the workers, encoded, 2 bytes an example.
 *
 * @param vocabulary of all names
 * @param train one NamesDataset a partition, of about 80 % of the names
 * @param validation of about 10 %
 * @param test of about 10 %
 */
record NamesOnSpark(
    Vocabulary vocabulary,
    JavaRDD<NamesDataset> train,
    JavaRDD<NamesDataset> validation,
    JavaRDD<NamesDataset> test) {

  private static final int CHUNK = 4096; // examples at a time where a whole set goes through
  private static final long SPLIT_SEED = 42;
  private static final long SEEDS = 0xFFFF_FFFFL;

  /**
   * Splits and encodes names.
   *
   * @param words one an element
   * @param contextLength T
   * @param workers the number of partitions of each part
   * @throws IllegalArgumentException if there is no name, or one is blank
   */
  static NamesOnSpark of(JavaRDD<String> words, int contextLength, int workers) {
    requireNames(words);
    Vocabulary vocabulary =
        Vocabulary.of(
            words
                .flatMap(word -> word.chars().mapToObj(Character::toString).iterator())
                .distinct()
                .collect());
    List<JavaRDD<NamesDataset>> parts =
        Arrays.stream(words.randomSplit(new double[] {0.8, 0.1, 0.1}, SPLIT_SEED))
            .map(part -> encode(part.repartition(workers), vocabulary, contextLength).cache())
            .toList();
    return new NamesOnSpark(vocabulary, parts.get(0), parts.get(1), parts.get(2));
  }

  private static void requireNames(JavaRDD<String> words) {
    if (words.isEmpty()) {
      throw new IllegalArgumentException("names hold no name");
    }
    long blank = words.filter(String::isBlank).count();
    if (blank > 0) {
      throw new IllegalArgumentException(
          "names hold %d blank lines, must hold none".formatted(blank));
    }
  }

  /** One NamesDataset a partition; none where there are no words. */
  static JavaRDD<NamesDataset> encode(
      JavaRDD<String> words, Vocabulary vocabulary, int contextLength) {
    return words
        .glom()
        .filter(some -> !some.isEmpty())
        .map(some -> new NamesDataset(vocabulary, contextLength, some));
  }

  /** Reads one name a line. */
  static JavaRDD<String> read(JavaSparkContext spark, String names, int workers) {
    return spark.textFile(names, workers);
  }

  /** Draws minibatches on the workers; the same again whenever Spark computes them anew. */
  static JavaRDD<DataSet> minibatches(JavaRDD<NamesDataset> data, int batch, int each, long seed) {
    return data.mapPartitionsWithIndex(
        (partition, own) -> minibatches(own, batch, each, (seed + partition) & SEEDS), true);
  }

  private static Iterator<DataSet> minibatches(
      Iterator<NamesDataset> own, int batch, int each, long seed) {
    return own.hasNext()
        ? new MinibatchIterator(own.next(), new TorchRandom(seed), batch, each)
        : Collections.emptyIterator();
  }

  /** All examples, some thousands at a time. */
  static JavaRDD<DataSet> chunks(JavaRDD<NamesDataset> data) {
    return data.flatMap(own -> own.chunks(CHUNK));
  }

  /** Counts the examples. */
  static int size(JavaRDD<NamesDataset> data) {
    return data.map(NamesDataset::size).fold(0, Math::addExact);
  }
}
