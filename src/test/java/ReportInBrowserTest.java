import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.backpropninja.names.RunFolder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The report in Chromium, without a network; skipped where Chromium is not installed. */
class ReportInBrowserTest {
  private static final int STEPS = 100;
  private static final int RUNNING_MEAN = 0x0969da; // --series-0 of report-colours.css
  private static final int VALIDATION = 0xbc4c00;

  @TempDir private static Path folder;
  private static Chromium chromium;
  private static ReportData data;

  @BeforeAll
  static void train() throws IOException {
    Optional<Path> found = Chromium.installed();
    assumeTrue(found.isPresent(), "no Chromium on the PATH: nobody looked at the report");
    chromium = new Chromium(found.orElseThrow(), folder);
    data = ReportDemo.train(STEPS, 16);
  }

  private static Path write(ReportData data) throws IOException {
    Report.write(new RunFolder(folder), data);
    return folder.resolve("report.html");
  }

  @Test
  void chartsAreDrawnAndHostileTextIsHarmless() throws Exception {
    String dom = chromium.elements(write(ReportDataWith.hostile(data)));

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
    BufferedImage screen = picture(write(data));

    assertTrue(count(screen, RUNNING_MEAN) > 300, "running mean: " + count(screen, RUNNING_MEAN));
    assertTrue(count(screen, VALIDATION) > 300, "validation: " + count(screen, VALIDATION));
  }

  // What a user does

  /** The page, and a user's actions in JavaScript, which its security policy would forbid. */
  private static Path written(String actions) throws IOException {
    String page = Files.readString(write(data)).replaceFirst("<meta http-equiv[^>]*>", "");
    return Files.writeString(
        folder.resolve("acted.html"),
        page.replace(
            "</body>",
            "<script>addEventListener('load', () => {" + actions + "});</script></body>"));
  }

  /** The legends of both charts tell the step at the pointer, which is put on the left edge. */
  private static String pointerOnTheLeft() {
    return """
        const over = document.querySelector(".u-over");
        const box = over.getBoundingClientRect();
        const at = (type, target, x) => target.dispatchEvent(new MouseEvent(type,
          {clientX: box.left + x, clientY: box.top + 9, movementX: 1, bubbles: true, view: window}));
        const look = () => setTimeout(() => {
          at("mouseenter", over, 1);
          at("mousemove", over, 1);
        }, 200);
        """;
  }

  private static List<Integer> stepsAtThePointer(String dom) {
    return Pattern.compile("<div class=\"u-label\">step</div></th><td class=\"u-value\">([^<]*)<")
        .matcher(dom)
        .results()
        .map(match -> Integer.parseInt(match.group(1).replaceAll("\\D", "")))
        .toList();
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "0.5, 51", "0.1, 91"})
  void aButtonZoomsBothCharts(String part, int first) throws Exception {
    String click = "document.querySelector('[data-last=\"" + part + "\"]').click(); look();";

    String dom = chromium.elements(written(pointerOnTheLeft() + click));

    assertNear(List.of(first, first), stepsAtThePointer(dom));
  }

  @Test
  void draggingZoomsBothChartsAndADoubleClickShowsAll() throws Exception {
    String drag =
        """
        const x = box.width / 4;
        at("mouseenter", over, x);
        at("mousemove", over, x);
        at("mousedown", over, x);
        at("mousemove", over, 3 * x);
        at("mouseup", document, 3 * x);
        """;
    String dom = chromium.elements(written(pointerOnTheLeft() + drag + "look();"));
    assertNear(List.of(STEPS / 4, STEPS / 4), stepsAtThePointer(dom));

    String back = drag + "at('dblclick', over, x); look();";
    dom = chromium.elements(written(pointerOnTheLeft() + back));
    assertNear(List.of(1, 1), stepsAtThePointer(dom));
  }

  private static void assertNear(List<Integer> expected, List<Integer> actual) {
    assertEquals(expected.size(), actual.size(), actual::toString);
    assertTrue(
        IntStream.range(0, actual.size())
            .allMatch(i -> Math.abs(actual.get(i) - expected.get(i)) <= 2),
        () -> actual + ", not " + expected);
  }

  /** In a logarithmic scale the validation loss, near the lower end, is higher up. */
  @Test
  void theLogButtonChangesTheScaleAndBack() throws Exception {
    String click = "document.getElementById('log').click();";
    assertTrue(chromium.elements(written(click)).contains("id=\"log\" aria-pressed=\"true\""));
    assertTrue(
        chromium.elements(written(click + click)).contains("id=\"log\" aria-pressed=\"false\""));

    int linear = lowest(picture(written("")));
    int logarithmic = lowest(picture(written(click)));
    assertEquals(linear, lowest(picture(written(click + click))));
    assertTrue(logarithmic != linear, "the same at " + linear);
  }

  /** The lowest row of pixels with the validation loss. */
  private static int lowest(BufferedImage screen) {
    return IntStream.range(0, screen.getHeight())
        .filter(
            y ->
                IntStream.range(0, screen.getWidth() / 2)
                    .anyMatch(x -> (screen.getRGB(x, y) & 0xFFFFFF) == VALIDATION))
        .max()
        .orElseThrow();
  }

  private static BufferedImage picture(Path page) throws Exception {
    Path png = folder.resolve("report.png");
    chromium.picture(page, 1000, 800, png);
    return ImageIO.read(png.toFile());
  }

  /** How many pixels have a colour. */
  private static long count(BufferedImage image, int colour) {
    int[] pixels =
        image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    return Arrays.stream(pixels).filter(pixel -> (pixel & 0xFFFFFF) == colour).count();
  }
}
