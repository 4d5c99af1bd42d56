import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.junit.jupiter.api.Test;

/** The code is built as docs/architecture.md says. */
class ArchitectureTest {

  private static final String ROOT = "org.backpropninja";
  private static final Path SOURCES = Path.of("src/main/java/org/backpropninja");

  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);

  /** A type of ours, in an import or written out: its package, none for the root. */
  private static final Pattern OURS =
      Pattern.compile("\\borg\\.backpropninja\\.(?:([a-z]+)\\.)?(?=[A-Z*])");

  private static final Map<String, Pattern> LIBRARIES =
      Map.of(
          "ND4J", Pattern.compile("\\borg\\.nd4j\\."),
          "DL4J", Pattern.compile("\\borg\\.deeplearning4j\\."),
          "OpenBLAS", Pattern.compile("\\borg\\.bytedeco\\.openblas\\."),
          "JavaCPP", Pattern.compile("\\borg\\.bytedeco\\.javacpp\\."),
          "Hipparchus", Pattern.compile("\\borg\\.hipparchus\\."));

  // The page

  /** The rows of the only table of a section, as lists of cells. */
  private static List<List<String>> table(String heading) throws IOException {
    String page = Files.readString(Path.of("docs/architecture.md"));
    String[] parts = page.split("(?m)^## " + Pattern.quote(heading) + "$", -1);
    assertEquals(2, parts.length, "sections called " + heading);
    List<List<String>> rows =
        parts[1]
            .split("(?m)^## ")[0]
            .lines()
            .filter(line -> line.startsWith("|"))
            .map(line -> Arrays.stream(line.split("\\|")).skip(1).map(String::strip).toList())
            .toList();
    assertTrue(rows.size() > 2, heading + " has no table");
    return rows.subList(2, rows.size());
  }

  /** What stands between backticks. */
  private static List<String> names(String cell) {
    return Pattern.compile("`([^`]+)`").matcher(cell).results().map(r -> r.group(1)).toList();
  }

  // Public types

  @Test
  void publicTypesAreThoseThatAreListed() throws Exception {
    List<String> listed =
        table("Public types").stream().flatMap(r -> names(r.get(0)).stream()).toList();
    assertEquals(new HashSet<>(listed).size(), listed.size(), () -> "listed twice: " + listed);
    assertEquals(
        String.join("\n", new TreeSet<>(listed)),
        String.join("\n", publicTypes()),
        "make a type package-private, or give it a row in docs/architecture.md");
  }

  /** Those outside internal that another package can name, without the root package's name. */
  private static Set<String> publicTypes() throws Exception {
    Path classes =
        Path.of(Backward.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Set<String> types = new TreeSet<>();
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        String relative =
            classes.relativize(file).toString().replace(file.getFileSystem().getSeparator(), ".");
        Class<?> type =
            Class.forName(
                relative.substring(0, relative.length() - ".class".length()),
                false,
                ArchitectureTest.class.getClassLoader());
        if (isVisible(type) && !type.getPackageName().equals(ROOT + ".internal")) {
          types.add(type.getCanonicalName().substring(ROOT.length() + 1));
        }
      }
    }
    assertTrue(types.contains("Backward"), () -> "no classes in " + classes);
    return types;
  }

  /** Public, or protected inside another, and so are all types around it. */
  private static boolean isVisible(Class<?> type) {
    if (type == null) {
      return true;
    }
    int modifiers = type.getModifiers();
    return !type.isAnonymousClass()
        && !type.isLocalClass()
        && (Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers))
        && isVisible(type.getEnclosingClass());
  }

  // Packages

  /** What the code of a package names: packages of ours, and libraries. */
  private record Uses(Set<String> packages, Set<String> libraries) {}

  @Test
  void packagesUseWhatTheirRowSays() throws IOException {
    Map<String, Uses> written = new TreeMap<>();
    for (List<String> row : table("Packages")) {
      written.put(
          names(row.get(0)).get(0),
          new Uses(new TreeSet<>(names(row.get(2))), new TreeSet<>(words(row.get(3)))));
    }
    assertEquals(
        lines(written), lines(usesByPackage()), "rows of docs/architecture.md, and the code");
  }

  private static String lines(Map<String, Uses> uses) {
    return uses.entrySet().stream().map(Object::toString).collect(Collectors.joining("\n"));
  }

  private static List<String> words(String cell) {
    return Pattern.compile("\\w+").matcher(cell).results().map(MatchResult::group).toList();
  }

  private static Map<String, Uses> usesByPackage() throws IOException {
    Map<String, Uses> uses = new TreeMap<>();
    try (Stream<Path> files = Files.walk(SOURCES)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
        String own =
            SOURCES.relativize(file).getNameCount() == 1
                ? ROOT
                : file.getParent().getFileName().toString();
        Uses all = uses.computeIfAbsent(own, name -> new Uses(new TreeSet<>(), new TreeSet<>()));
        String code = COMMENT.matcher(Files.readString(file)).replaceAll("");
        OURS.matcher(code)
            .results()
            .map(use -> use.group(1) == null ? ROOT : use.group(1))
            .filter(other -> !other.equals(own))
            .forEach(all.packages::add);
        LIBRARIES.forEach(
            (library, pattern) -> {
              if (pattern.matcher(code).find()) {
                all.libraries.add(library);
              }
            });
      }
    }
    return uses;
  }

  @Test
  void noPackageUsesItselfByWayOfOthers() throws IOException {
    Map<String, Uses> uses = usesByPackage();
    for (String start : uses.keySet()) {
      Set<String> reached = new TreeSet<>();
      reach(start, uses, reached);
      assertTrue(!reached.contains(start), () -> start + " uses itself by way of " + reached);
    }
  }

  private static void reach(String from, Map<String, Uses> uses, Set<String> reached) {
    for (String next : uses.get(from).packages) {
      if (reached.add(next)) {
        reach(next, uses, reached);
      }
    }
  }
}
