import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.backpropninja.names.ModelFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** Training that ends before its last step, or that cannot write. */
class TrainingEndsTest {
  private static final String SIZES =
      "--steps 60 --hidden 7 --batch 5 --samples 6 --checkpoint-every 10 --eval-every 15 --names ";

  @TempDir Path folder;
  private String options;
  private Path out;

  @BeforeEach
  void writeNames() throws IOException {
    out = folder.resolve("out");
    options = SIZES + TrainerRuns.names(folder) + " --out " + out;
  }

  private JsonNode summary() throws IOException {
    return new ObjectMapper().readTree(out.resolve("summary.json").toFile());
  }

  /** The loss is finite until a step that is large has made the weights so. */
  @ParameterizedTest
  @ValueSource(strings = {"", " --compiled"})
  void aLossThatIsNotFiniteEndsTrainingAndLeavesAGoodCheckpoint(String how) throws IOException {
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            options.replace("--checkpoint-every 10", "--checkpoint-every 1")
                + how
                + " --learning-rate 1e24");
    requireDiverged(printed, out.resolve("last.zip") + " still holds the checkpoint before");
    ModelFile last = ModelFile.read(out.resolve("last.zip"));
    assertTrue(new ObjectMapper().readTree(last.trainingState()).get("step").asInt() > 0);
    double sum = last.network().params().sumNumber().doubleValue();
    assertTrue(Double.isFinite(sum), "the checkpoint holds " + sum);
  }

  @Test
  void aLossThatIsNotFiniteBeforeTheFirstCheckpointSaysThatThereIsNone() {
    TrainerRuns.Printed printed = TrainerRuns.run(options + " --learning-rate 1e38");
    requireDiverged(printed, "there is no checkpoint before");
    assertFalse(Files.exists(out.resolve("last.zip")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--checkpoint-every 1", "--eval-every 1", "--sample-every 1"})
  void parametersThatAreNotFiniteAreNotSaved(String stop) {
    String each = options.replaceAll("--(checkpoint|eval)-every \\d+ ", "") + " " + stop;
    TrainerRuns.Printed printed = TrainerRuns.run(each + " --learning-rate 1e40");
    requireDiverged(printed, "there is no checkpoint before");
    assertTrue(printed.err().contains("a parameter is not a finite number after step 1"));
    assertFalse(Files.exists(out.resolve("last.zip")));
    assertFalse(Files.exists(out.resolve("best.zip")));
  }

  private static void requireDiverged(TrainerRuns.Printed printed, String checkpoint) {
    assertEquals(1, printed.status(), printed.err());
    List<String> err = printed.err().lines().toList();
    String last = err.get(err.size() - 1);
    assertTrue(
        last.matches(
            "(step \\d+: .*|.* (at|after) step \\d+); .*; a new run with a lower .* may help"),
        last);
    assertTrue(last.contains("; " + checkpoint + "; "), last);
  }

  /** A full disk on which there is room again. */
  @Test
  void whatIsWrittenLaterAfterAllIsNoFailure() {
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            options,
            line -> {
              if (line.startsWith("step 6 of")) {
                obstruct("last.zip");
              } else if (line.startsWith("step 36 of")) {
                clear("last.zip");
              }
            });
    assertEquals(0, printed.status(), printed.err());
    assertEquals(
        1,
        printed.err().lines().filter(line -> line.contains("last.zip cannot be written")).count(),
        printed.err());
    assertTrue(printed.err().endsWith("all files are in " + out + "\n"), printed.err());
  }

  private void clear(String file) {
    try {
      Files.delete(out.resolve(file).resolve("in the way"));
      Files.delete(out.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void patienceEndsTrainingAndTheResultsAreOfThatStep() throws IOException {
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            options.replace("--eval-every 15", "--eval-every 2")
                + " --patience 2 --learning-rate 3 --schedule constant");
    assertEquals(0, printed.status(), printed.err());
    int steps = summary().get("steps").asInt();
    assertTrue(steps < 60, "patience had no end");
    assertEquals(steps - 4, summary().get("best").get("step").asInt());
    assertEquals(steps, summary().get("minibatchLosses").size());
    assertTrue(printed.err().contains("no lower validation loss than after step"), printed.err());
    TrainerRuns.Printed again = TrainerRuns.run("--resume " + out);
    assertEquals(steps, summary().get("steps").asInt());
    assertEquals(0, again.status(), again.err());
  }

  /** A folder in a file's place can be replaced by no file. */
  private void obstruct(String file) {
    try {
      Files.createDirectories(out.resolve(file).resolve("in the way"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void resultsArePrintedThoughNothingCanBeWritten() throws IOException {
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            options,
            line -> {
              if (line.startsWith("step 6 of")) {
                List.of("last.zip", "best.zip", "summary.json", "model.zip", "report.html")
                    .forEach(this::obstruct);
              }
            });
    assertEquals(1, printed.status());
    List<String> lines = printed.out().lines().toList();
    assertEquals(10 + 2 + 6 + 1, lines.size(), printed.out());
    assertTrue(lines.get(10).matches("train [\\d.]+  val [\\d.]+  test [\\d.]+"), lines.get(10));
    for (String file :
        List.of("last.zip", "best.zip", "summary.json", "model.zip", "report.html")) {
      assertEquals(
          1,
          printed.err().lines().filter(line -> line.contains(file + " cannot be written")).count(),
          printed.err());
    }
  }

  @Test
  void quietPrintsLossesAndNamesOnly() {
    TrainerRuns.Printed printed = TrainerRuns.run(options + " --quiet");
    assertEquals(0, printed.status(), printed.err());
    assertEquals("", printed.err());
    assertTrue(printed.out().startsWith("train "), printed.out());
    assertEquals(2 + 6 + 1, printed.out().lines().count(), printed.out());
  }

  @Test
  void metricsHaveALineForEachStepAndTheValidationLossWhereItIsMeasured() throws IOException {
    assertEquals(0, TrainerRuns.run(options).status());
    List<String> lines = Files.readAllLines(out.resolve("metrics.csv"));
    assertEquals("step,minibatch_loss,validation_loss,learning_rate,µs_a_step", lines.get(0));
    JsonNode losses = summary().get("minibatchLosses");
    for (int step = 1; step <= 60; step++) {
      String[] cells = lines.get(step).split(",");
      assertEquals(step, Integer.parseInt(cells[0]));
      assertEquals(losses.get(step - 1).get(1).asDouble(), Double.parseDouble(cells[1]));
      assertEquals(step % 15 == 0, !cells[2].isEmpty(), lines.get(step));
      assertEquals(step <= 30 ? 0.1 : 0.01, Double.parseDouble(cells[3]));
      assertTrue(Double.parseDouble(cells[4]) > 0, lines.get(step));
    }
    assertEquals(61, lines.size());
  }
}
