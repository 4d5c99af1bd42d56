import java.awt.AWTError;
import java.awt.Color;
import java.io.IOException;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
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
  private static final String SVG = "image/svg+xml";
  private static final String PNG = "image/png";
  private static final Color TRANSPARENT = new Color(0, 0, 0, 0);
  private static final Color ON_LIGHT = new Color(0x1f2328);
  private static final Color ON_DARK = new Color(0xe6edf3);
  private static final String NOTHING = "–";
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
        + samples()
        + diagnostics()
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
        + format(
            "Step %,d of %,d. Written on %s UTC.",
            data.step(), data.steps(), TIME.format(data.written()))
        + "</p>\n<dl class=\"tiles\">"
        + tile("validation loss", loss(last(validation)))
        + tile("least validation loss", loss(Arrays.stream(validation).min().orElse(Double.NaN)))
        + tile("bigram baseline", loss(data.bigramLoss()))
        + tile("mean time a step", microseconds())
        + "</dl>\n";
  }

  private static String tile(String name, String value) {
    return "<div><dt>" + name + "</dt><dd>" + value + "</dd></div>";
  }

  private String microseconds() {
    double mean = column(ReportData.Metrics::microseconds).average().orElse(Double.NaN);
    return Double.isNaN(mean) ? NOTHING : format("%,.0f µs", mean);
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
            format(
                "Drag over a chart to zoom, double-click to see all, click a name to hide its line."
                    + " The running means are of %,d rows. %s",
                curves.window(), thinned())));
  }

  private String thinned() {
    int rows = data.metrics().size();
    int shown = curves.shown().size();
    return shown == rows
        ? format("All %,d rows of the metrics are shown.", rows)
        : format(
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
        : format(
            "<p class=\"bad\">The minibatch loss is not a finite number in %,d rows, first at step"
                + " %,d.</p>",
            rows.size(), rows.get(0).step());
  }

  // Samples

  private String samples() {
    List<ReportData.Sample> samples = data.samples();
    String shares =
        Arrays.stream(ReportData.Origin.values())
            .map(origin -> format("%s %,d", origin, count(origin)))
            .collect(Collectors.joining(", "));
    int shown = Math.min(MOST_SAMPLES, samples.size());
    return Html.section(
        "Samples",
        Html.note(
            format("%,d names, the first %,d of them below: %s.", samples.size(), shown, shares)),
        samples.stream()
            .limit(shown)
            .map(ReportSections::sample)
            .collect(Collectors.joining("\n", "<ul class=\"samples\">\n", "\n</ul>")));
  }

  private long count(ReportData.Origin origin) {
    return data.samples().stream().filter(sample -> sample.origin() == origin).count();
  }

  private static String sample(ReportData.Sample sample) {
    String name = sample.name().isEmpty() ? "<i>empty</i>" : Html.shortText(sample.name());
    return "<li><bdi>%s</bdi><span class=\"mark %2$s\">%2$s</span></li>"
        .formatted(name, sample.origin());
  }

  // Diagnostics

  private String diagnostics() {
    try {
      ReportDiagnostics diagnostics = ReportDiagnostics.of(data.snapshot());
      return letters(diagnostics.letters())
          + activations(diagnostics)
          + gradients(diagnostics)
          + dlogits(diagnostics);
    } catch (RuntimeException e) {
      return Html.section("Diagnostics", failure("They cannot be computed", e));
    }
  }

  private String letters(Letters letters) {
    List<String> characters = letters.characters();
    return Html.section(
        "Embedding of the letters",
        Html.note(
            format(
                "%,d of %,d letters, the full stop among them. Source: makemore part 2.",
                characters.size(), data.snapshot().characters().size())),
        "<div class=\"pair\">",
        figure(
            "The first two dimensions of each letter's vector.",
            () ->
                ReportPictures.letters(
                    characters, letters.firstTwo(), "dimension 0", "dimension 1")),
        figure(
            format(
                "The first two principal components, which hold %.0f %% and %.0f %% of the variance.",
                100 * letters.shares()[0], 100 * letters.shares()[1]),
            () ->
                ReportPictures.letters(
                    characters, letters.principal(), "component 1", "component 2")),
        "</div>");
  }

  private static String activations(ReportDiagnostics diagnostics) {
    Distribution h = diagnostics.h();
    return Html.section(
        "Activations",
        Html.note(
            format(
                "Of tanh, in a minibatch of %,d examples, whose loss is %.4f. Beyond ±%.2f its slope is"
                    + " below 6 %%, so little gradient passes. Source: makemore part 3.",
                diagnostics.examples(), diagnostics.loss(), ReportDiagnostics.SATURATED)),
        "<div class=\"pair\">",
        figure("How often tanh gives what.", () -> ReportPictures.activations(h)),
        Html.table(
            "Tanh",
            List.of("of h", "value"),
            List.of(
                List.of("mean", number(h.mean())),
                List.of("deviation", number(h.deviation())),
                List.of(
                    format("share beyond ±%.2f", ReportDiagnostics.SATURATED),
                    percent(h.share(ReportDiagnostics::saturated))),
                List.of(
                    "units beyond it in every example",
                    format("%,d of %,d", diagnostics.saturatedUnits(), diagnostics.units())))),
        "</div>");
  }

  private static String gradients(ReportDiagnostics diagnostics) {
    Map<String, Distribution> activations = diagnostics.activationGradients();
    Map<String, Distribution> weights =
        diagnostics.parameters().entrySet().stream()
            .filter(parameter -> parameter.getValue().isMatrix())
            .collect(
                Collectors.toMap(
                    Map.Entry::getKey,
                    parameter -> parameter.getValue().gradient(),
                    (first, second) -> first,
                    LinkedHashMap::new));
    return Html.section(
        "Gradients",
        Html.note(
            "Each line is in units of its own deviation, which the legend gives, so that shapes compare."
                + " Source: makemore part 3."),
        "<div class=\"pair\">",
        figure("Gradients of the activations.", () -> ReportPictures.gradients(activations)),
        figure("Gradients of the weights.", () -> ReportPictures.gradients(weights)),
        "</div>",
        gradientTable(diagnostics.parameters()));
  }

  private static String gradientTable(Map<String, ReportDiagnostics.Parameter> parameters) {
    List<List<String>> rows = new ArrayList<>();
    parameters.forEach(
        (name, parameter) ->
            rows.add(
                List.of(
                    name,
                    Arrays.stream(parameter.shape())
                        .mapToObj(size -> format("%d", size))
                        .collect(Collectors.joining("×")),
                    number(parameter.gradient().mean()),
                    number(parameter.gradient().deviation()),
                    number(parameter.gradientToData()),
                    format("%,d", parameter.notFinite()))));
    return Html.table(
        "grad:data is the deviation of the gradient over that of the data. b1's is rounding: batch norm"
            + " subtracts what b1 adds.",
        List.of("parameter", "shape", "mean", "deviation", "grad:data", "not finite"),
        rows);
  }

  private String dlogits(ReportDiagnostics diagnostics) {
    double[][] dlogits = diagnostics.dlogits();
    List<String> classes = data.snapshot().characters().subList(0, dlogits[0].length);
    return Html.section(
        "dlogits",
        Html.note(
            "A row for each example, a column for each class. Its probabilities over n pull the logits"
                + " down, and one dark cell pulls the right class up; a row adds up to 0. Source:"
                + " makemore part 4."),
        heatMap(
            format(
                "The gradient of the logits, from %.4f, black, to %.4f, white.",
                Arrays.stream(dlogits).flatMapToDouble(Arrays::stream).min().orElseThrow(),
                Arrays.stream(dlogits).flatMapToDouble(Arrays::stream).max().orElseThrow()),
            dlogits,
            classes));
  }

  /** The picture twice, with labels for a light page and for a dark one. */
  private static String heatMap(String caption, double[][] matrix, List<String> labels) {
    try {
      String light = Html.dataUri(PNG, HeatMap.png(matrix, labels, TRANSPARENT, ON_LIGHT));
      String dark = Html.dataUri(PNG, HeatMap.png(matrix, labels, TRANSPARENT, ON_DARK));
      return """
          <figure><picture><source media="(prefers-color-scheme: dark)" srcset="%s">
          <img src="%s" alt="%s"></picture><figcaption>%3$s</figcaption></figure>"""
          .formatted(dark, light, Html.text(caption));
    } catch (IOException | RuntimeException | LinkageError | AWTError | InternalError e) {
      return failure("The picture cannot be drawn", e);
    }
  }

  /** Draws a picture. */
  private interface Picture {
    byte[] draw() throws IOException;
  }

  /** Where Java has no fonts the page says so, and the run goes on. */
  private static String figure(String caption, Picture picture) {
    try {
      return """
          <figure><img src="%s" alt="%s"><figcaption>%2$s</figcaption></figure>"""
          .formatted(Html.dataUri(SVG, picture.draw()), Html.text(caption));
    } catch (IOException | RuntimeException | LinkageError | AWTError | InternalError e) {
      return failure("The picture cannot be drawn", e);
    }
  }

  private static String failure(String what, Throwable cause) {
    return "<p class=\"bad\">" + what + ": " + Html.shortText(cause.toString()) + "</p>";
  }

  // Updates

  private String updates() {
    if (data.updates().isEmpty()) {
      return "";
    }
    UpdateRatios.Ratios last = data.updates().get(data.updates().size() - 1);
    List<List<String>> rows = new ArrayList<>();
    last.log10().forEach((name, log10) -> rows.add(List.of(name, number(log10))));
    return Html.section(
        "Updates",
        Html.note(
            "How much a step changes a parameter: the deviation of the update over that of the data. The"
                + " dashed line is at −3, a thousandth: far above, the learning rate is too high, far"
                + " below, too low. Source: makemore part 3."),
        "<div class=\"pair\">",
        figure(
            format(
                "log10 of update:data, each point the mean of %,d recorded steps.",
                ReportPictures.stretch(data.updates().size())),
            () -> ReportPictures.updates(data.updates())),
        Html.table(
            format("log10 of update:data at step %,d", last.step()),
            List.of("parameter", "log10"),
            rows),
        "</div>");
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

  private static String seconds(Duration duration) {
    return format("%,.3f s", duration.toNanos() / 1e9);
  }

  // Numbers

  private static String loss(double loss) {
    return Double.isNaN(loss) ? NOTHING : format("%.4f", loss);
  }

  private static String percent(double share) {
    return Double.isNaN(share) ? NOTHING : format("%.2f %%", 100 * share);
  }

  private static String number(double value) {
    return Double.isNaN(value) ? NOTHING : format("%.3g", value).replace("-", "−");
  }

  /** Not in the user's language, because the page is in English. */
  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
