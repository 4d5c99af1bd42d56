import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.Vocabulary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** The trainer takes names of all scripts, emoji, spaces and any length. */
class NamesOfAnyKindTest {
  private static final String SMALL =
      "--hidden 5 --batch 8 --steps %d --samples 5 --names %s --out %s";

  @TempDir private Path folder;

  @Test
  void emojiAndSpacesAreCharactersFromTheFileToTheModelAndOnResume() throws IOException {
    List<String> words =
        List.of("Mary Ann", "👩\u200d👧 x", "de la Cruz", "😀😀", "zoë", "𐌀𐌁", "an na");
    Path names = Files.write(folder.resolve("names"), words);
    Path whole = folder.resolve("whole");
    Path resumed = folder.resolve("resumed");
    String spaces = " --spaces --checkpoint-every 10 --schedule constant";
    assertRuns(SMALL.formatted(40, names, whole) + spaces);
    assertRuns(SMALL.formatted(20, names, resumed) + spaces);
    assertRuns("--steps 40 --resume " + resumed); // run.json knows of the spaces

    Vocabulary vocabulary = Vocabulary.of(words);
    assertTrue(vocabulary.has(' ') && vocabulary.has("😀".codePointAt(0)));
    ModelFile model = ModelFile.read(whole.resolve("model.zip"));
    assertEquals(vocabulary, model.vocabulary());
    assertEquals(
        model.network().params(), ModelFile.read(resumed.resolve("model.zip")).network().params());
    JsonNode run = json(resumed.resolve("run.json"));
    assertEquals(vocabulary.toString(), run.get("vocabulary").asText());
    assertEquals("true", run.get("options").get("--spaces").asText());
    assertEquals(
        json(whole.resolve("summary.json")).get("names"),
        json(resumed.resolve("summary.json")).get("names"));
    for (JsonNode name : json(whole.resolve("summary.json")).get("names")) {
      assertTrue(name.asText().codePoints().allMatch(vocabulary::has), name.asText());
    }
  }

  @Test
  void aNameOfAMillionCharactersTrains() throws IOException {
    List<String> words =
        List.of("anna", "bob", "cleo", "dora", "emma", "fred", "ab😀".repeat(333_334));
    Path names = Files.write(folder.resolve("names"), words);
    assertRuns(SMALL.formatted(5, names, folder.resolve("out")));
    JsonNode examples = json(folder.resolve("out/summary.json")).get("examples");
    assertEquals(
        words.stream().mapToLong(word -> word.codePoints().count() + 1).sum(),
        Stream.of("train", "val", "test").mapToLong(part -> examples.get(part).asLong()).sum());
  }

  private static void assertRuns(String args) {
    TrainerRuns.Printed printed = TrainerRuns.run(args);
    assertEquals(0, printed.status(), printed.err());
  }

  private static JsonNode json(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }

  @Test
  void theGreekNamesAre200OrMoreAllDifferentAndAllGreek() throws IOException {
    Path file = Path.of("examples/names-greek.txt");
    List<String> names = NamesFile.read(file);
    assertTrue(names.size() >= 200, names.size() + " names");
    assertEquals(names.size(), new HashSet<>(names).size());
    for (String name : names) {
      assertTrue(
          name.codePoints()
              .allMatch(c -> Character.UnicodeScript.of(c) == Character.UnicodeScript.GREEK),
          name);
    }
    assertEquals(String.join("\n", names) + "\n", Files.readString(file, UTF_8), "one a line");
  }
}
