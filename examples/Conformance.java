import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.backpropninja.check.ConformanceReport;
import org.backpropninja.check.Verdict;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * Checks this library's layers and loss and DL4J's own with the conformance kit, and prints what it
 * says of each.
 *
 * <p>This library's have to pass. DL4J's are reported.
 */
@Command(
    name = "Conformance",
    description = "Runs the conformance kit on this library's layers and loss and on DL4J's.")
public final class Conformance implements Callable<Integer> {

  @Option(
      names = "--only",
      paramLabel = "NAME",
      description = "those whose name has this in it; may be given more than once (all)")
  private List<String> only = List.of("");

  @Option(names = "--brief", description = "of each report only the head and what is wrong")
  private boolean brief;

  @Option(
      names = "--markdown",
      paramLabel = "FILE",
      description = "also write the whole reports there, as a page")
  private Path markdown;

  @Option(names = "--json", paramLabel = "FILE", description = "also write them there, as JSON")
  private Path json;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /**
   * What the kit said of one layer or loss.
   *
   * @param name what was checked, and how it is set
   * @param ours whether it is this library's
   * @param report what the kit found
   * @param seconds how long it took
   */
  public record Row(String name, boolean ours, ConformanceReport report, double seconds) {}

  Conformance() {}

  /**
   * Runs and exits: 0 all of this library's passed, 1 one did not, 2 unusable arguments.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(new CommandLine(new Conformance()), args);
  }

  static int execute(String... args) {
    return Commands.execute(new CommandLine(new Conformance()), args);
  }

  /**
   * Checks what the options choose.
   *
   * @param args see {@code --help}
   * @return a row for each layer and loss
   * @throws ParameterException if an option is unusable
   */
  public static List<Row> run(String... args) {
    Conformance options = new Conformance();
    new CommandLine(options).parseArgs(args);
    return options.check(new PrintStream(PrintStream.nullOutputStream()));
  }

  @Override
  public Integer call() throws IOException {
    Commands.requireFile(spec, "--markdown", markdown);
    Commands.requireFile(spec, "--json", json);
    List<Row> rows = check(System.out);
    System.out.print(table(rows));
    write(rows);
    return rows.stream().anyMatch(row -> row.ours() && !row.report().passed()) ? 1 : 0;
  }

  /** Prints each report as soon as there is one. */
  private List<Row> check(PrintStream out) {
    List<Row> rows = new ArrayList<>();
    for (ConformanceSubjects.Subject subject : chosen()) {
      long start = System.nanoTime();
      ConformanceReport report = subject.check().get();
      rows.add(new Row(subject.name(), subject.ours(), report, (System.nanoTime() - start) / 1e9));
      out.println(brief ? brief(report) : report.text());
      out.println();
    }
    return rows;
  }

  private List<ConformanceSubjects.Subject> chosen() {
    List<ConformanceSubjects.Subject> chosen =
        ConformanceSubjects.all().stream()
            .filter(subject -> only.stream().anyMatch(subject.name()::contains))
            .toList();
    if (chosen.isEmpty()) {
      String names =
          ConformanceSubjects.all().stream()
              .map(ConformanceSubjects.Subject::name)
              .collect(Collectors.joining("; "));
      throw new ParameterException(
          spec.commandLine(), "--only (%s) must be in one of: %s".formatted(only, names));
    }
    return chosen;
  }

  /** The head of a report, the checks that came out wrong, and the conclusion. */
  static String brief(ConformanceReport report) {
    List<String> lines = report.text().lines().toList();
    List<String> kept = new ArrayList<>(List.of(lines.get(0)));
    for (ConformanceReport.Result each : report.results()) {
      if (!each.message().isEmpty() && each.verdict() != Verdict.NOT_APPLICABLE) {
        kept.add("  " + each.name() + "  " + each.verdict());
        each.message().lines().forEach(line -> kept.add("    " + line));
      }
    }
    kept.add(lines.get(lines.size() - 1));
    return String.join(System.lineSeparator(), kept);
  }

  static String table(List<Row> rows) {
    int width = rows.stream().mapToInt(row -> row.name().length()).max().orElse(0);
    String format = "%-" + width + "s | %4s | %6s | %6s | %5s | %14s | %7s%n";
    StringBuilder table = new StringBuilder();
    table.append(
        format.formatted(
            "subject", "ran", "passed", "failed", "error", "not applicable", "seconds"));
    for (Row row : rows) {
      ConformanceReport report = row.report();
      table.append(
          format.formatted(
              row.name(),
              report.ran(),
              report.count(Verdict.PASSED),
              report.count(Verdict.FAILED),
              report.count(Verdict.ERROR),
              report.count(Verdict.NOT_APPLICABLE),
              String.format(Locale.ROOT, "%.1f", row.seconds())));
    }
    return table.toString();
  }

  private void write(List<Row> rows) throws IOException {
    List<ConformanceReport> reports = rows.stream().map(Row::report).toList();
    if (markdown != null) {
      Files.writeString(
          markdown,
          reports.stream().map(ConformanceReport::markdown).collect(Collectors.joining("\n")));
    }
    if (json != null) {
      Files.writeString(
          json,
          reports.stream()
              .map(ConformanceReport::json)
              .collect(Collectors.joining(",\n", "[\n", "\n]\n")));
    }
  }
}
