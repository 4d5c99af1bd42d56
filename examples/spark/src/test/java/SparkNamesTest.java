import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.PropertyAccessor;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import picocli.CommandLine;
import scala.util.hashing.MurmurHash3$;

/** The whole run on local[2]: what it computes, writes, prints and refuses. */
class SparkNamesTest {

  private static final long SEED = 5;
  private static final String OPTIONS =
      "--master local[2] --hidden 12 --embedding 4 --batch 16 --seed " + SEED + " --samples 6";

  @TempDir static Path folder;

  private static Path names;
  private static SparkNames.Result result;

  @BeforeAll
  static void train() throws IOException {
    names = Files.write(folder.resolve("names.txt"), Small.WORDS);
    result = SparkNames.run(args("--steps 45 --averaging 20 --out " + folder.resolve("first")));
  }

  private static String[] args(String more) {
    return (OPTIONS + " --names " + names + " " + more).split(" ");
  }

  @Test
  void theModelFileGivesTheLossesThatAreTold() throws IOException {
    MultiLayerNetwork model = model();
    Parts<Double> losses = result.summary().losses();
    assertEquals(CharMlp.loss(model, part(0, 8)), losses.train(), 1e-6);
    assertEquals(CharMlp.loss(model, part(8, 9)), losses.val(), 1e-6);
    assertEquals(CharMlp.loss(model, part(9, 10)), losses.test(), 1e-6);
    assertEquals(
        new Parts<>(part(0, 8).size(), part(8, 9).size(), part(9, 10).size()),
        result.summary().examples());
  }

  @Test
  void theModelFileInventsTheNamesThatAreTold() throws IOException {
    assertEquals(
        new NameSampler(model(), Small.VOCABULARY, 3).sample(6, new TorchRandom(SEED + 10)),
        result.summary().names());
  }

  /** So SampleNames and EvaluateNames take it. */
  @Test
  void theModelFileHasTheVocabularyAndIsTrusted() throws IOException {
    ModelFile file = ModelFile.read(result.folder().resolve("model.zip"));
    assertEquals(Small.VOCABULARY, file.vocabulary());
    assertEquals(new CharMlp(Small.VOCABULARY.size(), 3, 4, 12), file.sizes());
    assertArrayEquals(Small.parameters(model()), Small.parameters(file.network()));
  }

  /** With the seeds that the class comment states; 45 steps are rounds of 20, 20 and 5. */
  @Test
  void theModelIsTheMeanOfTheWorkersCalibrated() throws IOException {
    MultiLayerNetwork expected =
        new CharMlp(Small.VOCABULARY.size(), 3, 4, 12)
            .network(
                CharMlp.notebookSgd(45),
                DataType.FLOAT,
                new TorchRandom(SEED),
                new TorchRandom(42));
    for (int round = 0; round < 3; round++) {
      int each = round == 2 ? 5 : 20;
      MultiLayerNetwork left = expected.clone();
      MultiLayerNetwork right = expected.clone();
      Small.minibatches(trainedBy(0), SEED + 11 + 2 * round, each).forEachRemaining(left::fit);
      Small.minibatches(trainedBy(1), SEED + 12 + 2 * round, each).forEachRemaining(right::fit);
      expected.setParams(left.params().add(right.params()).div(2));
      expected.setIterationCount(expected.getIterationCount() + each);
      assertEquals(
          (left.score() + right.score()) / 2,
          result.summary().minibatchLosses().get(round).get(1).doubleValue(),
          1e-12);
    }
    MultiLayerNetwork model = model();
    assertEquals(45, model.getIterationCount());
    for (String parameter : List.of("0_W", "1_W", "1_b", "2_gain", "2_bias", "3_W", "3_b")) {
      assertArrayEquals(
          expected.getParam(parameter).ravel().toFloatVector(),
          model.getParam(parameter).ravel().toFloatVector(),
          parameter);
    }
    Calibration.calibrate(expected, part(0, 8).chunks(100));
    for (String statistic : List.of("2_mean", "2_var")) {
      assertArrayEquals(
          expected.getParam(statistic).ravel().toFloatVector(),
          model.getParam(statistic).ravel().toFloatVector(),
          1e-5f,
          statistic);
    }
  }

  @Test
  void theSummaryIsWhole() throws IOException {
    Summary summary = result.summary();
    assertEquals(Small.WORDS.size(), summary.words());
    assertEquals(45, summary.steps());
    assertEquals(model().numParams() - 2 * 12, summary.parameters());
    assertTrue(summary.microsecondsPerStep() > 0);
    assertEquals(
        List.of(20, 40, 45), summary.minibatchLosses().stream().map(step -> step.get(0)).toList());
    ObjectMapper mapper = new ObjectMapper().setVisibility(PropertyAccessor.FIELD, Visibility.ANY);
    assertEquals(
        mapper.readTree(mapper.writeValueAsString(summary)),
        mapper.readTree(result.folder().resolve("summary.json").toFile()));
    try (Stream<Path> files = Files.list(result.folder())) {
      assertEquals(2, files.count(), "only summary.json and model.zip");
    }
  }

  @Test
  void theSameArgumentsGiveTheSameToTheLastBitWithTwoWorkers() throws IOException {
    SparkNames.Result again =
        SparkNames.run(args("--steps 45 --averaging 20 --out " + folder.resolve("again")));
    assertArrayEquals(Small.parameters(result.network()), Small.parameters(again.network()));
    assertEquals(result.summary().losses(), again.summary().losses());
    assertEquals(result.summary().minibatchLosses(), again.summary().minibatchLosses());
    assertEquals(result.summary().names(), again.summary().names());
  }

