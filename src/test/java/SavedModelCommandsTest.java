import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.random.PythonRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import picocli.CommandLine;

/** SampleNames and EvaluateNames, on what a run of TrainNames has left. */
class SavedModelCommandsTest {
  private static final String NAMES = "names.txt";

  @TempDir static Path folder;

  private static Path run;
  private static List<String> trainNames; // what it printed of its names
  private static JsonNode summary;

  @BeforeAll
  static void train() throws IOException {
    TrainerRuns.names(folder);
    run = folder.resolve("run");
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            "--steps 300 --hidden 30 --batch 9 --samples 12 --keep-every 100 --names "
                + folder.resolve(NAMES)
                + " --out "
                + run);
    assertEquals(0, printed.status(), printed.err());
    List<String> lines = printed.out().lines().toList();
    trainNames = lines.subList(lines.size() - 13, lines.size());
    summary = new ObjectMapper().readTree(run.resolve("summary.json").toFile());
  }

  private static String names() {
    return folder.resolve(NAMES).toString();
  }

  private static TrainerRuns.Printed sample(String... args) {
    return TrainerRuns.run(new CommandLine(new SampleNames()), args);
  }

  private static TrainerRuns.Printed evaluate(Path model, Path file) {
    return TrainerRuns.run(new CommandLine(new EvaluateNames()), model.toString(), file.toString());
  }

  private static List<String> lines(TrainerRuns.Printed printed) {
    assertEquals(0, printed.status(), printed.err());
    assertEquals("", printed.err());
    return printed.out().lines().toList();
  }

  private static void assertRefused(String part, TrainerRuns.Printed printed) {
    assertEquals(2, printed.status(), printed.err());
    assertEquals("", printed.out());
    assertEquals(1, printed.err().lines().count(), printed.err());
    assertTrue(printed.err().contains(part), printed.err());
  }

  // SampleNames

  @ParameterizedTest
  @ValueSource(strings = {"", "model.zip"})
  void namesAreThoseOfTheRun(String file) {
    List<String> expected = new ArrayList<>();
    summary.get("names").forEach(name -> expected.add(name.asText()));
    String model = run.resolve(file).toString();
    assertEquals(expected, lines(sample(model, "--samples", "12")));
    assertEquals(
        trainNames, lines(sample(model, "--samples", "12", "--names", names())), "with marks");
    assertNotEquals(expected, lines(sample(model, "--samples", "12", "--seed", "1")));
  }

  /** The data set is of no use, nor is the folder, if the model was sent somewhere. */
  @Test
  void aFileAloneIsEnough(@TempDir Path elsewhere) throws IOException {
    Path sent = Files.copy(run.resolve("model.zip"), elsewhere.resolve("sent"));
    assertEquals(lines(sample(run.toString())), lines(sample(sent.toString())));
    assertEquals(20, lines(sample(sent.toString())).size());
    assertEquals(trainNames, lines(sample(sent.toString(), "--samples", "12", "--names", names())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"last.zip", "best.zip", "step-100.zip"})
  void aCheckpointIsTakenAsItIs(String file) throws IOException {
    Path checkpoint = run.resolve(file);
    assertEquals(20, lines(sample(checkpoint.toString())).size());
    ModelFile model = ModelFile.read(checkpoint);
    NamesDataset all =
        new NamesDataset(model.vocabulary(), 3, NamesFile.read(folder.resolve(NAMES)));
    double loss = CharMlp.loss(model.network(), all);
    assertTrue(
        lines(evaluate(checkpoint, folder.resolve(NAMES)))
            .get(0)
            .startsWith(format("loss %.4f ", loss)));
  }

  @Test
  void optionsShapeTheNames() {
    List<String> names =
        lines(
            sample(
                run.toString(),
                "--samples=50",
                "--prefix=fr",
                "--temperature=3",
                "--top-k=9",
                "--max-length=6"));
    assertEquals(50, names.size());
    assertTrue(names.stream().allMatch(name -> name.startsWith("fr")), names::toString);
    assertEquals(6, names.stream().mapToInt(String::length).max().getAsInt());
    List<String> greedy = lines(sample(run.toString(), "--top-k", "1"));
    assertEquals(1, greedy.stream().distinct().count(), greedy::toString);
  }

  @Test
  void onlyNewNamesAreNew() throws IOException {
    List<String> marked =
        lines(sample(run.toString(), "--only-new", "--names", names(), "--temperature", "2"));
    assertEquals("20 of 20 are new; in train 0, val 0, test 0", marked.get(20));
    List<String> known = Files.readAllLines(folder.resolve(NAMES));
    for (String line : marked.subList(0, 20)) {
      assertTrue(line.startsWith("new    ") && !known.contains(line.substring(7)), line);
    }
  }

  @Test
  void tooFewNewNamesAreSaid() {
    TrainerRuns.Printed printed =
        sample(run.toString(), "--only-new", "--names", names(), "--top-k", "1", "--samples", "3");
    assertEquals(0, printed.status());
    assertTrue(
        printed.err().matches("only [01] of 3 new names were found in 300 draws; a higher .*\\R"),
        printed.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--only-new | --only-new needs --names FILE, the names that the model was trained on",
        "--prefix xyz | --prefix has characters that no name has: 'x' (U+0078), 'y' (U+0079), 'z'",
        "--prefix a.b | that no name has: '.' (U+002E)",
        "--prefix ann --max-length 2 | --max-length (2) must be at least 3, the length of the --prefix",
        "--temperature 0 | --temperature (0.0) must be a finite number, above 0; --top-k 1 takes",
        "--temperature NaN | --temperature (NaN) must",
        "--temperature Infinity | --temperature (Infinity) must",
        "--top-k 0 | --top-k (0) must be from 1 to 2147483647",
        "--max-length 0 | --max-length (0) must be from 1 to 2147483647",
        "--samples -1 | --samples (-1) must be from 0 to 21474836",
        "--seed 4294967296 | --seed (4294967296) must be from 0 to 4294967295",
        "--names absent | absent does not exist"
      })
  void unusableOptionsAreRefused(String options, String part) {
    assertRefused(part, sample((run + " " + options).split(" ")));
  }

  /** The parts of another file are others. */
  @Test
  void namesThatTheModelWasNotTrainedOnAreRefused(@TempDir Path elsewhere) throws IOException {
    Path other =
        Files.write(elsewhere.resolve("other"), List.of("ab", "cd", "ef", "gh", "ij", "kl"));
    assertRefused(
        "their characters are others", sample(run.toString(), "--names", other.toString()));
    List<String> words = new ArrayList<>(Files.readAllLines(folder.resolve(NAMES)));
    Collections.swap(words, 0, 7);
    Files.write(other, words);
    assertRefused(
        "a file with SHA-256 " + summary.get("namesSha256").asText(),
        sample(run.toString(), "--names", other.toString()));
  }

  @Test
  void whatIsNoModelIsRefused(@TempDir Path elsewhere) throws IOException {
    Path absent = elsewhere.resolve("absent");
    assertRefused(absent + " does not exist; give the folder", sample(absent.toString()));
    assertRefused(
        elsewhere + " has no model.zip and is no run's folder", sample(elsewhere.toString()));
    Files.createFile(elsewhere.resolve("run.json"));
    assertRefused(
        "model.zip does not exist, the run has not ended; give a checkpoint, such as "
            + elsewhere.resolve("last.zip"),
        sample(elsewhere.toString()));
    assertRefused(names() + ": is no zip file, so no model", sample(names()));
    assertRefused(
        names() + ": is no zip file, so no model", evaluate(Path.of(names()), Path.of(names())));
  }

  // EvaluateNames

  /** The parts are those that the notebook's shuffle makes. */
  @Test
  void lossesAreThoseOfTheRun(@TempDir Path elsewhere) throws IOException {
    List<String> words = new ArrayList<>(Files.readAllLines(folder.resolve(NAMES)));
    new PythonRandom(42).shuffle(words);
    int n1 = (int) (0.8 * words.size());
    int n2 = (int) (0.9 * words.size());
    assertLoss("train", Files.write(elsewhere.resolve("1"), words.subList(0, n1)), n1);
    assertLoss("val", Files.write(elsewhere.resolve("2"), words.subList(n1, n2)), n2 - n1);
    assertLoss(
        "test",
        Files.write(elsewhere.resolve("3"), words.subList(n2, words.size())),
        words.size() - n2);
  }

  private static void assertLoss(String part, Path file, int count) {
    double loss = summary.get("losses").get(part).asDouble();
    assertEquals(
        List.of(
            format(
                "loss %.4f  perplexity %.4f  names %d  examples %d",
                loss, Math.exp(loss), count, summary.get("examples").get(part).asInt())),
        lines(evaluate(run, file)));
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  @Test
  void charactersThatTheModelDoesNotKnowAreNamed(@TempDir Path elsewhere) throws IOException {
    Path file =
        Files.write(elsewhere.resolve("names"), List.of("anna", "żoë", "anż", "😀😀", "an na"));
    assertRefused(
        file
            + " has characters that the model does not know: U+0020, 'ë' (U+00EB), 'ż' (U+017C), '😀' (U+1F600);",
        evaluate(run, file));
  }

  @Test
  void unknownAndLongNamesAreFine(@TempDir Path elsewhere) throws IOException {
    Path file =
        Files.write(elsewhere.resolve("names"), List.of("ababab", "a".repeat(70_000), "bob"));
    assertTrue(lines(evaluate(run, file)).get(0).endsWith("  names 3  examples 70012"));
  }
}
