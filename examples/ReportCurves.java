import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToDoubleFunction;

/**
 * The metrics of a run as columns for the interactive charts, thinned to {@link #MOST} points.
 *
 * <p>The rows are cut into stretches of one length. Of each stretch the rows of the least and the
 * greatest minibatch loss stay, and those of the validation loss of longer stretches: no peak gets
 * lost. The running means are of all rows.
 */
final class ReportCurves {

  /** Points at most. */
  static final int MOST = 2000;

  private static final int LOSS_STRETCHES = 700;
  private static final int VALIDATION_STRETCHES = (MOST - 2 * LOSS_STRETCHES - 2) / 2;
  private static final int LONGEST_WINDOW = 1000; // the notebook's mean

  private final List<ReportData.Metrics> rows;
  private final int window;
  private final int[] kept;

  ReportCurves(List<ReportData.Metrics> rows) {
    this.rows = rows;
    window = Math.max(1, Math.min(LONGEST_WINDOW, rows.size() / 20));
    kept = kept();
  }

  /** How many rows a running mean is of. */
  int window() {
    return window;
  }

  /** The rows that are shown. */
  List<ReportData.Metrics> shown() {
    List<ReportData.Metrics> shown = new ArrayList<>();
    for (int row : kept) {
      shown.add(rows.get(row));
    }
    return shown;
  }

  private int[] kept() {
    BitSet kept = new BitSet();
    if (rows.size() <= MOST) {
      kept.set(0, rows.size());
    } else {
      kept.set(0);
      kept.set(rows.size() - 1);
      keepExtremes(ReportData.Metrics::loss, LOSS_STRETCHES, kept);
      keepExtremes(ReportData.Metrics::validation, VALIDATION_STRETCHES, kept);
    }
    return kept.stream().toArray();
  }

  private void keepExtremes(
      ToDoubleFunction<ReportData.Metrics> column, int stretches, BitSet kept) {
    for (long i = 0; i < stretches; i++) {
      int least = -1;
      int most = -1;
      for (int row = (int) (i * rows.size() / stretches);
          row < (i + 1) * rows.size() / stretches;
          row++) {
        double value = column.applyAsDouble(rows.get(row));
        if (Double.isFinite(value)) {
          least = least < 0 || value < column.applyAsDouble(rows.get(least)) ? row : least;
          most = most < 0 || value > column.applyAsDouble(rows.get(most)) ? row : most;
        }
      }
      if (least >= 0) {
        kept.set(least);
        kept.set(most);
      }
    }
  }

  /** A JSON object of arrays of one length, null where there is no number. */
  String json(double bigramLoss) {
    return "{"
        + String.join(
            ",\n",
            column("step", row -> rows.get(row).step()),
            column("loss", row -> rows.get(row).loss()),
            column("mean", row -> mean(row, ReportData.Metrics::loss)),
            column("validation", row -> rows.get(row).validation()),
            column("bigram", row -> bigramLoss),
            column("rate", row -> rows.get(row).learningRate()),
            column("time", row -> mean(row, ReportData.Metrics::microseconds)))
        + "}";
  }

  /** Of the finite values in a row and those before it. */
  private double mean(int row, ToDoubleFunction<ReportData.Metrics> column) {
    return rows.subList(Math.max(0, row - window + 1), row + 1).stream()
        .mapToDouble(column)
        .filter(Double::isFinite)
        .average()
        .orElse(Double.NaN);
  }

  private String column(String name, IntToDoubleFunction values) {
    List<String> texts = new ArrayList<>();
    for (int row : kept) {
      texts.add(number(values.applyAsDouble(row)));
    }
    return "\"" + name + "\":[" + String.join(",", texts) + "]";
  }

  private static String number(double value) {
    if (!Double.isFinite(value)) {
      return "null";
    }
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : String.format(Locale.ROOT, "%.5g", value);
  }
}
