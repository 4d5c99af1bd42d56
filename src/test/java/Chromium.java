import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Chromium without a window and without a network.
 *
 * @param program that runs it
 * @param folder for what it leaves
 */
record Chromium(Path program, Path folder) {

  /** Empty where none is on the PATH. */
  static Optional<Path> installed() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .flatMap(
            folder ->
                Stream.of("chromium", "chromium-browser", "google-chrome")
                    .map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Opens a page in light colours, and returns its elements as they are after its scripts. */
  String elements(Path page) throws IOException, InterruptedException {
    return open(page, 1000, 800, "--dump-dom");
  }

  /** Opens a page in light colours, and writes what its window shows as PNG. */
  void picture(Path page, int width, int height, Path png)
      throws IOException, InterruptedException {
    open(page, width, height, "--screenshot=" + png);
  }

  private String open(Path page, int width, int height, String action)
      throws IOException, InterruptedException {
    Path printed = folder.resolve("printed");
    Path log = folder.resolve("log");
    List<String> command = new ArrayList<>(List.of(program.toString(), "--headless"));
    command.addAll(
        List.of(
            "--no-sandbox",
            "--user-data-dir=" + Files.createTempDirectory(folder, "profile"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=%d,%d".formatted(width, height),
            "--blink-settings=preferredColorScheme=1",
            "--virtual-time-budget=5000",
            "--enable-logging=stderr",
            action,
            page.toUri().toString()));
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(printed.toFile())
            .redirectError(log.toFile())
            .start();
    try {
      assertTrue(process.waitFor(120, TimeUnit.SECONDS), "Chromium does not end");
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    String said = Files.readString(log);
    assertEquals(0, process.exitValue(), said);
    assertEquals(List.of(), said.lines().filter(line -> line.contains("CONSOLE")).toList());
    return Files.readString(printed);
  }
}
