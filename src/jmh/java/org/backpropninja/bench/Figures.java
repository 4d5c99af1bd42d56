package org.backpropninja.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** What was measured: several rounds of each figure, by a key of contender and task. */
final class Figures {

  private final Map<String, List<Double>> rounds = new TreeMap<>();

  void add(String key, double figure) {
    rounds.computeIfAbsent(key, k -> new ArrayList<>()).add(figure);
  }

  boolean has(String key) {
    return rounds.containsKey(key);
  }

  double median(String key) {
    double[] sorted = sorted(key);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** The median, with the lowest and the highest round in brackets. */
  String text(String key) {
    double[] sorted = sorted(key);
    return sorted.length == 1
        ? threeDigits(sorted[0])
        : "%s (%s–%s)"
            .formatted(
                threeDigits(median(key)),
                threeDigits(sorted[0]),
                threeDigits(sorted[sorted.length - 1]));
  }

  private double[] sorted(String key) {
    return rounds.get(key).stream().mapToDouble(figure -> figure).sorted().toArray();
  }

  /**
   * With as many decimals as make three digits; all that are before the point. NaN was not
   * measured.
   */
  static String threeDigits(double value) {
    if (Double.isNaN(value)) {
      return "–";
    }
    int before = value < 1 ? 0 : (int) Math.log10(value) + 1;
    return String.format(Locale.ROOT, "%,." + Math.max(0, 3 - before) + "f", value);
  }
}
