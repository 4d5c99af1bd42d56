import java.nio.file.Files;
import java.nio.file.Path;
import org.backpropninja.names.RunFolder;

/**
 * Makes {@code docs/images/report.png}: the upper part of the report of a run of 20,000 steps.
 *
 * <p>{@code mvn -q test-compile exec:exec -Dexample=ReportPicture}; Chromium must be on the PATH.
 */
final class ReportPicture {
  private static final int WIDTH = 1280;
  private static final int HEIGHT = 1500; // as far as the samples

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
    new RunFolder(Path.of("docs/images")).write("report.png", Files.readAllBytes(png));
  }
}
