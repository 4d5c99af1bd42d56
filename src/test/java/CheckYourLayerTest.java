import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.backpropninja.check.ConformanceReport;
import org.backpropninja.check.ConformanceReport.Result;
import org.backpropninja.check.Verdict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The example of someone's own layer passes, and with its two bugs it does not. */
class CheckYourLayerTest {

  @Test
  void theLayerPasses() {
    ConformanceReport report = CheckYourLayer.run();
    report.assertPassed();
    assertEquals(report.ran(), report.count(Verdict.PASSED), report::text);
  }

  @ParameterizedTest
  @CsvSource({
    "gradients.input, input[",
    "gradients.layerBelow, of the layer below[",
    "contract.gradientView, what the view holds for gain["
  })
  void bothBugsAreFound(String check, String where) {
    ConformanceReport report = CheckYourLayer.run("--broken");
    Result result =
        report.results().stream().filter(each -> each.name().equals(check)).findFirst().get();
    assertEquals(Verdict.FAILED, result.verdict(), report::text);
    assertTrue(result.message().contains(where), result::message);
  }

  @Test
  void theStatusIsThatOfTheReport() {
    assertEquals(0, print().status());
    Printed broken = print("--broken");
    assertEquals(1, broken.status());
    assertTrue(broken.out().startsWith("MyLayerNormWithBugs, seed 1: "), broken::out);
    assertTrue(broken.out().endsWith("NOT PASSED" + System.lineSeparator()), broken::out);
  }

  private record Printed(int status, String out) {}

  private static Printed print(String... args) {
    PrintStream out = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      int status = CheckYourLayer.execute(args);
      return new Printed(status, printed.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
    }
  }
}
