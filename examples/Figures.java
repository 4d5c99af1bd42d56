import java.awt.AWTError;
import java.awt.Color;
import java.io.IOException;
import java.util.Collection;
import java.util.List;

/**
 * Pictures as pieces of a page.
 *
 * <p>Where one cannot be drawn, as where Java has no fonts, the page says so and the run goes on.
 */
final class Figures {
  private static final Color TRANSPARENT = new Color(0, 0, 0, 0);
  private static final Color ON_LIGHT = new Color(0x1f2328);
  private static final Color ON_DARK = new Color(0xe6edf3);

  private Figures() {}

  /** Draws a picture. */
  interface Picture {
    byte[] draw() throws IOException;
  }

  /** Makes a piece of a page. */
  private interface Drawing {
    String html() throws IOException;
  }

  /** An SVG picture with the names of its lines, in the order of their colours. */
  static String svg(String caption, Collection<String> legend, Picture picture) {
    return orReason(
        () ->
            """
            <figure><img src="%s" alt="%s"><figcaption>%s%s</figcaption></figure>"""
                .formatted(
                    Html.dataUri("image/svg+xml", picture.draw()),
                    Html.text(caption + " " + String.join(", ", legend)),
                    Html.text(caption),
                    Html.list("legend", legend)));
  }

  /** A heat map twice, with labels for a light page and for a dark one. */
  static String heatMap(String caption, double[][] matrix, List<String> labels) {
    return orReason(
        () ->
            """
            <figure><picture><source media="(prefers-color-scheme: dark)" srcset="%s">
            <img class="pixels" src="%s" alt="%s"></picture><figcaption>%3$s</figcaption></figure>"""
                .formatted(
                    png(matrix, labels, ON_DARK),
                    png(matrix, labels, ON_LIGHT),
                    Html.text(caption)));
  }

  private static String png(double[][] matrix, List<String> labels, Color ink) throws IOException {
    return Html.dataUri("image/png", HeatMap.png(matrix, labels, TRANSPARENT, ink));
  }

  /** A sentence about what failed. */
  static String failure(String what, Throwable cause) {
    return "<p class=\"bad\">" + what + ": " + Html.shortText(cause.toString()) + "</p>";
  }

  private static String orReason(Drawing drawing) {
    try {
      return drawing.html();
    } catch (IOException | RuntimeException | LinkageError | AWTError | InternalError e) {
      return failure("The picture cannot be drawn", e);
    }
  }
}
