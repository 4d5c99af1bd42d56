import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What docs/adding-a-layer.md shows and counts is what the example's files hold. */
class AddingALayerTest {

  private static final Path MAIN = Path.of("src/main/java/org/backpropninja");
  private static final Path EXAMPLE = Path.of("src/test/java/org/backpropninja/layers");
  private static final List<String> LAYER = List.of("LayerNorm", "LayerNormLayer");

  private static final Pattern BLOCK =
      Pattern.compile("^```java\n(.*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);

  private static final Pattern COMMENT_OR_STRING =
      Pattern.compile("/\\*.*?\\*/|//[^\n]*|\"[^\"\n]*\"", Pattern.DOTALL);

  private static String page() throws IOException {
    return Files.readString(Path.of("docs/adding-a-layer.md"));
  }

  private static String source(String type) throws IOException {
    return Files.readString(EXAMPLE.resolve(type + ".java"));
  }

  /** Without package and imports. */
  private static String body(String type) throws IOException {
    String source = source(type);
    return source.substring(source.indexOf("/**"));
  }

  @Test
  void theCodeIsThatOfTheFiles() throws IOException {
    List<String> blocks = BLOCK.matcher(page()).results().map(block -> block.group(1)).toList();
    assertTrue(blocks.size() > LAYER.size(), () -> blocks.size() + " blocks of Java");
    for (int k = 0; k < LAYER.size(); k++) {
      assertEquals(body(LAYER.get(k)), blocks.get(k));
    }
    for (String block : blocks.subList(LAYER.size(), blocks.size())) {
      assertTrue(
          source("LayerNormTest").contains("\n\n" + block),
          () -> "LayerNormTest.java does not hold\n" + block);
    }
  }

  /** All types of the library that the layer names or inherits from. */
  @Test
  void theClassesToUnderstandAreAllAndNoOthers() throws Exception {
    Matcher section =
        Pattern.compile(
                "^## The (\\d+) classes to understand\n(.*?)^## ",
                Pattern.DOTALL | Pattern.MULTILINE)
            .matcher(page());
    assertTrue(section.find(), "no section that counts classes");
    Set<String> listed =
        Pattern.compile("^- `(\\w+)`: ", Pattern.MULTILINE)
            .matcher(section.group(2))
            .results()
            .map(item -> item.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(needed(), listed);
    assertEquals(listed.size(), Integer.parseInt(section.group(1)));
  }

  private static Set<String> needed() throws Exception {
    Set<String> library = typesOfTheLibrary();
    Set<String> needed = new TreeSet<>();
    for (String type : LAYER) {
      String code = COMMENT_OR_STRING.matcher(source(type)).replaceAll("");
      Pattern.compile("\\w+")
          .matcher(code)
          .results()
          .map(word -> word.group())
          .forEach(needed::add);
      addSupertypes(Class.forName("org.backpropninja.layers." + type), needed);
    }
    needed.retainAll(library);
    return needed;
  }

  private static void addSupertypes(Class<?> type, Collection<String> to) {
    for (Class<?> t = type; t != null; t = t.getSuperclass()) {
      to.add(t.getSimpleName());
      for (Class<?> each : t.getInterfaces()) {
        addSupertypes(each, to);
      }
    }
  }

  /** By the names of their files. */
  private static Set<String> typesOfTheLibrary() throws IOException {
    try (Stream<Path> files = Files.walk(MAIN)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".java"))
          .map(name -> name.substring(0, name.length() - ".java".length()))
          .collect(Collectors.toSet());
    }
  }
}
