import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.backpropninja.names.ModelFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Runs that are killed at random moments, that go on, and that end with the bytes of an undisturbed
 * one.
 *
 * <p>{@code -Dkills=50} kills as often, and prints where.
 */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "deletes no file that is open")
class KilledAgainAndAgainTest {
  private static final int KILLS = Integer.getInteger("kills", 3);
  private static final int CHECKPOINT_EVERY = 3;
  private static final Pattern STEP = Pattern.compile(" step (\\d+): (saved|validation)");
  private static final Pattern TEMPORARY = Pattern.compile("(.+)\\.[0-9a-f-]{36}\\.part");

  /** When a run is killed: each time in a life of its process, at random within it. */
  private enum Moment {
    TRAINING(""),
    CHECKPOINT("last.zip"),
    MODEL("model.zip"),
    BEST("best.zip"),
    /** Before it trains, while its checkpoint is read. */
    STARTING(""),
    /** After the last step. */
    RESULTS("");

    /** Which file is written, if the moment is at hand at all. */
    final String file;

    Moment(String file) {
      this.file = file;
    }
  }

  @TempDir Path folder;
  private final Random random = new Random(7);
  private final Map<String, Integer> phases = new TreeMap<>();
  private final Map<String, Integer> written = new TreeMap<>();
  private String options;
  private Path out;
  private int kills;
  private int resumes;
  private int mostLost;
  private int step; // of the checkpoint

  @BeforeEach
  void writeNames() throws IOException {
    List<String> some = Files.readAllLines(Path.of("names.txt")).subList(0, 3000);
    Path names = Files.write(folder.resolve("names.txt"), some);
    options =
        "--quiet --steps 900 --hidden 9 --embedding 3 --batch 5 --samples 6 --eval-every 2"
            + " --checkpoint-every %d --keep-every 300 --updater adam --names %s --out "
                .formatted(CHECKPOINT_EVERY, names);
  }

  @Test
  void runsThatAreKilledEndAsAnUndisturbedOne() throws Exception {
    assertEquals(0, TrainerRuns.run(options + folder.resolve("whole")).status());
    Map<String, Object> whole = TrainerRuns.left(folder.resolve("whole"));
    int runs = 0;
    while (kills < KILLS) {
      out = folder.resolve("run-" + ++runs);
      step = 0;
      killAgainAndAgain();
      assertEquals(whole, TrainerRuns.left(out));
    }
    System.out.printf(
        "%d kills: %s%nof which while a file was written: %s%n%d of %d resumes went on, with at most %d"
            + " steps to be taken again, a checkpoint being written every %d%n%d of %d runs ended with"
            + " the bytes of an undisturbed one%n",
        kills, phases, written, resumes, resumes, mostLost, CHECKPOINT_EVERY, runs, runs);
  }

  /** One run, until it is through. */
  private void killAgainAndAgain() throws Exception {
    boolean isKilled = true;
    while (isKilled) {
      boolean isResumed = Files.exists(out.resolve("run.json"));
      int lives = lives();
      Process process =
          TrainerRuns.start(
              folder.resolve("printed"),
              List.of(),
              isResumed ? "--quiet --resume " + out : options + out);
      await(Moment.values()[kills % Moment.values().length], lives, process);
      isKilled = kills < KILLS && process.isAlive();
      if (isKilled) {
        process.destroyForcibly().waitFor();
        kills++;
        count(lives);
      } else {
        assertEquals(0, process.waitFor(), Files.readString(folder.resolve("printed")));
      }
      resumes += isResumed ? 1 : 0;
    }
  }

  private void await(Moment moment, int lives, Process process) throws Exception {
    if (moment == Moment.STARTING) {
      process.waitFor(random.nextInt(1500), TimeUnit.MILLISECONDS);
      return;
    }
    while (process.isAlive() && lives() == lives) {
      Thread.sleep(2);
    }
    boolean isAtEnd = moment == Moment.RESULTS || moment == Moment.MODEL;
    while (process.isAlive() && isAtEnd && !log().contains("calibrating")) {
      Thread.sleep(2);
    }
    process.waitFor(random.nextInt(isAtEnd ? 60 : 2500), TimeUnit.MILLISECONDS);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
    while (process.isAlive()
        && !moment.file.isEmpty()
        && halfWritten().noneMatch(moment.file::equals)
        && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }

  /** Names of files under whose temporary names something is left or written. */
  private Stream<String> halfWritten() {
    String[] files = out.toFile().list();
    return files == null
        ? Stream.of()
        : Stream.of(files).map(TEMPORARY::matcher).filter(Matcher::matches).map(m -> m.group(1));
  }

  private String log() throws IOException {
    Path log = out.resolve("log.txt");
    return Files.exists(log) ? Files.readString(log) : "";
  }

  /** How many processes have begun to train. */
  private int lives() throws IOException {
    return (int) log().lines().filter(line -> line.contains("ing in " + out)).count();
  }

  /** Where the kill was, and what is lost by it. */
  private void count(int lives) throws IOException {
    int before = step;
    if (Files.exists(out.resolve("last.zip"))) {
      String state = ModelFile.read(out.resolve("last.zip")).trainingState();
      step = new ObjectMapper().readTree(state).get("step").asInt();
    }
    assertTrue(step >= before, step + " after " + before);
    int lost = lastStep() - step;
    assertTrue(lost <= CHECKPOINT_EVERY, lost + " steps are lost");
    mostLost = Math.max(mostLost, lost);
    halfWritten().forEach(file -> written.merge(file.replaceAll("\\d+", "N"), 1, Integer::sum));
    phases.merge(phase(lives), 1, Integer::sum);
  }

  private int lastStep() throws IOException {
    Matcher steps = STEP.matcher(log());
    int last = 0;
    while (steps.find()) {
      last = Math.max(last, Integer.parseInt(steps.group(1)));
    }
    return last;
  }

  private String phase(int lives) throws IOException {
    if (lives() == lives) {
      return lives == 0 ? "starting" : "resuming";
    }
    String line = log().lines().reduce("", (a, b) -> b).toLowerCase(Locale.ROOT);
    if (line.contains("calibrating") || line.contains("losses") || line.contains("files are")) {
      return "after the last step";
    }
    return step == 0 ? "training, before the first checkpoint" : "training";
  }
}
