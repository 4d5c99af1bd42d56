import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/** The parts of a report that a reader sees, from top to bottom. */
final class ReportSections {
  private static final int MOST_SAMPLES = 200;
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);

  private final ReportData data;
  private final ReportCurves curves;

  ReportSections(ReportData data, ReportCurves curves) {
    this.data = data;
    this.curves = curves;
  }

  String html() {
    return "<header>\n"
        + head()
        + "</header>\n<main>\n"
        + loss()
        + losses()
        + samples()
        + sampled()
        + DiagnosticsSections.of(data.snapshot())
        + updates()
        + run()
        + "</main>";
  }

  // Head

  private String head() {
    double[] validation = column(ReportData.Metrics::validation).toArray();
    return "<h1>"
        + Html.text(data.title())
        + "</h1>\n<p>"
        + Html.format(
            "Step %,d of %,d. Written on %s UTC.",
            data.step(), data.steps(), TIME.format(data.written()))
        + "</p>\n<dl class=\"tiles\">"
        + tile("validation loss", loss(last(validation)))
        + tile("least validation loss", loss(Arrays.stream(validation).min().orElse(Double.NaN)))
        + tile("bigram baseline", loss(data.bigramLoss()))
        + tile("median time a step", microseconds())
        + "</dl>\n";
  }

  private static String tile(String name, String value) {
    return "<div><dt>" + name + "</dt><dd>" + value + "</dd></div>";
  }

  private String microseconds() {
    double[] sorted = column(ReportData.Metrics::microseconds).sorted().toArray();
    return sorted.length == 0 ? Html.NOTHING : Html.format("%,.0f µs", sorted[sorted.length / 2]);
  }

  /** The finite values of a column. */
  private DoubleStream column(ToDoubleFunction<ReportData.Metrics> column) {
    return data.metrics().stream().mapToDouble(column).filter(Double::isFinite);
  }

  private static double last(double[] values) {
    return values.length == 0 ? Double.NaN : values[values.length - 1];
  }

  // Loss

  private String loss() {
    return Html.section(
        "Loss",
        """
        <div class="buttons">
        <button type="button" id="log" aria-pressed="false">log scale</button>
        <button type="button" data-last="1">all steps</button>
        <button type="button" data-last="0.5">last half</button>
        <button type="button" data-last="0.1">last tenth</button>
        </div>
        <div class="chart" id="loss-chart" role="img"
          aria-label="Minibatch loss, its running mean, validation loss and bigram baseline"></div>
        <div class="chart" id="pace-chart" role="img" aria-label="Learning rate and time"></div>
        <noscript>The charts need JavaScript. Their numbers are in metrics.csv.</noscript>
        """,
        notFinite(),
        Html.note(
            Html.format(
                "Drag over a chart to zoom, double-click to see all, click a name to hide its line."
                    + " The running means are of %,d rows. %s",
                curves.window(), thinned())));
  }

  private String thinned() {
    int rows = data.metrics().size();
    int shown = curves.shown().size();
    return shown == rows
        ? Html.format("All %,d rows of the metrics are shown.", rows)
        : Html.format(
            "Of %,d rows of the metrics %,d are shown, with the least and the greatest loss of each"
                + " stretch.",
            rows, shown);
  }

  /** Says that the loss is NaN or infinite, which no curve shows. */
  private String notFinite() {
    List<ReportData.Metrics> rows =
        data.metrics().stream().filter(row -> !Double.isFinite(row.loss())).toList();
    return rows.isEmpty()
        ? ""
        : Html.format(
            "<p class=\"bad\">The minibatch loss is not a finite number in %,d rows, first at step"
                + " %,d.</p>",
            rows.size(), rows.get(0).step());
  }

  /** Of the three parts, at the end of a run. */
  private String losses() {
    List<List<String>> rows = new ArrayList<>();
    data.losses()
        .forEach(
            (model, losses) ->
                rows.add(
                    List.of(
                        Html.text(model),
                        loss(losses.train()),
                        loss(losses.val()),
                        loss(losses.test()))));
    return rows.isEmpty()
        ? ""
        : Html.section(
            "Losses at the end",
            Html.note(
                "Mean cross entropy of an example, in nats. The bigram baseline counts pairs of"
                    + " characters in the training set."),
            Html.table(
                "Losses of the three parts",
                List.of("model", "training", "validation", "test"),
                rows));
  }

  // Samples

  private String samples() {
    List<Sample> samples = data.samples();
    String shares =
        Arrays.stream(Sample.Origin.values())
            .map(origin -> Html.format("%s %,d", origin, count(origin)))
            .collect(Collectors.joining(", "));
    int shown = Math.min(MOST_SAMPLES, samples.size());
    return Html.section(
        "Samples",
        Html.note(
            Html.format(
                "%,d names%s: %s.",
                samples.size(),
                shown < samples.size() ? Html.format(", the first %,d of them below", shown) : "",
                shares)),
        list(samples.subList(0, shown)));
  }

  private static String list(List<Sample> samples) {
    return samples.stream()
        .map(ReportSections::sample)
        .collect(Collectors.joining("\n", "<ul class=\"samples\">\n", "\n</ul>"));
  }

  private long count(Sample.Origin origin) {
    return data.samples().stream().filter(sample -> sample.origin() == origin).count();
  }

  private static String sample(Sample sample) {
    String name = sample.name().isEmpty() ? "<i>empty</i>" : Html.shortText(sample.name());
    return "<li><bdi>%s</bdi><span class=\"mark %2$s\">%2$s</span></li>"
        .formatted(name, sample.origin());
  }

  /** Those on the way, a row for each step. */
  private String sampled() {
    List<List<String>> rows =
        data.sampled().stream()
            .map(sampled -> List.of(Html.format("%,d", sampled.step()), list(sampled.samples())))
            .toList();
    return rows.isEmpty()
        ? ""
        : Html.section(
            "Samples on the way",
            Html.note(
                Html.format(
                    "The last %,d times; log.txt has all. They are drawn with the random numbers of the"
                        + " samples above, so that one can see what training changed.",
                    rows.size())),
            Html.texts("Names by step", List.of("step", "names"), rows));
  }

  // Updates

  private String updates() {
    if (data.updates().isEmpty()) {
      return "";
    }
    UpdateRatios.Ratios last = data.updates().get(data.updates().size() - 1);
    List<List<String>> rows = new ArrayList<>();
    last.log10().forEach((name, log10) -> rows.add(List.of(name, Html.number(log10))));
    return Html.section(
        "Updates",
        Html.note(
            "How much a step changes a parameter: the deviation of the update over that of the data. The"
                + " dashed line is at −3, a thousandth: far above, the learning rate is too high, far"
                + " below, too low. Source: makemore part 3."),
        "<div class=\"pair\">",
        Figures.svg(
            "log10 of update:data" + stretch(data.updates().size()),
            last.log10().keySet(),
            () -> ReportPictures.updates(data.updates())),
        Html.table(
            Html.format("log10 of update:data at step %,d", last.step()),
            List.of("parameter", "log10"),
            rows),
        "</div>");
  }

  /** Says so if a point is not of one step. */
  private static String stretch(int updates) {
    int stretch = ReportPictures.stretch(updates);
    return stretch == 1
        ? "."
        : Html.format(", each point the mean of %,d recorded steps.", stretch);
  }

  // The run

  private String run() {
    return Html.section(
        "The run",
        "<div class=\"pair\">",
        facts("Options", data.options(), Function.identity()),
        facts("Versions", data.versions(), Function.identity()),
        facts("Timings", data.timings(), ReportSections::seconds),
        "</div>");
  }

  private static <T> String facts(String title, Map<String, T> facts, Function<T, String> text) {
    return facts.entrySet().stream()
        .map(
            fact ->
                "<tr><th scope=\"row\">%s</th><td>%s</td></tr>"
                    .formatted(
                        Html.shortText(fact.getKey()), Html.shortText(text.apply(fact.getValue()))))
        .collect(
            Collectors.joining(
                "\n",
                "<div><h3>" + title + "</h3><table class=\"facts\"><tbody>",
                "</tbody></table></div>"));
  }

  private static String loss(double loss) {
    return Double.isNaN(loss) ? Html.NOTHING : Html.format("%.4f", loss);
  }

  private static String seconds(Duration duration) {
    return Html.format("%,.3f s", duration.toNanos() / 1e9);
  }
}
