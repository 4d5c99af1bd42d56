import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.backpropninja.names.RunFolder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The report in Chromium, without a network; skipped where Chromium is not installed. */
class ReportInBrowserTest {
  private static final int RUNNING_MEAN = 0x0969da; // --series-0 of report-colours.css
  private static final int VALIDATION = 0xbc4c00;

  @TempDir private static Path folder;
  private static String chromium;
  private static ReportData data;

  @BeforeAll
  static void train() throws IOException {
    Optional<Path> found = installed();
    assumeTrue(found.isPresent(), "no Chromium on the PATH: nobody looked at the report");
    chromium = found.orElseThrow().toString();
    data = ReportDemo.train(100, 16);
  }

  private static Optional<Path> installed() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .flatMap(
            folder ->
                Stream.of("chromium", "chromium-browser", "google-chrome")
                    .map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  @Test
  void chartsAreDrawnAndHostileTextIsHarmless() throws Exception {
    String dom = open(ReportDataWith.hostile(data), "--dump-dom");

    assertTrue(dom.contains("data-charts=\"2\""), "the script has come to its end");
    List<String> canvases =
        Pattern.compile("<canvas width=\"(\\d+)\" height=\"(\\d+)\"")
            .matcher(dom)
            .results()
            .map(size -> size.group(1) + "x" + size.group(2))
            .toList();
    assertEquals(2, canvases.size(), dom);
    assertTrue(
        canvases.stream().allMatch(size -> size.matches("[6-9]\\d\\dx[23]\\d\\d")),
        canvases::toString);
    assertFalse(dom.contains("data-hacked"), "somebody else's script has run");
    assertTrue(dom.contains("<bdi>שלום</bdi>"));
  }

  @Test
  void curvesAreVisible() throws Exception {
    open(data, "--screenshot=" + folder.resolve("report.png"));

    BufferedImage screen = ImageIO.read(folder.resolve("report.png").toFile());
    assertTrue(count(screen, RUNNING_MEAN) > 300, "running mean: " + count(screen, RUNNING_MEAN));
    assertTrue(count(screen, VALIDATION) > 300, "validation: " + count(screen, VALIDATION));
  }

  /** How many pixels have a colour. */
  private static long count(BufferedImage image, int colour) {
    int[] pixels =
        image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    return java.util.Arrays.stream(pixels).filter(pixel -> (pixel & 0xFFFFFF) == colour).count();
  }

  /** Opens the page, and returns what Chromium prints. */
  private static String open(ReportData data, String action) throws Exception {
    Report.write(new RunFolder(folder), data);
    Path printed = folder.resolve("printed");
    Path log = folder.resolve("log");
    List<String> command = new ArrayList<>(List.of(chromium, "--headless", "--no-sandbox"));
    command.addAll(
        List.of(
            "--user-data-dir=" + Files.createTempDirectory(folder, "profile"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1000,800",
            "--blink-settings=preferredColorScheme=1",
            "--virtual-time-budget=5000",
            "--enable-logging=stderr",
            action,
            folder.resolve("report.html").toUri().toString()));
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
