import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.backpropninja.names.RunFolder;

/**
 * Makes {@code docs/images/report.png}: the upper part of the report of a run of 20,000 steps.
 *
 * <p>{@code mvn -q test-compile exec:exec -Dexample=ReportPicture}; Chromium must be on the PATH.
 */
final class ReportPicture {
  private static final int WIDTH = 1280;
  private static final int HEIGHT = 1488; // as far as the samples

  private ReportPicture() {}

  public static void main(String[] args) throws Exception {
    Path program =
        Chromium.installed()
            .orElseThrow(() -> new IllegalStateException("no Chromium on the PATH"));
    Path target = Path.of("target").toAbsolutePath();
    Path folder = RunFolder.createNew(target, "report-picture").folder();
    TrainNames.run(
        "--steps=20000",
        "--eval-every=1000",
        "--sample-every=5000",
        "--out=" + folder.resolve("20000-steps"));
    Path png = folder.resolve("report.png");
    new Chromium(program, folder)
        .picture(folder.resolve("20000-steps/report.html"), WIDTH, HEIGHT, png);
    new RunFolder(Path.of("docs/images")).write("report.png", small(png));
  }

  /** The same without transparency, compressed as far as can be. */
  private static byte[] small(Path png) throws IOException {
    BufferedImage picture = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    picture.createGraphics().drawImage(ImageIO.read(png.toFile()), 0, 0, null);
    ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
    ImageWriteParam smallest = writer.getDefaultWriteParam();
    smallest.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
    smallest.setCompressionQuality(0);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ImageOutputStream out = ImageIO.createImageOutputStream(bytes)) {
      writer.setOutput(out);
      writer.write(null, new IIOImage(picture, null, null), smallest);
    }
    return bytes.toByteArray();
  }
}
