import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.Pointer;

/**
 * A long run with many checkpoints, and what it takes of the machine on its way; on Linux.
 *
 * <p>{@code mvn -q test-compile exec:exec -Dexample=TrainerSoak}; {@code -Dargs="--steps N"} and
 * other options of {@link TrainNames} follow the usual ones.
 */
final class TrainerSoak {
  private TrainerSoak() {}

  /** At one moment. */
  private record Taken(String step, double resident, double heap, double arrays, long handles) {
    static Taken now(String step) {
      double resident = residentBytes();
      double arrays = Pointer.totalBytes();
      System.gc(); // what is left is in use
      double heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
      return new Taken(step, resident, heap, arrays, openHandles());
    }

    private static double residentBytes() {
      try {
        return Files.readAllLines(Path.of("/proc/self/status"), UTF_8).stream()
            .filter(line -> line.startsWith("VmRSS:"))
            .mapToDouble(line -> 1024 * Double.parseDouble(line.replaceAll("\\D", "")))
            .sum();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static long openHandles() {
      return ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
          .getOpenFileDescriptorCount();
    }

    void print() {
      double MiB = 1 << 20;
      System.out.printf(
          Locale.ROOT,
          "%-28s %8.0f %8.1f %8.1f %8d%n",
          step,
          resident / MiB,
          heap / MiB,
          arrays / MiB,
          handles);
    }
  }

  /** Trains, then prints a table. */
  public static void main(String[] args) throws IOException {
    Path folder = Files.createTempDirectory("soak").resolve("run");
    List<Taken> all = new ArrayList<>();
    TrainerRuns.Printed printed =
        TrainerRuns.run(
            "--checkpoint-every 1000 --keep-every 50000 --out %s %s"
                .formatted(folder, String.join(" ", args))
                .strip(),
            line -> {
              if (line.startsWith("step ")) {
                all.add(Taken.now(line.substring(0, line.indexOf(','))));
              }
            });
    all.add(Taken.now("after the run"));
    System.out.printf("%-28s %8s %8s %8s %8s%n", "", "resident", "heap", "arrays", "handles");
    all.forEach(Taken::print);
    String checkpoints = Files.readString(folder.resolve("log.txt"));
    System.out.printf(
        "memory in MiB; %d checkpoints; status %d; files left: %s%n",
        checkpoints.lines().filter(line -> line.endsWith("saved in last.zip")).count(),
        printed.status(),
        String.join(" ", sorted(folder.toFile())));
    System.exit(printed.status());
  }

  private static List<String> sorted(File folder) {
    return List.of(folder.list()).stream().sorted().toList();
  }
}
