package org.backpropninja.check;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.SerializationFeature;

/** What a run of all checks found, to be asserted, printed or kept. */
public final class ConformanceReport {

  /**
   * What one check found.
   *
   * @param name family and name, such as {@code gradients.input}
   * @param about what the check asks for
   * @param verdict what it found
   * @param message what failed, why a failure was expected, or why the check does not apply; empty
   *     where it passed
   * @param notes what else is worth knowing, such as how often a kink was met
   * @param millis how long it took
   * @param thrown what was thrown, null if nothing was
   */
  public record Result(
      String name,
      String about,
      Verdict verdict,
      String message,
      List<String> notes,
      long millis,
      Throwable thrown) {}

  private final String subject;
  private final long seed;
  private final int atLeast;
  private final List<Result> results;

  ConformanceReport(String subject, long seed, int atLeast, List<Result> results) {
    this.subject = subject;
    this.seed = seed;
    this.atLeast = atLeast;
    this.results = List.copyOf(results);
  }

  /** Returns what each check found, in the order in which they ran. */
  public List<Result> results() {
    return results;
  }

  /**
   * Returns how many checks came to a verdict.
   *
   * @param verdict any
   * @return the number of them, 0 or more
   */
  public int count(Verdict verdict) {
    return (int) results.stream().filter(each -> each.verdict() == verdict).count();
  }

  /** Returns how many checks ran: all but those that do not apply. */
  public int ran() {
    return results.size() - count(Verdict.NOT_APPLICABLE);
  }

  /** Returns whether every check that ran came out as declared, and enough of them ran. */
  public boolean passed() {
    return enoughRan() && results.stream().noneMatch(each -> each.verdict().isBad());
  }

  private boolean enoughRan() {
    return ran() >= Math.max(1, atLeast);
  }

  /**
   * Throws what is wrong, if anything is.
   *
   * @throws AssertionError if a check failed, ended in an error or passed unexpectedly, or too few
   *     ran; the message is the whole report
   */
  public void assertPassed() {
    if (!passed()) {
      AssertionError error = new AssertionError(text());
      results.stream()
          .map(Result::thrown)
          .filter(each -> each != null)
          .forEach(error::addSuppressed);
      throw error;
    }
  }

  /** The subject, and how many checks came to each verdict. */
  private String head() {
    String counts =
        Stream.of(Verdict.values())
            .map(verdict -> verdict + " " + count(verdict))
            .collect(Collectors.joining(", "));
    return "%s, seed %d: %d checks, %d ran: %s; %.1f s"
        .formatted(subject, seed, results.size(), ran(), counts, seconds());
  }

  private double seconds() {
    return results.stream().mapToLong(Result::millis).sum() / 1e3;
  }

  private String conclusion() {
    if (!enoughRan()) {
      return "NOT PASSED: %d checks ran, at least %d have to"
          .formatted(ran(), Math.max(1, atLeast));
    }
    return passed() ? "PASSED" : "NOT PASSED";
  }

  /** Returns the report for a terminal: the counts, a line per check, and what failed. */
  public String text() {
    List<String> lines = new ArrayList<>(List.of(head()));
    int width = results.stream().mapToInt(each -> each.name().length()).max().orElse(0);
    for (Result each : results) {
      lines.add(
          ("  %-" + Math.max(1, width) + "s  %s").formatted(each.name(), each.verdict())
              + (each.verdict() == Verdict.NOT_APPLICABLE ? ": " + each.message() : ""));
      each.notes().forEach(note -> lines.add("    note: " + note));
      if (each.thrown() != null || each.verdict() == Verdict.UNEXPECTED_PASS) {
        each.message().lines().forEach(line -> lines.add("    " + line));
      }
    }
    lines.add(conclusion());
    return String.join(System.lineSeparator(), lines);
  }

  /** Returns the report as a section of a Markdown page. */
  public String markdown() {
    List<String> lines =
        new ArrayList<>(
            List.of(
                "## " + cell(subject),
                "",
                cell(head()) + ". **" + conclusion() + "**",
                "",
                "| check | verdict | what it says |",
                "|---|---|---|"));
    for (Result each : results) {
      String says =
          Stream.concat(Stream.of(each.message()), each.notes().stream())
              .filter(words -> !words.isEmpty())
              .map(ConformanceReport::cell)
              .collect(Collectors.joining("<br>"));
      lines.add("| `%s` | %s | %s |".formatted(each.name(), each.verdict(), says));
    }
    return String.join("\n", lines) + "\n";
  }

  /** Text that cannot leave its cell of a table, and is no markup. */
  private static String cell(String text) {
    return text.strip()
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("|", "&#124;")
        .replaceAll("\\s*\\R\\s*", "<br>");
  }

  /** Returns the report as JSON: subject, seed, passed, counts, and the results. */
  public String json() {
    Map<String, Object> counts = new LinkedHashMap<>();
    for (Verdict verdict : Verdict.values()) {
      counts.put(verdict.toString(), count(verdict));
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("subject", subject);
    all.put("seed", seed);
    all.put("passed", passed());
    all.put("ran", ran());
    all.put("counts", counts);
    all.put("results", results.stream().map(ConformanceReport::json).toList());
    try {
      return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(all);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("maps of text and numbers are JSON", e);
    }
  }

  private static Map<String, Object> json(Result result) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", result.name());
    fields.put("about", result.about());
    fields.put("verdict", result.verdict().toString());
    fields.put("message", result.message());
    fields.put("notes", result.notes());
    fields.put("millis", result.millis());
    return fields;
  }

  /** Returns the {@link #text}. */
  @Override
  public String toString() {
    return text();
  }
}
