import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.Vocabulary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.dataset.DataSet;
import scala.util.hashing.MurmurHash3$;

/** Names as Spark reads them, and where each of them goes. */
class NamesOnSparkTest {

  private static final int WORKERS = 2;

  private static JavaSparkContext spark;

  @TempDir Path folder;

  @BeforeAll
  static void start() {
    spark = Spark.local(WORKERS);
  }

  @AfterAll
  static void stop() {
    spark.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "emma\nava\nzoë\n",
        "emma\nava\nzoë",
        "emma\r\nava\r\nzoë\r\n",
        "emma\rava\rzoë",
        "\uFEFFemma\nava\nzoë\n",
        "emma\nava\nzoë\n\n",
        "\uFEFFemma\r\nava\r\nava\r\n\r\n",
        "\n\n emma\t\n \nava\n\u00a0\nzoë\n\n\n",
        "emma\nzoe😀\n👩\u200d👧\n"
      })
  void readsWhatNamesFileReads(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("names.txt"), content);
    for (int partitions : new int[] {1, 3, 20}) {
      assertEquals(
          NamesFile.read(file), NamesFiles.read(spark, file.toString(), partitions).collect());
    }
  }

  static Stream<byte[]> unusable() {
    return Stream.concat(
        Stream.of(
                "emma\n\nava\n\nx\n",
                " emma \nmary ann\n",
                "emma\r\na.va\r\n",
                "emma\nem\u00a0ma\nx\n",
                "emma\n\uFEFFava\n",
                "emma\nem\u202ema\n",
                "emma\n😀\n")
            .map(content -> content.getBytes(UTF_8)),
        Stream.of("emma\nava\nzoë\nmia\n".getBytes(ISO_8859_1)));
  }

  @ParameterizedTest
  @MethodSource("unusable")
  void refusesWhatNamesFileRefusesInItsWords(byte[] content) throws IOException {
    Path file = Files.write(folder.resolve("names.txt"), content);
    String expected =
        assertThrows(InvalidNamesException.class, () -> NamesFile.read(file)).getMessage();
    for (int partitions : new int[] {1, 3}) {
      assertRefused(expected, () -> NamesFiles.read(spark, file.toString(), partitions));
    }
  }

  @Test
  void refusesFilesThatAreNotThereOrHoldNothing() throws IOException {
    Path absent = folder.resolve("absent");
    assertRefused(absent + " does not exist", () -> read(absent));
    assertRefused(folder + "/*.txt does not exist", () -> read(folder.resolve("*.txt")));
    assertRefused(folder + " holds no name", () -> read(folder));
    Path blank = Files.writeString(folder.resolve("blank"), "\n");
    assertRefused(blank + " holds no name", () -> read(blank));
    String cannot =
        assertThrows(
                InvalidNamesException.class, () -> NamesFiles.read(spark, "nosuch://host/names", 2))
            .getMessage();
    assertTrue(cannot.startsWith("nosuch://host/names cannot be read: "), cannot);
    assertEquals(1, cannot.lines().count(), cannot);
  }

  @Test
  void readsFoldersAndPatternsAndNamesTheFileThatIsWrong() throws IOException {
    Files.writeString(folder.resolve("a.txt"), "emma\nava\n\n");
    Path b = Files.writeString(folder.resolve("b.txt"), "mia\nzoë\n\n");
    Set<String> all = Set.of("emma", "ava", "mia", "zoë");
    for (String source : List.of(folder.toString(), folder + "/*.txt", "file:" + folder)) {
      assertEquals(all, Set.copyOf(NamesFiles.read(spark, source, 2).collect()), source);
    }
    Files.writeString(b, "mia\nzoë\n\n z.\n\n");
    for (Path source : List.of(folder, folder.resolve("?.txt"))) {
      String message = assertThrows(InvalidNamesException.class, () -> read(source)).getMessage();
      assertTrue(message.startsWith("file:" + b + ", line 4: \"z.\" holds the end "), message);
    }
  }

  @Test
  void whereANameGoesDependsNeitherOnOrderNorOnHowTheFileIsCut() {
    List<String> expected = contents(of(Small.WORDS, 1, WORKERS));
    List<String> shuffled = new ArrayList<>(Small.WORDS);
    Collections.shuffle(shuffled, new Random(1));
    assertEquals(expected, contents(of(Small.WORDS, 3, WORKERS)));
    assertEquals(expected, contents(of(shuffled, 7, WORKERS)));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void theSplitDoesNotDependOnTheWorkers(int workers) {
    NamesOnSpark alone = of(Small.WORDS, 1, 1);
    NamesOnSpark names = of(Small.WORDS, 2, workers);
    assertEquals(sorted(alone.train()), sorted(names.train()));
    assertEquals(sorted(alone.validation()), sorted(names.validation()));
    assertEquals(sorted(alone.test()), sorted(names.test()));
    assertEquals(workers, names.train().count(), "workers with names to train on");
  }

  @Test
  void everyNameIsInOnePartAndEqualOnesInTheSame() {
    List<String> twice = new ArrayList<>(Small.WORDS);
    twice.addAll(Small.WORDS);
    NamesOnSpark names = of(twice, 3, WORKERS);
    List<String> all = new ArrayList<>();
    Set<String> once = new HashSet<>();
    int apart = 0;
    for (JavaRDD<NamesDataset> part : List.of(names.train(), names.validation(), names.test())) {
      List<String> words = sorted(part);
      all.addAll(words);
      apart += new HashSet<>(words).size();
      once.addAll(words);
    }
    assertEquals(twice.stream().sorted().toList(), all.stream().sorted().toList());
    assertEquals(once.size(), apart, "names that are in one part only");
    assertEquals(twice.size(), names.words());
    assertEquals(Vocabulary.of(Small.WORDS), names.vocabulary());
  }

  @Test
  void thePartsAreEightOneAndOneTenths() {
    List<String> words =
        IntStream.range(0, 20_000)
            .mapToObj(k -> "n" + Integer.toString(k, 36).replaceAll("\\d", "x"))
            .distinct()
            .toList();
    NamesOnSpark names = of(words, 2, WORKERS);
    double n = words.size();
    assertEquals(0.8, sorted(names.train()).size() / n, 0.02);
    assertEquals(0.1, sorted(names.validation()).size() / n, 0.02);
    assertEquals(0.1, sorted(names.test()).size() / n, 0.02);
  }

  @ParameterizedTest
  @CsvSource({
    "2, 1, 'words (2) must be more, for training, validation and test to have one each'",
    "2, 8, 'workers (8) must be fewer: 2 words give at most 2 of them some to train on'"
  })
  void tooFewNamesAreRefused(int count, int workers, String message) {
    assertRefused(message, () -> of(Small.WORDS.subList(0, count), 1, workers));
  }

  @Test
  void aWorkerWithoutANameIsRefused() {
    List<String> words = Small.WORDS.subList(0, 60);
    long able =
        words.stream()
            .filter(word -> Math.floorMod(MurmurHash3$.MODULE$.stringHash(word, 42), 10) < 8)
            .map(word -> Math.floorMod(word.hashCode(), 50))
            .distinct()
            .count();
    assertRefused(
        "workers (50) must be fewer: 60 words give at most %d of them some to train on"
            .formatted(able),
        () -> of(words, 1, 50));
  }

  /** Each worker has a stream of its own, and each seed other ones. */
  @Test
  void minibatchesAreTheSameWheneverTheyAreComputed() {
    NamesOnSpark names = of(Small.WORDS, 3, WORKERS);
    names.train().unpersist(true); // so that the names are encoded again, too
    List<String> once = drawn(names.train(), 7);
    assertEquals(once, drawn(names.train(), 7));
    assertEquals(once, drawn(of(Small.WORDS, 2, WORKERS).train(), 7));
    assertEquals(2 * 5, once.size());
    Set<String> all = new HashSet<>(once);
    all.addAll(drawn(names.train(), 9));
    assertEquals(2 * 2 * 5, all.size(), "different minibatches");
    assertNotEquals(once, drawn(names.train(), 8));
  }

  private static List<String> drawn(JavaRDD<NamesDataset> data, long seed) {
    return NamesOnSpark.minibatches(data, Small.BATCH, 5, seed).collect().stream()
        .map(DataSet::toString)
        .toList();
  }

  private JavaRDD<String> read(Path source) {
    return NamesFiles.read(spark, source.toString(), 2);
  }

  private static NamesOnSpark of(List<String> words, int slices, int workers) {
    return NamesOnSpark.of(spark.parallelize(words, slices), Small.T, workers);
  }

  /** The words of all parts and workers, in their order. */
  private static List<String> contents(NamesOnSpark names) {
    return Stream.of(names.train(), names.validation(), names.test())
        .flatMap(part -> part.collect().stream())
        .map(NamesOnSparkTest::text)
        .toList();
  }

  private static List<String> sorted(JavaRDD<NamesDataset> part) {
    return part.collect().stream()
        .flatMap(own -> Stream.of(text(own).split("\\.")))
        .sorted()
        .toList();
  }

  private static String text(NamesDataset data) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < data.size(); i++) {
      text.append(data.vocabulary().character(data.label(i)));
    }
    return text.toString();
  }

  private static void assertRefused(String message, Runnable refused) {
    assertEquals(message, assertThrows(InvalidNamesException.class, refused::run).getMessage());
  }
}
