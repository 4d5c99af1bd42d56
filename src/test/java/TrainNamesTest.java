import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.backpropninja.testing.Golden;
import org.backpropninja.training.CompiledNetwork;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.PropertyAccessor;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.ObjectNode;

/** The main job: PyTorch's run of the same recipe, what it writes and what it refuses. */
class TrainNamesTest {

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"--steps 2000", "--steps 2000 --compiled"})
  void runEqualsPyTorch(String options) throws IOException {
    Path out = folder.resolve("new/run");
    long start = System.nanoTime();
    TrainNames.Result result = TrainNames.run((options + " --hidden 64 --out " + out).split(" "));
    double microseconds = (System.nanoTime() - start) / 1e3;
    Summary summary = result.summary();

    assertEquals(32178, summary.words());
    assertEquals(new Parts<>(183430, 22953, 22818), summary.examples());
    assertEquals(4137, summary.parameters());
    assertEquals(2000, summary.steps());
    // Reading, calibration, losses and names take the rest, which is no hundred times as long.
    double training = summary.steps() * summary.microsecondsPerStep();
    assertTrue(training < microseconds, training + " µs of " + microseconds);
    assertTrue(training > microseconds / 100, training + " µs of " + microseconds);
    assertPyTorchs(summary);
    assertWritten(out, result);
  }

  private static void assertPyTorchs(Summary summary) throws IOException {
    JsonNode golden = Golden.json("training-run-2k.json");
    double[][] expected =
        new ObjectMapper().treeToValue(golden.get("minibatch_loss"), double[][].class);
    assertEquals(expected.length, summary.minibatchLosses().size());
    for (int k = 0; k < expected.length; k++) {
      List<Number> stepAndLoss = summary.minibatchLosses().get(k);
      assertEquals(expected[k][0], stepAndLoss.get(0).doubleValue());
      assertEquals(
          expected[k][1], stepAndLoss.get(1).doubleValue(), 1e-3, "step " + expected[k][0]);
    }
    JsonNode losses = golden.get("final"); // those of the calibrated network
    assertEquals(losses.get("train").asDouble(), summary.losses().train(), 1e-5);
    assertEquals(losses.get("val").asDouble(), summary.losses().val(), 1e-5);
    assertEquals(losses.get("test").asDouble(), summary.losses().test(), 1e-5);
    assertEquals(20, summary.names().size());
    // One draw that falls the other way by rounding shifts the random stream of all later names.
    assertEquals(golden.get("names").get(0).asText(), summary.names().get(0) + ".");
  }

  private static void assertWritten(Path out, TrainNames.Result result) throws IOException {
    ObjectMapper mapper = new ObjectMapper().setVisibility(PropertyAccessor.FIELD, Visibility.ANY);
    ObjectNode written = summary(out);
    mapper
        .readTree(mapper.writeValueAsString(result.summary()))
        .fields()
        .forEachRemaining(field -> assertEquals(field.getValue(), written.get(field.getKey())));
    MultiLayerNetwork restored =
        ModelSerializer.restoreMultiLayerNetwork(out.resolve("model.zip").toFile(), true);
    var x = Nd4j.createFromArray(new float[][] {{0, 5, 13}});
    assertArrayEquals(
        result.network().output(x).toFloatVector(), restored.output(x).toFloatVector());
    try (Stream<Path> files = Files.list(out)) {
      assertEquals(
          List.of(
              ".lock",
              "best.zip",
              "last.zip",
              "log.txt",
              "metrics.csv",
              "model.zip",
              "report.html",
              "run.json",
              "summary.json"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  /** To the last digit, but for the time. */
  @Test
  void bothWaysGiveTheSame() throws IOException {
    String options = "--steps 300 --hidden 20 --batch 17 --samples 5 --out ";
    Path fit = folder.resolve("fit");
    Path compiled = folder.resolve("compiled");
    TrainNames.Result expected = TrainNames.run((options + fit).split(" "));
    TrainNames.Result actual = TrainNames.run((options + compiled + " --compiled").split(" "));
    assertArrayEquals(
        expected.network().params().toDoubleVector(), actual.network().params().toDoubleVector());
    ObjectNode expectedSummary = summary(fit);
    ObjectNode actualSummary = summary(compiled);
    assertTrue(expectedSummary.remove("microsecondsPerStep").asDouble() > 0);
    assertTrue(actualSummary.remove("microsecondsPerStep").asDouble() > 0);
    assertEquals(expectedSummary, actualSummary);
  }

  private static ObjectNode summary(Path folder) throws IOException {
    return (ObjectNode) new ObjectMapper().readTree(folder.resolve("summary.json").toFile());
  }

  /** The steps' progress is printed from within what trains. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theOptionTellsWhatTrains(boolean compiled) throws IOException {
    Files.writeString(folder.resolve("names"), "anna\nbob\ncleo\ndora\nemma\nfred\n\n");
    List<Boolean> withinCompiledNetwork = new ArrayList<>();
    Printed printed =
        run(
            new ByteArrayOutputStream() {
              @Override
              public void write(byte[] bytes, int from, int length) {
                super.write(bytes, from, length);
                if (new String(bytes, from, length).startsWith("step")) {
                  withinCompiledNetwork.add(isRunning(CompiledNetwork.class));
                }
              }
            },
            ("--samples 2 --hidden 5 --steps 3 --names names --out out"
                    + (compiled ? " --compiled" : ""))
                .split(" "));
    assertEquals(0, printed.status, printed.err);
    assertEquals(List.of(compiled, compiled, compiled), withinCompiledNetwork);
  }

  private static boolean isRunning(Class<?> type) {
    return StackWalker.getInstance()
        .walk(frames -> frames.anyMatch(frame -> frame.getClassName().equals(type.getName())));
  }

  /** Every tenth of the steps, or every step if there are fewer than ten. */
  @ParameterizedTest
  @CsvSource({"3, '1 2 3'", "20, '2 4 6 8 10 12 14 16 18 20'", "25, '3 5 8 10 13 15 18 20 23 25'"})
  void printsProgressThenLossesThenNames(int steps, String shown) throws IOException {
    Files.writeString(folder.resolve("names"), "anna\nbob\ncleo\ndora\nemma\nfred\n\n");
    Printed printed =
        run(
            ("--samples 2 --hidden 5 --context 4 --names names --out out --steps " + steps)
                .split(" "));
    assertEquals(0, printed.status, printed.err);
    JsonNode summary = new ObjectMapper().readTree(folder.resolve("out/summary.json").toFile());
    assertEquals(steps, summary.get("steps").asInt());
    assertEquals(steps, summary.get("minibatchLosses").size());

    List<String> expected = new ArrayList<>();
    for (String step : shown.split(" ")) {
      JsonNode indexAndLoss = summary.get("minibatchLosses").get(Integer.parseInt(step) - 1);
      double loss = indexAndLoss.get(1).asDouble();
      expected.add(format("step %s of %d, minibatch loss %.4f", step, steps, loss));
    }
    expected.add(line(summary.get("losses")));
    expected.add(line(summary.get("bigramLosses")) + "  bigram baseline");
    assertEquals(2, summary.get("names").size());
    List<String> marks = new ArrayList<>();
    summary.get("marks").forEach(mark -> marks.add(mark.asText()));
    for (int k = 0; k < 2; k++) {
      expected.add(format("%-5s  %s", marks.get(k), summary.get("names").get(k).asText()));
    }
    expected.add(
        format(
            "%d of 2 are new; in train %d, val %d, test %d",
            Collections.frequency(marks, "new"),
            Collections.frequency(marks, "train"),
            Collections.frequency(marks, "val"),
            Collections.frequency(marks, "test")));
    assertEquals(expected, printed.out.lines().toList());
  }

  private static String line(JsonNode losses) {
    return format(
        "train %.4f  val %.4f  test %.4f",
        losses.get("train").asDouble(),
        losses.get("val").asDouble(),
        losses.get("test").asDouble());
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  @Test
  void aFolderThatCannotBeMadeIsSaidInOneLineWithStatus1() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "precious");
    Printed printed = run("--out", "file/below");
    assertEquals(1, printed.status, printed.err);
    assertEquals("", printed.out);
    assertEquals(1, printed.err.lines().count(), printed.err);
    assertTrue(printed.err.contains(file.toString()), printed.err);
  }

  static Stream<Arguments> unusable() {
    return Stream.of(
        Arguments.of("--stepz 3", "--stepz"),
        Arguments.of("--steps 0", "--steps (0) must be from 1 to 2147483647"),
        Arguments.of("--steps many", "many"),
        Arguments.of("--batch 1", "--batch (1) must be from 2"),
        Arguments.of("--hidden 2147483647", "must give at most 2147483647 parameters"),
        Arguments.of("--hidden -4", "--hidden (-4) must be from 1"),
        Arguments.of("--embedding 0", "--embedding (0) must be from 1"),
        Arguments.of("--context 0", "--context (0) must be from 1"),
        Arguments.of("--samples -1", "--samples (-1) must be from 0"),
        Arguments.of("--seed -1", "--seed (-1) must be from 0 to 4294967285"),
        Arguments.of("--names absent", "absent"),
        Arguments.of("--names spaces", "line 2: \"mary ann\" holds white space (U+0020)"),
        Arguments.of("--names spaces", "; --spaces takes spaces within names"),
        Arguments.of("--names few", "few: words (3) must be 6 or more"),
        Arguments.of("--names dot", "line 1"),
        Arguments.of("--names latin1", "line 2"),
        Arguments.of("--names empty", "empty"),
        Arguments.of("--out blank", "must be a folder"),
        Arguments.of("--batch 100000000", "--batch (100000000) takes at least "),
        Arguments.of("--batch 600000 --hidden 900", "--batch (600000) takes at least "),
        Arguments.of("--embedding 10000000 --hidden 5", "--embedding (10000000) takes at least "),
        Arguments.of("--hidden 20000000", "--hidden (20000000) takes at least "),
        Arguments.of("--context 2000000 --hidden 20", "--context (2000000) takes at least "),
        Arguments.of("--names huge", "takes about 30.0 GiB of Java heap"),
        Arguments.of("--warm-up 5", "--warm-up (5) needs --schedule cosine"),
        Arguments.of("--schedule cosine --steps 9 --warm-up 9", "must be from 0 to 8"),
        Arguments.of("--learning-rate 0", "--learning-rate (0.0) must be a finite number, above 0"),
        Arguments.of("--weight-decay NaN", "--weight-decay (NaN) must be a finite number, 0 or"),
        Arguments.of("--updater sdg", "sdg"));
  }

  @ParameterizedTest
  @MethodSource("unusable")
  void unusableInputGetsOneLineStatusTwoAndNothingWritten(String args, String part)
      throws IOException {
    Files.writeString(folder.resolve("blank"), "");
    Files.writeString(folder.resolve("spaces"), "anna\nmary ann\n");
    Files.writeString(folder.resolve("few"), "anna\nbob\ncleo\n");
    Files.writeString(folder.resolve("dot"), "an.na\nbob\n");
    Files.writeString(folder.resolve("empty"), "");
    try (RandomAccessFile huge = new RandomAccessFile(folder.resolve("huge").toFile(), "rw")) {
      huge.setLength(3L << 30); // takes no room on the disk
    }
    Files.write(
        folder.resolve("latin1"), "anna\nren\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
    String[] words = args.contains("--out") ? args.split(" ") : (args + " --out out").split(" ");
    Printed printed = run(words);
    assertEquals(2, printed.status, printed.err);
    assertEquals(1, printed.err.lines().count(), printed.err);
    assertTrue(printed.err.contains(part), printed.err);
    assertFalse(Files.exists(folder.resolve("out")), "something was written");
  }

  private record Printed(int status, String out, String err) {}

  /** Runs in this process, paths being taken within the test's folder. */
  private Printed run(String... args) {
    return run(new ByteArrayOutputStream(), args);
  }

  private Printed run(ByteArrayOutputStream printedOut, String... args) {
    for (int k = 1; k < args.length; k++) {
      if (args[k - 1].equals("--names") || args[k - 1].equals("--out")) {
        args[k] = folder.resolve(args[k]).toString();
      }
    }
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printedErr = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printedOut, true));
    System.setErr(new PrintStream(printedErr, true));
    try {
      int status = Commands.execute(TrainNames.commandLine(new TrainNames()), args);
      return new Printed(status, printedOut.toString(), printedErr.toString());
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }
}
