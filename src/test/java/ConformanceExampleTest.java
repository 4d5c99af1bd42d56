import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.check.ConformanceReport;
import org.backpropninja.check.Verdict;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** This library's layers and loss pass every check of the kit, and the example says so. */
class ConformanceExampleTest {

  private static final int LEAST = 30; // checks that run, whatever the layer is
  private static final double MOST_SECONDS = 20;

  @TempDir Path folder;

  @TestFactory
  Stream<DynamicTest> oursPass() {
    return ConformanceSubjects.all().stream()
        .filter(ConformanceSubjects.Subject::ours)
        .map(subject -> DynamicTest.dynamicTest(subject.name(), () -> passes(subject)));
  }

  private static void passes(ConformanceSubjects.Subject subject) {
    long start = System.nanoTime();
    ConformanceReport report = subject.check().get();
    double seconds = (System.nanoTime() - start) / 1e9;
    report.assertPassed();
    assertEquals(report.ran(), report.count(Verdict.PASSED), report::text);
    assertTrue(report.ran() >= LEAST, report::text);
    assertTrue(seconds < MOST_SECONDS, () -> seconds + " s: " + report);
  }

  @Test
  void theReportsAreWritten() throws IOException {
    Path markdown = folder.resolve("report.md");
    Path json = folder.resolve("report.json");
    String[] args = {
      "--only", "ManualDense, TANH", "--brief", "--markdown", "" + markdown, "--json", "" + json
    };
    Printed printed = print(args);
    assertEquals(0, printed.status(), printed.out());
    List<Conformance.Row> rows = Conformance.run("--only", "ManualDense, TANH");
    assertEquals(3, rows.size());
    for (Conformance.Row row : rows) {
      assertTrue(Files.readString(markdown).contains("## " + row.name() + "\n"), row.name());
      assertTrue(Files.readString(json).contains("\"" + row.name() + "\""), row.name());
      assertTrue(printed.out().contains("\n" + row.name() + " "), printed.out());
    }
  }

  @Test
  void whatIsNotThereIsSaidInOneLine() {
    Printed printed = print("--only", "Dense Layer");
    assertEquals(2, printed.status());
    assertTrue(printed.err().startsWith("--only ([Dense Layer]) must be in one of: Manual"));
    assertEquals(1, printed.err().lines().count(), printed.err());
  }

  private record Printed(int status, String out, String err) {}

  private static Printed print(String... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      int status = Conformance.execute(args);
      return new Printed(
          status, printed.toString(StandardCharsets.UTF_8), said.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }
}
