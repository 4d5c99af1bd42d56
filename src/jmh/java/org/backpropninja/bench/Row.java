package org.backpropninja.bench;

import java.util.Comparator;
import java.util.List;

/**
 * A row of the table: one figure, or its ratio to the lowest of others, and what it should be.
 *
 * @param what the row's title
 * @param unit of the figures
 * @param dividend key of a figure
 * @param divisors keys of figures; none where the figure itself is the result
 * @param target what should be reached, null where nothing was set
 */
record Row(String what, String unit, String dividend, List<String> divisors, Target target) {

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

  /** The row as Markdown. */
  String print(Figures figures) {
    List<String> measured = divisors.stream().filter(figures::has).toList();
    if (!figures.has(dividend) || measured.isEmpty() != divisors.isEmpty()) {
      return line("not measured", "", "");
    }
    double result = figures.median(dividend);
    String text = figures.text(dividend);
    if (!measured.isEmpty()) {
      String fastest = measured.stream().min(Comparator.comparing(figures::median)).orElseThrow();
      result /= figures.median(fastest);
      text += " ÷ " + figures.text(fastest) + (measured.size() > 1 ? " " + contender(fastest) : "");
    }
    String verdict = target == null ? "" : target.verdict(result);
    return line(text + " " + unit, Figures.threeDigits(result), verdict);
  }

  private static String contender(String key) {
    return key.substring(0, key.indexOf(' '));
  }

  private String line(String text, String result, String verdict) {
    return "| %s | %s | %s | %s | %s |"
        .formatted(what, text, result, target == null ? "" : target, verdict);
  }
}
