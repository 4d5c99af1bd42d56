package org.backpropninja.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * docs/conformance.md lists the checks that there are, and what it says of DL4J is what its lines
 * of Java print.
 */
class ConformancePageTest {

  private static final String TYPE = "Fault";

  /** A block of Java with the block of text below it. */
  private static final Pattern SHOWN =
      Pattern.compile(
          "^```java\n(.*?)^```\n+^```text\n(.*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);

  private static final Pattern IMPORTS =
      Pattern.compile("^```\n(import .*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);

  @TempDir Path folder;

  /**
   * What a section shows.
   *
   * @param heading of the section
   * @param code the statements
   * @param printed what they print
   */
  record Shown(String heading, String code, String printed) {

    @Override
    public String toString() {
      return heading;
    }
  }

  private static String page() throws IOException {
    return Files.readString(Path.of("docs/conformance.md"));
  }

  /** The section under a heading, up to the next of its rank. */
  private static String section(String heading) throws IOException {
    String[] parts = page().split("(?m)^## " + Pattern.quote(heading) + "$", -1);
    assertEquals(2, parts.length, "sections called " + heading);
    return parts[1].split("(?m)^## ")[0];
  }

  private static String faults() throws IOException {
    return section("What it finds in DL4J 1.0.0-M2.1");
  }

  static List<Shown> shown() throws IOException {
    return Stream.of(faults().split("(?m)^### "))
        .skip(1)
        .flatMap(
            each ->
                SHOWN
                    .matcher(each)
                    .results()
                    .map(
                        block ->
                            new Shown(
                                each.lines().findFirst().orElse(""),
                                block.group(1),
                                block.group(2))))
        .toList();
  }

  @Test
  void everyFaultIsShown() throws IOException {
    String[] faults = faults().split("(?m)^### ");
    assertTrue(faults.length > 1, "no faults");
    for (String fault : List.of(faults).subList(1, faults.length)) {
      assertEquals(1, SHOWN.matcher(fault).results().count(), fault);
      assertEquals(2, fault.split("(?m)^```\\w+$", -1).length - 1, fault);
      assertTrue(fault.contains("\n**Instead:** "), fault);
    }
  }

  @ParameterizedTest
  @MethodSource("shown")
  void isWhatTheLinesPrint(Shown shown) throws Exception {
    assertEquals(shown.printed(), printed(shown.code(), folder));
  }

  private static String printed(String code, Path folder) throws Exception {
    MatchResult imports = IMPORTS.matcher(faults()).results().findFirst().orElseThrow();
    Path source = folder.resolve(TYPE + ".java");
    String program =
        "%s\npublic class %s {\n  public static void main(String[] args) {\n%s  }\n}\n"
            .formatted(imports.group(1), TYPE, code);
    Files.writeString(source, program);
    String classPath = System.getProperty("java.class.path");
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-cp", classPath, source.toString());
    assertEquals(0, status, () -> "does not compile: " + program);
    PrintStream out = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      loader.loadClass(TYPE).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    } finally {
      System.setOut(out);
    }
    return printed.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
  }

  @Test
  void theChecksAreThoseOfTheKit() throws IOException {
    String table =
        section("The checks")
            .lines()
            .filter(line -> line.startsWith("| `"))
            .collect(Collectors.joining("\n"));
    assertEquals(table(), table);
  }

  private static String table() {
    return Stream.concat(
            LayerConformance.DEFINITIONS.stream(), LossConformance.DEFINITIONS.stream())
        .map(each -> "| `%s` | %s |".formatted(each.name(), each.about()))
        .collect(Collectors.joining("\n"));
  }

  /** Prints what the page has to show: the checks, and what its lines of Java print. */
  public static void main(String[] args) throws Exception {
    System.out.println(table());
    for (Shown each : shown()) {
      System.out.println("### " + each.heading());
      System.out.println(printed(each.code(), Files.createTempDirectory("conformance")));
    }
  }
}
