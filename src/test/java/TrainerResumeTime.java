import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * How long it takes from {@code --resume} to the end of the first step, with the default sizes: a
 * new process reads the names and the checkpoint.
 *
 * <p>{@code mvn -q test-compile exec:exec -Dexample=TrainerResumeTime}
 */
final class TrainerResumeTime {
  private TrainerResumeTime() {}

  /** Prints three times. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("resume");
    Path interrupted = folder.resolve("interrupted");
    TrainerRuns.run(
        "--steps 10 --checkpoint-every 5 --samples 0 --out " + folder.resolve("whole"),
        line -> {
          if (line.startsWith("step 6 of")) {
            TrainerRuns.copy(folder.resolve("whole"), interrupted);
          }
        });
    for (int turn = 1; turn <= 3; turn++) {
      Path copy = folder.resolve("turn-" + turn);
      TrainerRuns.copy(interrupted, copy);
      System.out.printf(
          Locale.ROOT, "%.2f s from --resume to the end of the first step%n", seconds(copy));
    }
    System.exit(0); // ND4J's threads
  }

  private static double seconds(Path run) throws IOException, InterruptedException {
    long start = System.nanoTime();
    Process process =
        TrainerRuns.builder(List.of(), "--resume " + run)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
      String line = out.readLine();
      double seconds = (System.nanoTime() - start) / 1e9;
      if (!"step 6 of 10".equals(line == null ? "" : line.replaceAll(",.*", ""))) {
        throw new IllegalStateException("the first line is " + line);
      }
      return seconds;
    } finally {
      process.destroyForcibly().waitFor();
    }
  }
}
