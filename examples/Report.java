import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Properties;
import org.backpropninja.names.RunFolder;

/**
 * A training run as one page that needs nothing else: {@code report.html}.
 *
 * <p>uPlot, whose script is part of the page, draws the loss; XChart has drawn the pictures. The
 * page's content security policy forbids it to load anything, and to run any script but ours.
 */
final class Report {
  static {
    // Before AWT is: the pictures need no display, and one that is not there would end them.
    System.setProperty("java.awt.headless", "true");
  }

  private static final String UPLOT_VERSION = uPlotVersion();
  private static final String COLOURS = resource("report-colours.css");
  private static final String STYLE =
      COLOURS + uPlot("dist/uPlot.min.css") + resource("report.css");
  private static final String SCRIPT = uPlot("dist/uPlot.iife.min.js") + resource("report.js");
  private static final String LICENCE = uPlot("LICENSE");

  private static final String PAGE =
      """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy"
        content="default-src 'none'; img-src data:; style-src '%s'; script-src '%s'">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>%s</title>
      <style>%s</style>
      </head>
      <body>
      %s
      <footer>
      <details><summary>Charts by uPlot %s, under the MIT licence</summary><pre>%s</pre></details>
      </footer>
      <script type="application/json" id="metrics">%s</script>
      <script>%s</script>
      </body>
      </html>
      """;

  private Report() {}

  /**
   * Writes {@code report.html}.
   *
   * @throws IOException if it cannot be written
   */
  static void write(RunFolder folder, ReportData data) throws IOException {
    folder.write("report.html", page(data).getBytes(StandardCharsets.UTF_8));
  }

  /** Makes the page. */
  static String page(ReportData data) {
    ReportCurves curves = new ReportCurves(data.metrics());
    return PAGE.formatted(
        hash(STYLE),
        hash(SCRIPT),
        Html.text(data.title()),
        STYLE,
        new ReportSections(data, curves).html(),
        UPLOT_VERSION,
        Html.text(LICENCE),
        curves.json(data.bigramLoss()),
        SCRIPT);
  }

  /** The colours as variables, for the page and for the pictures. */
  static String colours() {
    return COLOURS;
  }

  private static String uPlot(String file) {
    return resource("META-INF/resources/webjars/uplot/" + UPLOT_VERSION + "/" + file);
  }

  /** The version of the jar on the class path, which is part of its files' names. */
  private static String uPlotVersion() {
    Properties properties = new Properties();
    try (InputStream in = open("META-INF/maven/org.webjars.npm/uplot/pom.properties")) {
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version");
  }

  /** With line ends as a browser reads them, because it compares their hash. */
  private static String resource(String name) {
    try (InputStream in = open(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static InputStream open(String name) throws IOException {
    InputStream in = Report.class.getClassLoader().getResourceAsStream(name);
    if (in == null) {
      throw new IOException(name + " is not on the class path");
    }
    return in;
  }

  private static String hash(String content) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      byte[] digest = sha256.digest(content.getBytes(StandardCharsets.UTF_8));
      return "sha256-" + Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }
}
