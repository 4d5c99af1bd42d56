import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A run that finds no room for its files any more: nothing that was there is lost. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "has neither ulimit nor tmpfs")
class FullDiskTest {
  private static final String NO_COUNTERS = "-XX:-UsePerfData"; // a file of the Java runtime's own
  private static final int SAMPLES = 6;

  @TempDir Path folder;
  private Path whole;
  private String options;

  @BeforeEach
  void writeNames() throws IOException {
    whole = folder.resolve("whole");
    options =
        "--steps 60 --hidden 7 --embedding 3 --batch 5 --checkpoint-every 10 --eval-every 15"
            + " --samples %d --names %s --out ".formatted(SAMPLES, TrainerRuns.names(folder));
  }

  /** An undisturbed run, and a copy of its folder after 24 steps. */
  private Path interrupted() {
    Path copy = folder.resolve("copy");
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            options + whole,
            line -> {
              if (line.startsWith("step 24 of")) {
                TrainerRuns.copy(whole, copy);
              }
            });
    assertEquals(0, printed.status(), printed.err());
    return copy;
  }

  /** The operating system refuses each byte of a file behind the first 512 or 1024. */
  @Test
  void filesMustNotGrow() throws Exception {
    Path out = interrupted();
    List<String> limited = new ArrayList<>(List.of("sh", "-c", "ulimit -f 1; exec \"$@\"", "sh"));
    limited.addAll(TrainerRuns.builder(List.of(NO_COUNTERS), "--resume " + out).command());
    requireNothingLost(out, new ProcessBuilder(limited));
    requireGoesOn(out);
  }

  /** A disk of its own, in memory, for which the test must be allowed to mount one. */
  @Test
  void theDiskIsFull() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assumeTrue(
        status("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk.toString()) == 0,
        "skipped: no tmpfs can be mounted here");
    try {
      Path out = disk.resolve("out");
      TrainerRuns.copy(interrupted(), out);
      Path filler = disk.resolve("filler");
      fill(filler);
      requireNothingLost(out, TrainerRuns.builder(List.of(NO_COUNTERS), "--resume " + out));
      requireRefusedBeforeItTrains(disk.resolve("new"));
      Files.delete(filler);
      requireGoesOn(out);
    } finally {
      assertEquals(0, status("umount", disk.toString()));
    }
  }

  /** The permissions of a folder do not bind root, a disk that is mounted so does. */
  @Test
  void whatCannotBeWrittenToIsSaidBeforeTraining() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assertTrue(disk.toFile().setWritable(false));
    boolean isMounted = Files.isWritable(disk);
    assumeTrue(
        !isMounted || status("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk.toString()) == 0,
        "skipped: permissions do not bind this user, and no tmpfs can be mounted here");
    try {
      TrainerRuns.Printed printed = TrainerRuns.run(options + disk);
      assertEquals(1, printed.status(), printed.err());
      assertEquals("", printed.out());
      assertTrue(printed.err().startsWith(disk + " cannot be written to: "), printed.err());
      assertEquals(1, printed.err().lines().count(), printed.err());
    } finally {
      assertTrue(!isMounted || status("umount", disk.toString()) == 0);
      disk.toFile().setWritable(true);
    }
  }

  private static int status(String... command) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getInputStream().transferTo(OutputStream.nullOutputStream());
      return process.waitFor();
    } catch (IOException e) {
      return -1; // there is no such command
    }
  }

  private static void fill(Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      while (true) {
        out.write(new byte[512]);
      }
    } catch (IOException e) {
      assertTrue(Files.size(file) > 100_000, e::toString);
    }
  }

  private void requireNothingLost(Path out, ProcessBuilder builder) throws Exception {
    byte[] last = Files.readAllBytes(out.resolve("last.zip"));
    Process process = builder.start(); // with pipes: a file could not grow
    List<String> printed = new String(process.getInputStream().readAllBytes()).lines().toList();
    String err = new String(process.getErrorStream().readAllBytes());
    assertTrue(process.waitFor(1, TimeUnit.MINUTES));
    assertEquals(1, process.exitValue(), err);
    requireResults(printed);
    for (String file : List.of("last.zip", "summary.json", "model.zip", "report.html")) {
      long lines = err.lines().filter(line -> line.contains(file + " cannot be written")).count();
      assertEquals(1, lines, err);
    }
    assertTrue(err.endsWith("not all files could be written to " + out + "\n"), err);
    assertArrayEquals(last, Files.readAllBytes(out.resolve("last.zip")));
    try (Stream<Path> files = Files.list(out)) {
      List<String> names = files.map(file -> file.getFileName().toString()).toList();
      assertFalse(names.stream().anyMatch(name -> name.endsWith(".part")), names::toString);
      assertFalse(names.contains("model.zip"), names::toString);
    }
  }

  /** The losses, the baseline's, the names and their shares. */
  private void requireResults(List<String> printed) throws IOException {
    List<String> results = printed.subList(printed.size() - SAMPLES - 3, printed.size());
    assertTrue(
        results.get(0).matches("train [\\d.]+  val [\\d.]+  test [\\d.]+"), printed::toString);
    String lastName = results.get(SAMPLES + 1).split(" +", 2)[1];
    assertTrue(Files.readString(whole.resolve("summary.json")).contains(lastName), lastName);
  }

  private void requireRefusedBeforeItTrains(Path out) {
    TrainerRuns.Printed printed = TrainerRuns.run(options + out);
    assertEquals(1, printed.status(), printed.err());
    assertEquals("", printed.out());
    assertEquals(1, printed.err().lines().count(), printed.err());
  }

  private void requireGoesOn(Path out) throws IOException {
    TrainerRuns.Printed printed = TrainerRuns.run("--resume " + out);
    assertEquals(0, printed.status(), printed.err());
    assertEquals(TrainerRuns.left(whole), TrainerRuns.left(out));
  }
}
