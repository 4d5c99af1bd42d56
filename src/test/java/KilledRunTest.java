import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.backpropninja.names.ModelFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** The trainer in a process of its own, to which signals are sent and whose output gets lost. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "has no such signals, nor /dev/full")
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class KilledRunTest {
  private static final String STEPS = "--steps 3000";
  private static final String RUN =
      " "
          + STEPS
          + " --hidden 9 --embedding 3 --batch 5 --samples 6 --checkpoint-every 3"
          + " --eval-every 2 --keep-every 500 --updater adam --names ";

  @TempDir Path folder;
  private Path out;
  private String options;
  private Process started;

  @BeforeEach
  void writeNames() throws IOException {
    out = folder.resolve("out");
    options = "--quiet" + RUN + TrainerRuns.names(folder);
  }

  private Process start(String args) throws IOException {
    started = TrainerRuns.start(folder.resolve("printed"), List.of(), args);
    return started;
  }

  @AfterEach
  void end() {
    if (started != null) {
      started.destroyForcibly();
    }
  }

  private String printed() throws IOException {
    return Files.readString(folder.resolve("printed"));
  }

  private void awaitFile(Path file, Process process) throws InterruptedException {
    while (!Files.exists(file) && process.isAlive()) {
      Thread.sleep(5);
    }
  }

  /** The checkpoint is whole, and no older than the one before. */
  private int requireProgressKept(int before) throws IOException {
    Path last = out.resolve("last.zip");
    if (!Files.exists(last)) {
      return before;
    }
    String state = ModelFile.read(last).trainingState();
    JsonNode step = new ObjectMapper().readTree(state).get("step");
    assertTrue(step.asInt() >= before, step + " after " + before);
    return step.asInt();
  }

  private Process startForEver() throws IOException, InterruptedException {
    Process process =
        start(
            "--quiet --steps 100000000 --hidden 9 --checkpoint-every 100000000 --eval-every 0 --names "
                + folder.resolve("names.txt")
                + " --out "
                + out);
    awaitFile(out.resolve("metrics.csv"), process);
    while (Files.size(out.resolve("metrics.csv")) < 2000 && process.isAlive()) {
      Thread.sleep(5);
    }
    return process;
  }

  /** Signal numbers are POSIX's. A shell lets what it starts in the background ignore INT. */
  private static void send(String signal, int number, Process process) throws Exception {
    Path status = Path.of("/proc/" + process.pid() + "/status");
    if (Files.exists(status)) {
      String ignored = Files.readString(status).replaceFirst("(?s).*SigIgn:\\s*(\\w+).*", "$1");
      boolean isIgnored = (Long.parseUnsignedLong(ignored, 16) >> (number - 1) & 1) == 1;
      assumeFalse(isIgnored, "skipped: what runs the tests ignores " + signal);
    }
    new ProcessBuilder("kill", "-" + signal, String.valueOf(process.pid())).start().waitFor();
  }

  /** The process is told to end, and does what is left to do. */
  @ParameterizedTest
  @CsvSource({"TERM, 15", "INT, 2", "HUP, 1"})
  void aSignalSavesAndSaysHowToGoOn(String signal, int number) throws Exception {
    Process process = startForEver();
    assertFalse(Files.exists(out.resolve("last.zip")), "saved before it was told to");
    send(signal, number, process);
    assertEquals(128 + number, process.waitFor(), printed());
    assertTrue(
        printed().matches("(?s)stopped after step \\d+ of 100000000; --resume .*" + out + " .*"),
        printed());
    requireProgressKept(1);
    assertTrue(Files.readString(out.resolve("report.html")).contains(" of 100,000,000."));
    try (Stream<Path> files = Files.list(out)) {
      assertFalse(files.anyMatch(file -> file.toString().endsWith(".part")), "half a file is left");
    }
  }

  /** A log that is a pipe which nobody reads keeps the run from ending. */
  @Test
  void aSecondInterruptEndsARunThatTakesItsTimeToSave() throws Exception {
    Process process = startForEver();
    Files.delete(out.resolve("log.txt"));
    String pipe = out.resolve("log.txt").toString();
    assumeTrue(new ProcessBuilder("mkfifo", pipe).start().waitFor() == 0, "skipped: no mkfifo");
    send("INT", 2, process);
    awaitFile(out.resolve("last.zip"), process);
    assertFalse(process.waitFor(1, TimeUnit.SECONDS), "the pipe was of no use");
    send("INT", 2, process);
    assertEquals(128 + 2, process.waitFor(), printed());
    assertEquals("", printed());
    requireProgressKept(1);
  }

  /** On many names, so that calibration takes some time. */
  @Test
  void anInterruptAfterTheLastStepSaysHowToGetTheResults() throws Exception {
    Process process = start("--steps 2 --context 8 --embedding 20 --names names.txt --out " + out);
    while (process.isAlive() && !printed().contains("calibrating")) {
      Thread.sleep(5);
    }
    send("INT", 2, process);
    assertEquals(128 + 2, process.waitFor(), printed());
    assertTrue(
        printed().endsWith("stopped before the results; --resume " + out + " gives them\n"),
        printed());
    requireProgressKept(2);
    assertFalse(Files.exists(out.resolve("summary.json")), "it was over");
  }

  @Test
  void aSecondRunInTheFolderIsRefused() throws Exception {
    Process process = startForEver();
    for (String args : List.of("--resume " + out, options + " --out " + out)) {
      TrainerRuns.Printed second = TrainerRuns.run(args);
      assertEquals(2, second.status(), second.err());
      assertEquals(1, second.err().lines().count(), second.err());
      assertEquals(args.startsWith("--resume"), second.err().contains("is in use by another run"));
    }
    assertTrue(process.isAlive());
  }

  @Test
  void outputThatIsLostIsAFailure() throws Exception {
    Process process =
        TrainerRuns.builder(List.of(), options.replace(STEPS, "--steps 5") + " --out " + out)
            .redirectOutput(Path.of("/dev/full").toFile())
            .redirectError(folder.resolve("printed").toFile())
            .start();
    assertEquals(1, process.waitFor());
    assertEquals("not all of the output could be printed\n", printed());
    assertTrue(Files.exists(out.resolve("summary.json")), "the results are lost");
  }

  /** Whatever language and character set the machine is set to. */
  @Test
  void outputIsUtf8WithPlainDigits() throws Exception {
    Path names = folder.resolve("chinese");
    Files.write(names, List.of("王小明", "李小红", "张大明", "王大红", "李明", "张小明", "红红"));
    List<String> arabic =
        List.of(
            "-Duser.language=ar",
            "-Duser.country=EG",
            "-Dfile.encoding=ISO-8859-1",
            "-Dsun.stdout.encoding=ISO-8859-1");
    String args = "--steps 4 --hidden 3 --samples 3 --names " + names;
    Process process = TrainerRuns.start(folder.resolve("printed"), arabic, args + " --out " + out);
    assertEquals(0, process.waitFor(), printed());
    assertTrue(printed().contains("step 4 of 4"), printed());
    assertTrue(printed().matches("(?s).*[王小明李红张大].*"), printed());
    Files.delete(folder.resolve("printed"));
    Process refused =
        TrainerRuns.start(folder.resolve("printed"), arabic, args + " --warm-up 7 --out " + out);
    assertEquals(2, refused.waitFor());
    assertEquals("--warm-up (7) needs --schedule cosine\n", printed());
  }

  @Test
  void theNewestRunGoesOnWithoutBeingNamed() throws Exception {
    String few = options.replace(STEPS, "--steps 20");
    for (int run = 0; run < 3; run++) {
      assertEquals(0, statusInFolder(few), printed());
    }
    List<Path> runs;
    try (Stream<Path> all = Files.list(folder.resolve("runs"))) {
      runs = all.sorted().toList();
    }
    assertEquals(3, runs.size(), runs.toString());
    Files.delete(runs.get(0).resolve("model.zip")); // as if these had not ended
    Files.delete(runs.get(1).resolve("model.zip"));
    assertEquals(0, statusInFolder("--resume --quiet"), printed());
    for (int run = 0; run < 3; run++) {
      String log = Files.readString(runs.get(run).resolve("log.txt"));
      assertEquals(run == 1, log.contains("going on in"), runs.get(run).toString());
    }
    assertEquals(0, statusInFolder("--resume --quiet"), printed());
    assertEquals(2, statusInFolder("--resume --quiet"), printed());
    assertTrue(printed().contains("no run in runs that has not ended"), printed());
  }

  private int statusInFolder(String args) throws Exception {
    return TrainerRuns.builder(List.of(), args)
        .directory(folder.toFile())
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("printed").toFile())
        .start()
        .waitFor();
  }
}