  @Test
  void printsWhatItDoesThenLossesNamesAndWhereTheFilesAre() throws IOException {
    Path out = folder.resolve("printed");
    Printed printed = run("--steps 25 --averaging 2 --workers 1 --samples 2 --out " + out);
    assertEquals(0, printed.status, printed.err);
    var summary = new ObjectMapper().readTree(out.resolve("summary.json").toFile());
    List<String> expected = new ArrayList<>();
    expected.add("reading " + names);
    expected.add("training on 200 names by 1 worker");
    for (int step : new int[] {4, 6, 8, 10, 14, 16, 18, 20, 24, 25}) {
      double loss = summary.get("minibatchLosses").get((step + 1) / 2 - 1).get(1).asDouble();
      expected.add(format("step %d of 25, minibatch loss %.4f", step, loss));
    }
    expected.add("calibrating batch norm");
    expected.add("computing losses, inventing names");
    var losses = summary.get("losses");
    expected.add(
        format(
            "train %.4f  val %.4f  test %.4f",
            losses.get("train").asDouble(),
            losses.get("val").asDouble(),
            losses.get("test").asDouble()));
    summary.get("names").forEach(name -> expected.add(name.asText()));
    expected.add("summary.json and model.zip are in " + out);
    assertEquals(expected, printed.out.lines().toList());
    assertEquals("", printed.err);
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--steps 0 | --steps (0) must be from 1 to 2147483647",
        "--averaging 0 | --averaging (0) must be from 1 to 2147483647",
        "--workers 0 | --workers (0) must be from 1 to 2147483647",
        "--hidden 0 | --hidden (0) must be from 1 to 2147483647",
        "--batch 1 | --batch (1) must be from 2 to 2147483647",
        "--samples -1 | --samples (-1) must be from 0 to 2147483647",
        "--stepz 3 | Unknown options: '--stepz', '3'",
        "--seed -1 | --seed (-1) must be from 0 to 4294967245",
        "--seed 4294967285 | --seed (4294967285) must be from 0 to 4294967245",
        "--out hdfs://host/runs | --out (hdfs:/host/runs) must be a path on the driver, not a URL",
        "--out s3a://bucket | --out (s3a:/bucket) must be a path on the driver, not a URL",
      })
  void unusableOptionsAreRefusedBeforeSparkStarts(String options, String message) {
    Printed printed = run(options.contains("--out") ? options : options + " --out absent");
    assertEquals(new Printed(2, "", message + System.lineSeparator()), printed);
    assertFalse(Files.exists(Path.of("absent")), "something was written");
    assertFalse(Files.exists(Path.of("hdfs:")), "something was written");
  }

  @Test
  void aFileInPlaceOfTheFolderIsRefused() {
    Printed printed = run("--out " + names);
    assertEquals(
        new Printed(2, "", "--out (%s) must be a folder, is a file%n".formatted(names)), printed);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--names absent | absent does not exist",
        "--workers 201 | workers (201) must be fewer: 200 words",
        "--steps 20 --averaging 20 --seed 4294967284 | --seed (4294967284) must be from 0 to 4294967283",
        "--steps 2000000000 --averaging 1 --workers 4 | --averaging (1) must be larger: 2000000000 rounds of 4",
        "--averaging 2000000000 --steps 2000000000 | times averaging (2000000000) must be at most 2147483647",
        "--hidden 2147483647 | must give at most 2147483647 parameters",
        "--master bogus | --master (bogus) cannot be used: ",
      })
  void whatSparkMustLookAtIsRefusedInOneLine(String options, String part) {
    Path out = folder.resolve("refused");
    Printed printed = run(options + " --out " + out);
    assertEquals(2, printed.status, printed.err);
    assertEquals(1, printed.err.lines().count(), printed.err);
    assertTrue(printed.err.contains(part), printed.err);
    assertFalse(Files.exists(out), "something was written");
  }

  @Test
  void kryoIsRefused() {
    System.setProperty("spark.serializer", "org.apache.spark.serializer.KryoSerializer");
    try {
      Printed printed = run("--out " + folder.resolve("kryo"));
      assertEquals(2, printed.status, printed.err);
      assertEquals(
          "spark.serializer (org.apache.spark.serializer.KryoSerializer) must be"
              + " org.apache.spark.serializer.JavaSerializer: ND4J's arrays do not survive others;"
              + " leave it unset\n",
          printed.err);
    } finally {
      System.clearProperty("spark.serializer");
    }
  }

  private static MultiLayerNetwork model() throws IOException {
    return ModelSerializer.restoreMultiLayerNetwork(
        result.folder().resolve("model.zip").toFile(), true);
  }

  private static NamesDataset part(int from, int below) {
    return dataset(word -> from <= tenth(word) && tenth(word) < below);
  }

  private static NamesDataset trainedBy(int worker) {
    return dataset(word -> tenth(word) < 8 && Math.floorMod(word.hashCode(), 2) == worker);
  }

  private static NamesDataset dataset(Predicate<String> chosen) {
    return new NamesDataset(
        Small.VOCABULARY, 3, Small.WORDS.stream().filter(chosen).sorted().toList());
  }

  private static int tenth(String word) {
    return Math.floorMod(MurmurHash3$.MODULE$.stringHash(word, 42), 10);
  }

  private record Printed(int status, String out, String err) {}

  private static Printed run(String options) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printedOut = new ByteArrayOutputStream();
    ByteArrayOutputStream printedErr = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printedOut, true));
    System.setErr(new PrintStream(printedErr, true));
    try {
      CommandLine line = new CommandLine(new SparkNames()).setOverwrittenOptionsAllowed(true);
      int status = Commands.execute(line, args(options));
      return new Printed(status, printedOut.toString(), printedErr.toString());
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }
}
