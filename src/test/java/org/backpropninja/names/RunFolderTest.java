package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.names.RunFolder.Content;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** A file of a run folder is whole or not there, whatever happens while it is written. */
class RunFolderTest {

  @TempDir private Path above;
  private RunFolder folder;

  @BeforeEach
  void create() throws IOException {
    folder = RunFolder.create(above.resolve("runs/first"));
  }

  private String content(String name) throws IOException {
    return Files.readString(folder.folder().resolve(name));
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder.folder())) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aFileReplacesTheOneBefore() throws IOException {
    folder.write("notes", "the older and longer one".getBytes(UTF_8));
    folder.write("notes", "newer".getBytes(UTF_8));
    assertEquals("newer", content("notes"));
    assertEquals(List.of("notes"), files());
  }

  @Test
  void theOldFileIsWholeWhileTheNewOneIsWritten() throws IOException {
    folder.write("notes", "old".getBytes(UTF_8));
    folder.put(
        "notes",
        out -> {
          out.write("ne".getBytes(UTF_8));
          out.flush();
          assertEquals("old", content("notes"));
          out.write("w".getBytes(UTF_8));
        });
    assertEquals("new", content("notes"));
  }

  static Stream<Exception> failures() {
    return Stream.of(new IOException("disk full"), new IllegalStateException("a bug"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void contentThatFailsLeavesTheOldFileAndNothingElse(Exception failure) throws IOException {
    folder.write("notes", "old".getBytes(UTF_8));
    assertSame(failure, assertThrows(Exception.class, () -> folder.put("notes", half(failure))));
    assertEquals("old", content("notes"));
    assertEquals(List.of("notes"), files());
  }

  @ParameterizedTest
  @MethodSource("failures")
  void contentThatFailsLeavesNothingWhereNothingWas(Exception failure) throws IOException {
    assertSame(failure, assertThrows(Exception.class, () -> folder.put("notes", half(failure))));
    assertEquals(List.of(), files());
  }

  /** Fails half way. */
  private static Content half(Exception failure) {
    return out -> {
      out.write("half".getBytes(UTF_8));
      out.flush();
      if (failure instanceof IOException e) {
        throw e;
      }
      throw (RuntimeException) failure;
    };
  }

  @Test
  void aFileInTheWayIsRefusedAndStays() throws IOException {
    Path file = Files.writeString(above.resolve("file"), "precious");
    assertThrows(IOException.class, () -> RunFolder.create(file));
    assertThrows(IOException.class, () -> RunFolder.create(file.resolve("below")));
    assertEquals("precious", Files.readString(file));
  }

  @Test
  void summaryHoldsEachValueUnderItsName() throws IOException {
    folder.write(
        new Summary(
            2,
            new Parts<>(3, 4, 5),
            6,
            7,
            8.5,
            new Parts<>(0.25, 0.5, 0.75),
            List.of(List.of(0, 3.5), List.of(1, 2.5)),
            List.of("ada", "bo")));
    String expected =
        """
        {"words": 2,
         "examples": {"train": 3, "val": 4, "test": 5},
         "parameters": 6,
         "steps": 7,
         "microsecondsPerStep": 8.5,
         "losses": {"train": 0.25, "val": 0.5, "test": 0.75},
         "minibatchLosses": [[0, 3.5], [1, 2.5]],
         "names": ["ada", "bo"]}
        """;
    ObjectMapper json = new ObjectMapper();
    assertEquals(json.readTree(expected), json.readTree(content("summary.json")));
    assertEquals(List.of("summary.json"), files());
  }
}
