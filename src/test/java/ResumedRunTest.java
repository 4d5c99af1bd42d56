import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.RunFolder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that was killed goes on to what an undisturbed one gives, to the last bit. */
class ResumedRunTest {
  private static final String SIZES =
      " --steps 60 --hidden 7 --embedding 3 --batch 5 --samples 6 --checkpoint-every 10"
          + " --eval-every 15 --keep-every 20 --sample-every 7 --names ";

  @TempDir Path folder;
  private String options;

  @BeforeEach
  void writeNames() throws IOException {
    options = SIZES + TrainerRuns.names(folder);
  }

  private String at(String name) {
    return folder.resolve(name).toString();
  }

  private TrainerRuns.Printed succeed(String args) {
    TrainerRuns.Printed printed = TrainerRuns.run(args);
    assertEquals(0, printed.status(), printed.err());
    return printed;
  }

  private void refused(String part, String args) {
    TrainerRuns.Printed printed = TrainerRuns.run(args);
    assertEquals(2, printed.status(), printed.err());
    assertEquals(1, printed.err().lines().count(), printed.err());
    assertTrue(printed.err().contains(part), printed.err());
  }

  /** Runs, and takes a copy of the folder in the midst of some steps, as a kill would leave it. */
  private void runWithCopies(String args, String from, List<Integer> steps) {
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            args,
            line ->
                steps.stream()
                    .filter(step -> line.startsWith("step " + step + " of"))
                    .forEach(step -> TrainerRuns.copy(folder.resolve(from), copyAt(from, step))));
    assertEquals(0, printed.status(), printed.err());
  }

  private Path copyAt(String from, int step) {
    return folder.resolve(from + "-" + step);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--updater sgd",
        "--updater sgd --compiled",
        "--updater adam --schedule cosine --warm-up 7 --weight-decay 0.03",
        "--updater adamw --schedule constant --compiled",
        "--updater nesterovs --schedule step --compiled",
        "--updater amsgrad --context 2"
      })
  void aKilledRunGoesOnToTheSameBits(String how) throws IOException {
    List<Integer> steps = List.of(6, 24, 36, 54); // before and after the first checkpoint
    runWithCopies(how + options + " --out " + at("whole"), "whole", steps);
    for (int step : steps) {
      Path copy = copyAt("whole", step);
      runWithCopies("--resume " + copy, copy.getFileName().toString(), List.of(42, 48));
      assertEquals(TrainerRuns.left(folder.resolve("whole")), TrainerRuns.left(copy), "at " + step);
    }
    Path twice = copyAt("whole-24", 42);
    succeed("--resume " + twice);
    assertEquals(TrainerRuns.left(folder.resolve("whole")), TrainerRuns.left(twice));
  }

  @Test
  void bothWaysOfTrainingGoOnWithEachOthersRuns() throws IOException {
    runWithCopies(options.strip() + " --out " + at("whole"), "whole", List.of(24));
    succeed("--compiled --resume " + copyAt("whole", 24));
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("whole/model.zip")),
        Files.readAllBytes(copyAt("whole", 24).resolve("model.zip")));
  }

  /** The progress begins where the checkpoint is. */
  @Test
  void onlyTheStepsAfterTheCheckpointAreTaken() throws IOException {
    runWithCopies(options.strip() + " --out " + at("whole"), "whole", List.of(36));
    String out = succeed("--resume " + copyAt("whole", 36)).out();
    assertTrue(out.startsWith("step 36 of 60"), out); // the checkpoint is of step 30
  }

  @Test
  void aFinishedRunGivesItsResultsAgain() throws IOException {
    succeed(options.strip() + " --out " + at("whole"));
    TrainerRuns.copy(folder.resolve("whole"), folder.resolve("copy"));
    String out = succeed("--resume " + at("copy")).out();
    assertTrue(out.startsWith("train "), out);
    assertEquals(
        TrainerRuns.left(folder.resolve("whole")), TrainerRuns.left(folder.resolve("copy")));
  }

  @Test
  void aRunOfAConstantRateMayBecomeLonger() throws IOException {
    String constant = "--schedule constant" + options;
    succeed(constant + " --out " + at("short"));
    succeed(constant.replace("--steps 60", "--steps 90") + " --out " + at("long"));
    succeed("--steps 90 --resume " + at("short"));
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("long/model.zip")),
        Files.readAllBytes(folder.resolve("short/model.zip")));
    refused("--steps (60) must be at least 90", "--steps 60 --resume " + at("short"));
  }

  /** An option without a value has none in run.json, and may get one. */
  @Test
  void aRunMayGoOnWithOtherSamples() throws IOException {
    succeed(options.strip() + " --out " + at("whole"));
    TrainerRuns.copy(folder.resolve("whole"), folder.resolve("copy"));
    String given = " --temperature 0.7 --top-k 4 --prefix an --max-length 5 --only-new --samples 3";
    succeed(options.strip().replace("--samples 6 ", "") + given + " --out " + at("other"));
    String resumed = succeed(given.strip() + " --resume " + at("copy")).out();
    assertTrue(resumed.contains("\nnew    an"), resumed);
    for (String file : List.of("run.json", "summary.json", "model.zip")) {
      assertEquals(
          TrainerRuns.left(folder.resolve("other")).get(file),
          TrainerRuns.left(folder.resolve("copy")).get(file),
          file);
    }
    assertEquals(resumed, succeed("--resume " + at("copy")).out());
    String back = "--temperature 1 --top-k 99 --prefix= --max-length 1000 --only-new=false";
    String again = succeed(back + " --samples 6 --resume " + at("copy")).out();
    assertEquals(succeed("--resume " + at("whole")).out(), again);
  }

  @Test
  void aPrefixThatNoNameHasIsRefusedBeforeTheFirstStep() {
    refused(
        "--prefix has characters that no name has: 'z'",
        options.strip() + " --prefix z --out " + at("a"));
    assertFalse(Files.exists(folder.resolve("a")));
  }

  @Test
  void whatContradictsTheRunIsRefused() throws IOException {
    succeed(options.strip() + " --out " + at("whole"));
    String resume = " --resume " + at("whole");
    refused("--hidden (9) must be 7", "--hidden 9" + resume);
    refused("--steps (90) must be 60", "--steps 90" + resume);
    refused("--learning-rate (0.2) must be 0.1", "--learning-rate 0.2" + resume);
    refused("may be lengthened", "--steps 90" + resume);
    refused("--out (x) must not be given", "--out x" + resume);
    refused(
        "adadelta has no learning rate", options.strip() + " --updater adadelta --schedule step");
    refused("needs --schedule cosine", options.strip() + " --warm-up 5");
    refused("--out (a\0b)", options.strip() + " --out a\0b");
    succeed("--hidden 7 --samples 6" + resume);
    Files.writeString(folder.resolve("names.txt"), "someone\n", StandardOpenOption.APPEND);
    refused("has changed since the run began", resume.strip());
  }

  @Test
  void whatIsNoRunIsRefused() throws IOException {
    refused("must be a folder with a run.json", "--resume " + at("nowhere"));
    Files.createDirectory(folder.resolve("odd"));
    Files.writeString(folder.resolve("odd/run.json"), "{\"options\": 3}");
    refused("run.json is unusable", "--resume " + at("odd"));
    Files.writeString(folder.resolve("odd/run.json"), "{}");
    refused("run.json is unusable", "--resume " + at("odd"));
  }

  /** Or what the run has left would be written over. */
  @Test
  void aRunWithoutItsLastCheckpointDoesNotBeginAnew() throws IOException {
    succeed(options.strip() + " --out " + at("whole"));
    TrainerRuns.copy(folder.resolve("whole"), folder.resolve("copy"));
    Files.delete(folder.resolve("copy/last.zip"));
    Files.delete(folder.resolve("copy/best.zip"));
    refused("last.zip is not there, but step-", "--resume " + at("copy"));
    Files.copy(folder.resolve("copy/step-20.zip"), folder.resolve("copy/last.zip"));
    Files.copy(folder.resolve("whole/best.zip"), folder.resolve("copy/best.zip"));
    succeed("--resume " + at("copy"));
    assertEquals(
        TrainerRuns.left(folder.resolve("whole")), TrainerRuns.left(folder.resolve("copy")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"step\": 3}",
        "{\"step\": -3, \"random\": {}, \"minibatchLosses\": [], \"updates\": [], \"sampled\": []}",
        "{\"step\": 3, \"random\": {\"seed\": 1, \"drawn\": 9000000000000000000}, "
            + "\"minibatchLosses\": [], \"updates\": [], \"sampled\": []}"
      })
  void aCheckpointWhoseStateCannotBeIsRefused(String state) throws IOException {
    succeed(options.strip() + " --out " + at("whole"));
    Path last = folder.resolve("whole/last.zip");
    ModelFile file = ModelFile.read(last);
    new ModelFile(file.network(), file.vocabulary(), state).write(last);
    refused("last.zip: ", "--resume " + at("whole"));
  }

  /** The evaluation after the last step would count, and end a longer run earlier. */
  @Test
  void aRunWithPatienceIsNotLengthened() {
    succeed(options.strip() + " --schedule constant --patience 9 --out " + at("whole"));
    refused(
        "a run with --schedule constant and without --patience may be lengthened",
        "--steps 90 --resume " + at("whole"));
  }

  @Test
  void aDamagedCheckpointIsRefused() throws IOException {
    succeed(options.strip() + " --out " + at("whole"));
    Path last = folder.resolve("whole/last.zip");
    byte[] bytes = Files.readAllBytes(last);
    Files.write(last, Arrays.copyOf(bytes, bytes.length / 2));
    refused("can be copied over it to go on from there", "--resume " + at("whole"));
  }

  @Test
  @SuppressWarnings("try") // the lock is closed, never named
  void aFolderThatIsWrittenToIsRefused() throws IOException {
    succeed(options.strip() + " --out " + at("whole"));
    try (Closeable lock = new RunFolder(folder.resolve("whole")).tryLock().orElseThrow()) {
      refused("is in use by another run", "--resume " + at("whole"));
    }
    succeed("--resume " + at("whole"));
  }

  @Test
  void aFolderThatIsNotEmptyIsRefusedAndStays() throws IOException {
    Files.createDirectory(folder.resolve("mine"));
    Files.writeString(folder.resolve("mine/precious"), "of mine");
    refused("must be new or empty", options.strip() + " --out " + at("mine"));
    assertEquals(List.of("precious"), List.of(folder.resolve("mine").toFile().list()));
    refused("--out (): a path must not be empty", options.strip() + " --out=");
  }
}
