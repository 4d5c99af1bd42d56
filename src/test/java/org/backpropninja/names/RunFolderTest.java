package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
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
  void aNewFolderIsNobodyElses() throws IOException {
    for (String name : List.of("noon", "noon-2", "noon-3")) {
      assertEquals(
          above.resolve("new/" + name), RunFolder.createNew(above.resolve("new"), "noon").folder());
    }
  }

  @Test
  void oneRunAtATimeHasTheLock() throws IOException {
    Closeable lock = folder.tryLock().orElseThrow();
    assertTrue(folder.tryLock().isEmpty());
    assertTrue(new RunFolder(folder.folder()).tryLock().isEmpty());
    lock.close();
    folder.tryLock().orElseThrow().close();
  }

  @Test
  void anotherProcessHasTheLockUntilItEnds() throws Exception {
    Process other = startLocker();
    assertEquals('l', other.getInputStream().read());
    assertTrue(folder.tryLock().isEmpty());
    other.destroyForcibly().waitFor();
    folder.tryLock().orElseThrow().close();
  }

  /** POSIX ends a process's locks on a file when it closes any of its descriptors of it. */
  @Test
  void aRefusedSecondAttemptLeavesTheLockClosedToOtherProcesses() throws Exception {
    Closeable lock = folder.tryLock().orElseThrow();
    assertTrue(folder.tryLock().isEmpty());
    Process other = startLocker();
    assertEquals('r', other.getInputStream().read());
    other.destroyForcibly().waitFor();
    lock.close();
  }

  private Process startLocker() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            Locker.class.getName(),
            folder.folder().toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Locks a folder until it is killed, or says that it is refused. */
  static final class Locker {
    public static void main(String[] args) throws Exception {
      Optional<Closeable> lock = new RunFolder(Path.of(args[0])).tryLock();
      System.out.print(lock.isPresent() ? "locked" : "refused");
      System.out.flush();
      Thread.sleep(60_000);
      lock.orElseThrow().close();
    }
  }

  private String temporary(String name) {
    return name + "." + UUID.randomUUID() + ".part";
  }

  @Test
  void theLockRemovesWhatAKilledWriterLeftAndNothingElse() throws IOException {
    Files.writeString(folder.folder().resolve(temporary("notes")), "half");
    Files.writeString(folder.folder().resolve("download.part"), "precious");
    folder.write("notes", "whole".getBytes(UTF_8));
    folder.tryLock().orElseThrow().close();
    assertEquals(List.of(".lock", "download.part", "notes"), files());
  }

  @Test
  void aFileIsWrittenUnderANameThatTheLockRemoves() {
    assertThrows(
        NoSuchFileException.class, // where it should be moved
        () ->
            folder.put(
                "notes",
                out -> {
                  folder.tryLock().orElseThrow().close();
                  assertEquals(List.of(".lock"), files());
                }));
  }

  @Test
  void whatAWriterThatWasKilledLeavesInANewFolderIsNoFile() throws IOException {
    assertTrue(folder.isEmpty());
    folder.tryLock().orElseThrow().close();
    Files.writeString(folder.folder().resolve(temporary("notes")), "half");
    assertTrue(folder.isEmpty());
    folder.write("download.part", new byte[1]);
    assertFalse(folder.isEmpty());
  }

  /** The last to end wins, and what it wrote is whole. */
  @Test
  void twoWritersOfOneFileDoNotMix() throws IOException {
    folder.put(
        "notes",
        out -> {
          out.write("out".getBytes(UTF_8));
          out.flush();
          folder.put("notes", inner -> inner.write("inner".getBytes(UTF_8)));
          out.write("er".getBytes(UTF_8));
        });
    assertEquals("outer", content("notes"));
    assertEquals(List.of("notes"), files());
  }

  @Test
  void whatFollowsASummaryIsBehindIt() throws IOException {
    Summary summary =
        new Summary(
            2,
            new Parts<>(3, 4, 5),
            6,
            7,
            8.5,
            new Parts<>(0.25, 0.5, 0.75),
            List.of(),
            List.of("ada"));
    folder.write(summary, Map.of("seed", 3));
    assertTrue(
        content("summary.json").replaceAll("\\s", "").endsWith("\"names\":[\"ada\"],\"seed\":3}"),
        content("summary.json"));
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
