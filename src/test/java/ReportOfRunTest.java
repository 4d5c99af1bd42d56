import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesFile.Spaces;
import org.backpropninja.names.RunFolder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** The trainer's report.html: it tells the whole run, and the run does not notice. */
class ReportOfRunTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;
  private String options;

  @BeforeEach
  void writeNames() throws IOException {
    options =
        "--steps 60 --hidden 7 --embedding 3 --batch 5 --samples 6 --eval-every 15 --names "
            + TrainerRuns.names(folder);
  }

  private Path at(String name) {
    return folder.resolve(name);
  }

  private static String page(Path run) throws IOException {
    return Files.readString(run.resolve("report.html"));
  }

  private static void succeed(String args) {
    TrainerRuns.Printed printed = TrainerRuns.run(args);
    assertEquals(0, printed.status(), printed.err());
  }

  private static List<String> all(String pattern, String text) {
    return Pattern.compile(pattern).matcher(text).results().map(match -> match.group(1)).toList();
  }

  private static JsonNode metrics(String page) throws IOException {
    return JSON.readTree(
        all("(?s)<script type=\"application/json\" id=\"metrics\">(.*?)</script>", page).get(0));
  }

  // What it tells

  @Test
  void thePageOfARunHasItsFilesNumbers() throws IOException {
    succeed(options + " --sample-every 20 --checkpoint-every 30 --out " + at("run"));
    String page = page(at("run"));
    JsonNode summary = JSON.readTree(at("run").resolve("summary.json").toFile());
    JsonNode metrics = metrics(page);

    assertEquals(List.of("run"), all("<h1>(.*?)</h1>", page));
    assertTrue(page.contains("Step 60 of 60."), "the last step");
    assertEquals(60, metrics.get("step").size());
    for (int row = 0; row < 60; row++) {
      double loss = summary.get("minibatchLosses").get(row).get(1).asDouble();
      assertEquals(loss, metrics.get("loss").get(row).asDouble(), 1e-4 * loss);
      assertEquals((row + 1) % 15 == 0, !metrics.get("validation").get(row).isNull());
    }
    for (String model : List.of("losses", "bigramLosses")) {
      JsonNode losses = summary.get(model);
      for (String part : List.of("train", "val", "test")) {
        assertTrue(page.contains(">" + fourDigits(losses.get(part)) + "</td>"), model + part);
      }
    }
    assertTrue(
        page.contains(
            "bigram baseline</dt><dd>" + fourDigits(summary.get("bigramLosses").get("val"))));
    List<String> names = new ArrayList<>();
    summary.get("names").forEach(name -> names.add(name.asText()));
    assertEquals(names, all("<bdi>(.*?)</bdi>", page).subList(0, 6));
    assertTrue(page.contains("<th scope=\"row\">--hidden</th><td>7</td>"));
    assertTrue(page.contains("<th scope=\"row\">DL4J</th><td>1.0.0-M2.1</td>"));
    assertTrue(page.contains("log10 of update:data at step 60"));
    assertFalse(page.contains("class=\"bad\""), "a part of the page is missing");
  }

  private static String fourDigits(JsonNode number) {
    return Html.format("%.4f", number.asDouble());
  }

  /** The page of a checkpoint has the network of that step, which no calibration has changed. */
  @Test
  void aPageIsWrittenAtEachCheckpointThatIsDue() throws IOException {
    run(options + " --checkpoint-every 20", "run", now -> ReportPace.always(), 42);
    String page = page(at("run-42"));

    assertTrue(page.contains("Step 40 of 60."), "the last checkpoint's");
    assertEquals(40, metrics(page).get("step").size());
    assertEquals(6, all("<bdi>(.*?)</bdi>", page).size());
    assertFalse(page.contains("Losses at the end"));
    assertFalse(page.contains("class=\"bad\""));
    run(options + " --checkpoint-every 20", "seldom", ReportPace::from, 42);
    assertFalse(Files.exists(at("seldom-42").resolve("report.html")), "takes long");
  }

  @Test
  void pagesTakeAHundredthOfTheTime() {
    ReportPace pace = ReportPace.from(5e6);
    assertFalse(pace.isDue(5e6 + 99e6), "the first may take a second");
    assertTrue(pace.isDue(5e6 + 100e6));
    pace.written(105e6, 0.3e6);
    assertFalse(pace.isDue(105e6 + 29e6));
    assertTrue(pace.isDue(105e6 + 30e6));
  }

  // It changes nothing

  /** Runs as the command would, and copies the folder when a step's progress is printed. */
  private void run(String args, String name, DoubleFunction<ReportPace> pace, int copyAt) {
    TrainerRuns.run(
        () -> {
          TrainingOptions parsed = TrainNames.options(args.split(" "));
          Names names = Names.read(parsed.names(), Spaces.REFUSED, parsed.context());
          RunFolder run = RunFolder.create(at(name));
          RunDescription.of(Map.of(), parsed, names).write(run);
          return new Run(parsed, names, run, pace).run(results -> {}).isPresent() ? 0 : 1;
        },
        line -> {
          if (line.startsWith("step " + copyAt + " of")) {
            TrainerRuns.copy(at(name), at(name + "-" + copyAt));
          }
        });
  }

  /** Nor do names on the way. */
  @ParameterizedTest
  @ValueSource(strings = {"", " --compiled", " --updater adam --weight-decay 0.1"})
  void pagesAndNamesAtEachStepChangeNoBit(String how) throws IOException {
    run(options + how, "few", ReportPace::from, 30);
    run(
        options + how + " --checkpoint-every 15 --sample-every 1",
        "many",
        now -> ReportPace.always(),
        30);

    assertTrue(page(at("many-30")).contains("Step 15 of 60."), "no page on the way");
    assertFalse(Files.exists(at("few-30").resolve("report.html")));
    assertEquals(withoutNames("few"), withoutNames("many"));
    assertEquals(
        Files.mismatch(at("few").resolve("model.zip"), at("many").resolve("model.zip")), -1);
  }

  private Map<String, Object> withoutNames(String run) throws IOException {
    Map<String, Object> left = TrainerRuns.left(at(run));
    left.replaceAll((file, content) -> withoutNames(content));
    return left;
  }

  private static Object withoutNames(Object content) {
    return content instanceof String text ? text.replaceAll(",\"sampled\":.*", "") : content;
  }

  // It goes on

  @ParameterizedTest
  @ValueSource(ints = {24, 54})
  void thePageOfAResumedRunIsThatOfAnUndisturbedOne(int step) throws IOException {
    String args = options + " --checkpoint-every 10 --sample-every 7 --out " + at("whole/run");
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            args,
            line -> {
              if (line.startsWith("step " + step + " of")) {
                TrainerRuns.copy(at("whole/run"), at("copy/run"));
              }
            });
    assertEquals(0, printed.status(), printed.err());
    succeed("--resume " + at("copy/run"));

    String whole = withoutTimes(page(at("whole/run")));
    assertEquals(whole, withoutTimes(page(at("copy/run"))));
    assertEquals(
        IntStream.rangeClosed(1, 60).boxed().toList(),
        JSON.convertValue(metrics(page(at("copy/run"))).get("step"), List.class));
  }

  private static String withoutTimes(String page) {
    return ReportTest.withoutIds(page)
        .replaceAll("Written on [^<]*", "")
        .replaceAll("<dd>[0-9,]+ µs</dd>", "")
        .replaceAll("<td>[0-9,.]+ s</td>", "")
        .replaceAll("\"time\":\\[[^]]*]", "");
  }

  // Names on the way

  @Test
  void namesOnTheWayAreThoseOfTheNetworkAtThatStep() throws IOException {
    String args = options + " --checkpoint-every 10 --keep-every 20 --sample-every 20";
    TrainerRuns.Printed printed = TrainerRuns.run(args + " --out " + at("run"));
    List<String> said =
        printed.err().lines().filter(line -> line.matches("step [246]0: .*,.*")).toList();

    assertEquals(3, said.size(), printed.err());
    assertEquals(10 + 2 + 6 + 1, printed.out().lines().count(), "on the error stream only");
    String log = Files.readString(at("run").resolve("log.txt"));
    assertTrue(said.stream().allMatch(log::contains), log);
    for (int step : new int[] {20, 40}) {
      ModelFile file = ModelFile.read(at("run").resolve("step-" + step + ".zip"));
      TrainingOptions parsed = TrainNames.options(args.split(" "));
      List<String> names =
          new NameSampler(file.network(), file.vocabulary(), 3).sample(5, parsed.samplingRandom());
      assertEquals(
          "step %d: %s".formatted(step, String.join(", ", names)), said.get(step / 20 - 1));
      assertTrue(page(at("run")).contains("<bdi>" + names.get(4) + "</bdi>"));
    }
    assertEquals(6 + 3 * 5, all("<bdi>(.*?)</bdi>", page(at("run"))).size());
  }

  // It ends no training

  @Test
  void aPageThatCannotBeMadeIsTold() throws IOException {
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            options + " --checkpoint-every 10 --out " + at("run"),
            line -> {
              if (line.startsWith("step 42 of")) {
                damage(at("run").resolve("run.json"));
              }
            });
    assertEquals(1, printed.status(), printed.err());
    assertEquals(10 + 2 + 6 + 1, printed.out().lines().count(), printed.out());
    assertEquals(
        1,
        printed
            .err()
            .lines()
            .filter(line -> line.contains("report.html cannot be written"))
            .count(),
        printed.err());
    assertTrue(Files.exists(at("run").resolve("model.zip")));
  }

  private static void damage(Path file) {
    try {
      Files.writeString(file, "]", StandardOpenOption.TRUNCATE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "its displays have no such names")
  void aDisplayThatIsNotThereEndsNoPicture() throws Exception {
    ProcessBuilder builder =
        TrainerRuns.builder(List.of(), options + " --quiet --out " + at("run"))
            .redirectErrorStream(true)
            .redirectOutput(at("printed").toFile());
    builder.environment().put("DISPLAY", ":77");
    assertEquals(0, builder.start().waitFor(), Files.readString(at("printed")));
    assertFalse(page(at("run")).contains("class=\"bad\""));
  }
}
