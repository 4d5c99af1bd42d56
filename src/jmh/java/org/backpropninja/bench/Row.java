package org.backpropninja.bench;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A row of the table: a figure, or its ratio to another, and what it should be. Where there are
 * several figures, the lowest counts.
 *
 * @param what the row's title
 * @param unit of the figures
 * @param dividends keys of figures
 * @param divisors keys of figures; none where the figure itself is the result
 * @param target what should be reached, null where nothing was set
 */
record Row(String what, String unit, List<String> dividends, List<String> divisors, Target target) {

  static final String HEAD =
      """
      | | figures: median (lowest–highest) | result | target | reached |
      |---|---|---|---|---|""";

  /**
   * A bound.
   *
   * @param relation ≥ or ≤
   * @param bound to compare a result with
   * @param comparable whether the run was as long as the target says
   */
  record Target(String relation, double bound, boolean comparable) {

    static Target atLeast(double bound) {
      return new Target("≥", bound, true);
    }

    static Target atMost(double bound) {
      return new Target("≤", bound, true);
    }

    /** The same for a run that may be a short one. */
    Target onlyIf(boolean fullLength) {
      return new Target(relation, bound, fullLength);
    }

    private String verdict(double result) {
      if (!comparable) {
        return "needs --full";
      }
      return (relation.equals("≥") ? result >= bound : result <= bound) ? "yes" : "no";
    }

    @Override
    public String toString() {
      return relation + " " + (bound % 1 == 0 ? String.valueOf((int) bound) : bound);
    }
  }

  /** All keys of its figures. */
  Stream<String> keys() {
    return Stream.concat(dividends.stream(), divisors.stream());
  }

  /** The row as Markdown. */
  String print(Figures figures) {
    Optional<String> dividend = fastest(dividends, figures);
    Optional<String> divisor = fastest(divisors, figures);
    if (dividend.isEmpty() || divisor.isEmpty() != divisors.isEmpty()) {
      return line("not measured", "", "");
    }
    double result = figures.median(dividend.get());
    String text = text(dividend.get(), dividends, figures);
    if (divisor.isPresent()) {
      result /= figures.median(divisor.get());
      text += " ÷ " + text(divisor.get(), divisors, figures);
    }
    String verdict = target == null ? "" : target.verdict(result);
    return line(text + " " + unit, Figures.threeDigits(result), verdict);
  }

  private static Optional<String> fastest(List<String> keys, Figures figures) {
    return keys.stream().filter(figures::has).min(Comparator.comparing(figures::median));
  }

  /** The figure, and whose it is where it could have been another's. */
  private static String text(String key, List<String> keys, Figures figures) {
    String contender = key.substring(0, key.indexOf(' '));
    return figures.text(key) + (keys.size() > 1 ? " " + Peers.name(contender) : "");
  }

  private String line(String text, String result, String verdict) {
    return "| %s | %s | %s | %s | %s |"
        .formatted(what, text, result, target == null ? "" : target, verdict);
  }
}
