import java.util.Collections;
import java.util.Iterator;
import org.apache.spark.HashPartitioner;
import org.apache.spark.api.java.JavaRDD;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.nd4j.linalg.dataset.DataSet;
import scala.Tuple2;
import scala.util.hashing.MurmurHash3$;

/**
 * Names that stay on the workers, encoded, 2 bytes an example.
 *
 * <p>Which part a name is in, and on which worker, depends on its characters and the number of
 * workers alone: not on the order of the names nor on how files are cut. Equal names share a part,
 * so no name is both trained on and judged by. On a worker the names are sorted. Hence the same
 * names give the same examples in the same order, also when Spark computes a lost partition again.
 *
 * @param words how many names there are, in all parts
 * @param vocabulary of all names
 * @param train one NamesDataset a partition, of about 80 % of the names
 * @param validation of about 10 %
 * @param test of about 10 %
 */
record NamesOnSpark(
    int words,
    Vocabulary vocabulary,
    JavaRDD<NamesDataset> train,
    JavaRDD<NamesDataset> validation,
    JavaRDD<NamesDataset> test) {

  /** Examples at a time where a whole set goes through. */
  static final int CHUNK = 4096;

  private static final int SPLIT_SEED = 42;

  /**
   * Splits and encodes names.
   *
   * @param words one an element, checked
   * @param contextLength T
   * @param workers the number of partitions of each part
   * @throws InvalidNamesException if a part would be empty, a worker had nothing to train on, or
   *     there are more examples than {@code summary.json} can count
   */
  static NamesOnSpark of(JavaRDD<String> words, int contextLength, int workers) {
    long count = requireCountable(words);
    if (count < workers) {
      throw tooManyWorkers(workers, count, count);
    }
    JavaRDD<String> dealt =
        words
            .mapToPair(word -> new Tuple2<>(word, true))
            .repartitionAndSortWithinPartitions(new HashPartitioner(workers))
            .keys();
    Vocabulary vocabulary =
        Vocabulary.of(
            dealt
                .flatMap(word -> word.codePoints().mapToObj(Character::toString).iterator())
                .distinct()
                .collect());
    NamesOnSpark names =
        new NamesOnSpark(
            (int) count,
            vocabulary,
            encode(part(dealt, 0, 8), vocabulary, contextLength).cache(),
            encode(part(dealt, 8, 9), vocabulary, contextLength).cache(),
            encode(part(dealt, 9, 10), vocabulary, contextLength).cache());
    names.requireSome(workers);
    return names;
  }

  /** The names whose hash, in tenths, is from one to below the other. */
  private static JavaRDD<String> part(JavaRDD<String> words, int from, int below) {
    return words.filter(
        word -> {
          int tenth = Math.floorMod(MurmurHash3$.MODULE$.stringHash(word, SPLIT_SEED), 10);
          return from <= tenth && tenth < below;
        });
  }

  /** Counts the words; their examples are what must fit in an int. */
  private static long requireCountable(JavaRDD<String> words) {
    long[] counts =
        words
            .map(word -> new long[] {1, word.codePointCount(0, word.length()) + 1L})
            .fold(new long[2], (a, b) -> new long[] {a[0] + b[0], a[1] + b[1]});
    if (counts[1] > Integer.MAX_VALUE) {
      throw new InvalidNamesException(
          "names give %d examples, must give at most %d".formatted(counts[1], Integer.MAX_VALUE));
    }
    return counts[0];
  }

  private void requireSome(int workers) {
    if (train.isEmpty() || validation.isEmpty() || test.isEmpty()) {
      throw new InvalidNamesException(
          "words (%d) must be more, for training, validation and test to have one each"
              .formatted(words));
    }
    long training = train.count();
    if (training < workers) {
      throw tooManyWorkers(workers, words, training);
    }
  }

  private static InvalidNamesException tooManyWorkers(int workers, long words, long most) {
    return new InvalidNamesException(
        "workers (%d) must be fewer: %d words give at most %d of them some to train on"
            .formatted(workers, words, most));
  }

  /** One NamesDataset a partition; none where there are no words. */
  static JavaRDD<NamesDataset> encode(
      JavaRDD<String> words, Vocabulary vocabulary, int contextLength) {
    return words
        .glom()
        .filter(some -> !some.isEmpty())
        .map(some -> new NamesDataset(vocabulary, contextLength, some));
  }

  /**
   * Draws minibatches on the workers; the same again whenever Spark computes them anew.
   *
   * @param data a partition for each worker
   * @param batch examples in a minibatch
   * @param each minibatches of each worker
   * @param seed of the first worker; the next one's is one more
   */
  static JavaRDD<DataSet> minibatches(JavaRDD<NamesDataset> data, int batch, int each, long seed) {
    return data.mapPartitionsWithIndex(
        (worker, own) -> minibatches(own, batch, each, seed + worker), true);
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

  /** Counts the examples of each part. */
  Parts<Integer> examples() {
    return new Parts<>(size(train), size(validation), size(test));
  }

  private static int size(JavaRDD<NamesDataset> data) {
    return data.map(NamesDataset::size).fold(0, Math::addExact);
  }
}
