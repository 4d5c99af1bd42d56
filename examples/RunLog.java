import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.time.temporal.ChronoUnit;
import java.util.HashSet;
import java.util.Set;
import org.backpropninja.names.RunFolder;

/**
 * Says what a run does, on the error stream and in log.txt, and what of its files is not written.
 *
 * <p>A full disk ends no training: results are shown all the same. But the run has then failed.
 */
final class RunLog {
  private final RunFolder folder;
  private final boolean isQuiet;
  private final Set<String> unwritten = new HashSet<>();

  RunLog(RunFolder folder, boolean isQuiet) {
    this.folder = folder;
    this.isQuiet = isQuiet;
  }

  /** Writes something into the run folder. */
  interface Writing {
    void run() throws IOException;
  }

  /** Says something of interest. */
  void say(String format, Object... values) {
    String text = format.formatted(values);
    if (!isQuiet) {
      System.err.println(text);
    }
    log(text);
  }

  /** Notes something in log.txt only. */
  void log(String text) {
    try {
      Files.writeString(
          folder.folder().resolve("log.txt"),
          "%s  %s%n".formatted(LocalDateTime.now().truncatedTo(ChronoUnit.MILLIS), text),
          UTF_8,
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      missing("log.txt", e);
    }
  }

  /** Writes a file; if that fails, says so and goes on. */
  boolean write(String file, Writing writing) {
    try {
      writing.run();
      unwritten.remove(file); // there was room again
      return true;
    } catch (IOException e) {
      missing(file, e);
      return false;
    }
  }

  private void missing(String file, IOException e) {
    if (unwritten.add(file)) {
      System.err.printf("%s cannot be written: %s%n", folder.folder().resolve(file), e);
    }
  }

  /** Whether something was not written; a line has said so of each file. */
  boolean isIncomplete() {
    return !unwritten.isEmpty();
  }
}
