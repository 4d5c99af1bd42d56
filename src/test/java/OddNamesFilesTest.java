import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.NamesFile.Spaces;
import org.backpropninja.names.NamesSplit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Odd and broken names files are refused in one line, or read as makemore.py reads them. */
class OddNamesFilesTest {
  private static final long SEED = 12;
  private static final int FEWEST_NAMES = 6;
  private static final int MOST_CHARACTERS = 65_535;

  @TempDir private Path folder;
  private final Map<String, int[]> counts = new TreeMap<>(); // refused and read, by kind
  private final List<String> wrong = new ArrayList<>();
  private Path file;

  @Test
  void eachIsRefusedInOneLineOrRight() throws Exception {
    file = folder.resolve("names.txt");
    List<OddNamesFiles.Odd> files = OddNamesFiles.of(SEED);
    for (OddNamesFiles.Odd odd : files) {
      Files.deleteIfExists(file);
      odd.writer().to(file);
      for (Spaces spaces : Spaces.values()) {
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> attack(odd.kind(), spaces));
      }
    }
    print();
    assertEquals(List.of(), wrong);
    assertTrue(files.size() >= 500, files.size() + " files");
  }

  private void print() {
    String row = "%-40s %7s %7s %7s%n";
    System.out.printf(row, "kind, read without and with spaces", "reads", "refused", "right");
    counts.forEach((kind, n) -> System.out.printf(row, kind, n[0] + n[1], n[0], n[1]));
    int refused = counts.values().stream().mapToInt(n -> n[0]).sum();
    int right = counts.values().stream().mapToInt(n -> n[1]).sum();
    System.out.printf(row, "all", refused + right, refused, right);
  }

  private void attack(String kind, Spaces spaces) throws Exception {
    int[] count = counts.computeIfAbsent(kind, k -> new int[2]);
    String place = "%s, file %d: ".formatted(kind, (count[0] + count[1]) / 2);
    NamesByPythonsRules expected = expected(spaces);
    try {
      Names read = Names.read(file, spaces, 3);
      count[1]++;
      boolean isRight =
          NamesFile.read(file, spaces).equals(expected.names())
              && words(read.split()).equals(expected.names().stream().sorted().toList());
      require(isUsable(expected) && isRight, place + "read");
    } catch (InvalidNamesException e) {
      count[0]++;
      String message = e.getMessage();
      require(!isUsable(expected), place + "refused: " + message);
      require(message.startsWith(file + where(expected)), place + message);
      require(message.codePoints().allMatch(OddNamesFilesTest::isPrintable), place + message);
      require(message.length() < 1000, place + "a long message");
    } catch (Throwable e) {
      require(false, place + e);
    }
  }

  private void require(boolean condition, String otherwise) {
    if (!condition) {
      wrong.add(otherwise);
    }
  }

  /** Null if there is nothing to read. */
  private NamesByPythonsRules expected(Spaces spaces) throws Exception {
    boolean isFile =
        Files.isRegularFile(file) && Files.isReadable(file) && Files.size(file) < 1 << 30;
    return isFile ? NamesByPythonsRules.of(file, spaces == Spaces.WITHIN_NAMES) : null;
  }

  private static boolean isUsable(NamesByPythonsRules expected) {
    return expected != null
        && expected.unusable() == 0
        && expected.names().size() >= FEWEST_NAMES
        && expected.characters() <= MOST_CHARACTERS;
  }

  private static String where(NamesByPythonsRules expected) {
    return expected == null || expected.unusable() == 0
        ? ""
        : ", line %d: ".formatted(expected.unusable());
  }

  /** Neither control nor format character, no end of a line, no half of a pair. */
  private static boolean isPrintable(int c) {
    int type = Character.getType(c);
    return type != Character.CONTROL
        && type != Character.FORMAT
        && type != Character.LINE_SEPARATOR
        && type != Character.PARAGRAPH_SEPARATOR
        && type != Character.SURROGATE;
  }

  /** All words of the three parts, sorted. */
  private static List<String> words(NamesSplit split) {
    List<String> words = new ArrayList<>();
    for (NamesDataset part : List.of(split.train(), split.validation(), split.test())) {
      StringBuilder word = new StringBuilder();
      for (int i = 0; i < part.size(); i++) {
        if (part.label(i) == 0) {
          words.add(word.toString());
          word.setLength(0);
        } else {
          word.append(part.vocabulary().character(part.label(i)));
        }
      }
    }
    return words.stream().sorted().toList();
  }
}
