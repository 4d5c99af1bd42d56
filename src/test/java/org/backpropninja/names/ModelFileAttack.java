package org.backpropninja.names;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.backpropninja.names.HostileModelFiles.Hostile;
import org.deeplearning4j.util.ModelSerializer;

/**
 * Reads every hostile model file in this JVM and counts what came of it.
 *
 * <p>It takes a folder that exists and a seed, prints a table, and then what is wrong, a line each;
 * its exit status is 1 if there is any.
 */
final class ModelFileAttack {
  private static final long LARGEST = HostileModelFiles.model().network().params().length();

  /** In seconds; a usual one takes 0.01. */
  private static final double SLOWEST = 5;

  private final Path file;
  private final Map<String, int[]> counts = new TreeMap<>(); // refused and read, by kind
  private final List<String> wrong = new ArrayList<>();

  private ModelFileAttack(Path file) {
    this.file = file;
  }

  public static void main(String[] args) throws Exception {
    ModelFileAttack attack = new ModelFileAttack(Path.of(args[0]).resolve("model.zip"));
    attack.run(HostileModelFiles.of(Long.parseLong(args[1])));
    attack.print();
    System.exit(attack.wrong.isEmpty() ? 0 : 1);
  }

  private void print() throws IOException {
    String row = "%-28s %7s %7s %5s%n";
    System.out.printf(row, "kind", "files", "refused", "read");
    counts.forEach((kind, n) -> System.out.printf(row, kind, n[0] + n[1], n[0], n[1]));
    int refused = counts.values().stream().mapToInt(n -> n[0]).sum();
    int read = counts.values().stream().mapToInt(n -> n[1]).sum();
    System.out.printf(row, "all", refused + read, refused, read);
    System.out.println("resident memory at most: " + mostResident() + " MiB");
    wrong.forEach(System.out::println);
  }

  /** In MiB, as Linux tells; elsewhere 0. */
  private static long mostResident() throws IOException {
    Path status = Path.of("/proc/self/status");
    return Files.exists(status)
        ? Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("VmHWM:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024)
            .sum()
        : 0;
  }

  private void run(List<Hostile> files) throws Exception {
    HostileModelFiles.model().write(file);
    ModelFile.read(file); // so that all that stays open or in memory is there
    List<Path> temporary = temporary();
    for (Hostile hostile : files) {
      Files.deleteIfExists(file);
      hostile.writer().to(file);
      attack(hostile);
    }
    Files.deleteIfExists(file);
    require(handles().isEmpty(), "open handles: " + handles());
    require(temporary().equals(temporary), "temporary files: " + temporary());
    require(
        System.getProperty(Gadget.RAN) == null, "a gadget ran: " + System.getProperty(Gadget.RAN));
    requireThatGadgetsWork();
  }

  private void require(boolean condition, String otherwise) {
    if (!condition) {
      wrong.add("wrong: " + otherwise);
    }
  }

  private void attack(Hostile hostile) {
    int[] count = counts.computeIfAbsent(hostile.kind(), kind -> new int[2]);
    long start = System.nanoTime();
    try {
      ModelFile read = ModelFile.read(file);
      count[1]++;
      require(
          hostile.isHarmless() && read.network().params().length() == LARGEST,
          hostile.kind() + ": read");
    } catch (InvalidModelException e) {
      count[0]++;
      String message = e.getMessage();
      require(
          message.startsWith(file + ": ")
              && message.lines().count() == 1
              && message.length() < 3000
              && message.chars().noneMatch(c -> Character.isISOControl(c) || c == 0x202e),
          hostile.kind() + ": " + message);
    } catch (Throwable e) {
      require(false, hostile.kind() + ": " + e);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    require(seconds < SLOWEST, "%s: took %.1f s".formatted(hostile.kind(), seconds));
  }

  /** DL4J reads two of the files: a gadget that cannot tell that it runs would prove nothing. */
  private void requireThatGadgetsWork() throws Exception {
    for (Hostile hostile : HostileModelFiles.gadgets()) {
      hostile.writer().to(file);
      try {
        ModelSerializer.restoreMultiLayerNetwork(file.toFile());
      } catch (Exception e) {
        // it has run before the class turned out to be another one
      }
      String how = System.clearProperty(Gadget.RAN);
      require(how != null, "DL4J did not run the gadget of " + hostile.kind());
    }
  }

  /** Those of files that were attacked with, as Linux tells; elsewhere none. */
  private List<String> handles() throws IOException {
    List<String> open = new ArrayList<>();
    Path all = Path.of("/proc/self/fd");
    if (Files.isDirectory(all)) {
      try (DirectoryStream<Path> handles = Files.newDirectoryStream(all)) {
        for (Path handle : handles) {
          String target =
              Files.isSymbolicLink(handle) ? Files.readSymbolicLink(handle).toString() : "";
          if (target.startsWith(file.toString())) {
            open.add(target);
          }
        }
      }
    }
    return open;
  }

  private static List<Path> temporary() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files.sorted().toList();
    }
  }
}
