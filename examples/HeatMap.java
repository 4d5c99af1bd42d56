import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import javax.imageio.ImageIO;

/** A matrix in grey, smallest black, largest white, with a label above each column. */
final class HeatMap {
  private static final int CELL = 16;

  private HeatMap() {}

  /**
   * Draws a PNG.
   *
   * @param matrix all rows of one length, finite
   * @param labels one for each column
   * @param background may be transparent
   * @param ink of the labels
   */
  static byte[] png(double[][] matrix, List<String> labels, Color background, Color ink)
      throws IOException {
    int width = (labels.size() + 2) * CELL;
    int height = (matrix.length + 2) * CELL;
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(background);
    graphics.fillRect(0, 0, width, height);
    cells(graphics, matrix);
    graphics.setColor(ink);
    labels(graphics, labels);
    graphics.dispose();
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(image, "png", png);
    return png.toByteArray();
  }

  private static void cells(Graphics2D graphics, double[][] matrix) {
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    for (double[] row : matrix) {
      for (double value : row) {
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    }
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix[i].length; j++) {
        float grey = most == least ? 0.5f : (float) ((matrix[i][j] - least) / (most - least));
        graphics.setColor(new Color(grey, grey, grey));
        graphics.fillRect((j + 1) * CELL, (i + 1) * CELL, CELL, CELL);
      }
    }
  }

  private static void labels(Graphics2D graphics, List<String> labels) {
    graphics.setFont(new Font(Font.MONOSPACED, Font.PLAIN, CELL * 3 / 4));
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    for (int j = 0; j < labels.size(); j++) {
      int width = graphics.getFontMetrics().stringWidth(labels.get(j));
      graphics.drawString(labels.get(j), (j + 1) * CELL + (CELL - width) / 2, CELL * 3 / 4);
    }
  }
}
