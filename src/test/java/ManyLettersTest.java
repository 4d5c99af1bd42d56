import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Thousands of letters do not fill the memory: a whole run, in a process with the pom's flags.
 *
 * <p>It takes minutes, so it runs where it is asked for:
 *
 * <pre>mvn -q test -Dtest=ManyLettersTest -Dmany.names=100000</pre>
 */
@EnabledOnOs(OS.LINUX) // reads /proc
@EnabledIfSystemProperty(named = "many.names", matches = "\\d+")
class ManyLettersTest {
  private static final int LETTERS = 3_000;
  private static final int NAMES = Integer.getInteger("many.names", 0);
  private static final int MOST_MEBIBYTES = 2048;

  @TempDir private Path folder;

  @Test
  void aRunOfThousandsOfLettersTakesLittleMemory() throws Exception {
    Path names = Files.write(folder.resolve("names.txt"), names());
    Path log = folder.resolve("log");
    String args = "--quiet --steps 20 --samples 5 --names %s --out %s";
    Process process =
        TrainerRuns.pomsBuilder(args.formatted(names, folder.resolve("out")))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    long most = 0;
    while (process.isAlive()) {
      most = Math.max(most, mostResident(process));
      Thread.sleep(100);
    }
    String printed = Files.readString(log, UTF_8);
    System.out.printf("%d letters, %d names: at most %d MiB%n", LETTERS, NAMES, most);
    assertEquals(0, process.exitValue(), printed);
    assertEquals(2 + 5 + 1, printed.lines().count(), printed); // losses, names, shares
    assertTrue(most > 0 && most <= MOST_MEBIBYTES, most + " MiB");
  }

  /** Each letter in one at least, 2 to 6 letters each. */
  private static List<String> names() {
    Random random = new Random(12);
    List<String> letters =
        new ArrayList<>(
            IntStream.range(0, LETTERS).mapToObj(k -> Character.toString(0x4E00 + k)).toList());
    List<String> names = new ArrayList<>();
    while (names.size() < NAMES) {
      Collections.shuffle(letters, random);
      for (int from = 0; from < LETTERS && names.size() < NAMES; ) {
        int to = Math.min(LETTERS, from + 2 + random.nextInt(5));
        names.add(
            letters.subList(to - from < 2 ? from - 1 : from, to).stream()
                .collect(Collectors.joining()));
        from = to;
      }
    }
    return names;
  }

  /** In MiB, from the process's start; 0 if it has just ended. */
  private static long mostResident(Process process) throws IOException {
    Path status = Path.of("/proc", String.valueOf(process.pid()), "status");
    try {
      Matcher peak = Pattern.compile("VmHWM:\\s+(\\d+) kB").matcher(Files.readString(status));
      return peak.find() ? Long.parseLong(peak.group(1)) / 1024 : 0;
    } catch (IOException e) {
      if (process.isAlive()) {
        throw e;
      }
      return 0;
    }
  }
}
