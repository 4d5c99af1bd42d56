import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The parts of a report that look into the network. */
final class DiagnosticsSections {

  private DiagnosticsSections() {}

  static String of(ReportData.Snapshot snapshot) {
    try {
      ReportDiagnostics diagnostics = ReportDiagnostics.of(snapshot);
      return letters(diagnostics.letters(), snapshot.characters().size())
          + activations(diagnostics, snapshot.minibatch().numExamples())
          + gradients(diagnostics)
          + dlogits(diagnostics.dlogits(), snapshot.characters());
    } catch (RuntimeException e) {
      return Html.section("Diagnostics", Figures.failure("They cannot be computed", e));
    }
  }

  private static String letters(Letters letters, int all) {
    List<String> characters = letters.characters();
    return Html.section(
        "Embedding of the letters",
        Html.note(
            Html.format(
                "%,d of %,d letters; the full stop stands for a name's start and end. Source: makemore"
                    + " part 2.",
                characters.size(), all)),
        "<div class=\"pair\">",
        Figures.svg(
            "The first two dimensions of each letter's vector.",
            List.of(),
            () ->
                ReportPictures.letters(
                    characters, letters.firstTwo(), "dimension 0", "dimension 1")),
        Figures.svg(
            Html.format(
                "The first two principal components, which hold %.0f\u00a0%% and %.0f\u00a0%% of the variance.",
                100 * letters.shares()[0], 100 * letters.shares()[1]),
            List.of(),
            () ->
                ReportPictures.letters(
                    characters, letters.principal(), "component 1", "component 2")),
        "</div>");
  }

  private static String activations(ReportDiagnostics diagnostics, int all) {
    Distribution h = diagnostics.h();
    return Html.section(
        "Activations",
        Html.note(
            Html.format(
                "Of tanh, in %,d of a minibatch's %,d examples, whose loss is %.4f. Beyond ±%.2f its slope is"
                    + " below 6\u00a0%%, so little gradient passes. Source: makemore part 3.",
                diagnostics.examples(), all, diagnostics.loss(), ReportDiagnostics.SATURATED)),
        "<div class=\"pair\">",
        Figures.svg(
            "How often tanh gives what.",
            List.of(
                Html.format(
                    "mean %s, deviation %s, beyond ±%.2f: %.1f\u00a0%%",
                    Html.number(h.mean()),
                    Html.number(h.deviation()),
                    ReportDiagnostics.SATURATED,
                    100 * h.share(ReportDiagnostics::saturated))),
            () -> ReportPictures.activations(h)),
        tanhTable(diagnostics),
        "</div>");
  }

  private static String tanhTable(ReportDiagnostics diagnostics) {
    Distribution h = diagnostics.h();
    return Html.table(
        "h, the output of tanh",
        List.of("statistic", "value"),
        List.of(
            List.of("mean", Html.number(h.mean())),
            List.of("deviation", Html.number(h.deviation())),
            List.of(
                Html.format("share beyond ±%.2f", ReportDiagnostics.SATURATED),
                Html.number(h.share(ReportDiagnostics::saturated))),
            List.of(
                "units beyond it in every example",
                Html.format("%,d of %,d", diagnostics.saturatedUnits(), diagnostics.units())),
            List.of("values that are not finite", Html.format("%,d", h.notFinite()))));
  }

  private static String gradients(ReportDiagnostics diagnostics) {
    Map<String, Distribution> activations = diagnostics.activationGradients();
    Map<String, Distribution> weights = new LinkedHashMap<>();
    diagnostics
        .parameters()
        .forEach(
            (name, parameter) -> {
              if (parameter.isMatrix()) {
                weights.put(name, parameter.gradient());
              }
            });
    return Html.section(
        "Gradients",
        Html.note(
            "Each line is in units of its own deviation, which the legend gives, so that shapes compare."
                + " Source: makemore part 3."),
        "<div class=\"pair\">",
        Figures.svg(
            "Gradients of the activations.",
            legend(activations),
            () -> ReportPictures.gradients(activations)),
        Figures.svg(
            "Gradients of the weights.", legend(weights), () -> ReportPictures.gradients(weights)),
        "</div>",
        Html.note(
            "grad:data is the deviation of the gradient over that of the data. b1's is rounding: batch"
                + " norm subtracts what b1 adds."),
        gradientTable(diagnostics.parameters()));
  }

  private static List<String> legend(Map<String, Distribution> gradients) {
    return gradients.entrySet().stream()
        .map(
            gradient ->
                gradient.getKey() + ", deviation " + Html.number(gradient.getValue().deviation()))
        .toList();
  }

  /** A column for what is not finite only where there is something. */
  private static String gradientTable(Map<String, ReportDiagnostics.Parameter> parameters) {
    boolean isFinite =
        parameters.values().stream().allMatch(parameter -> parameter.notFinite() == 0);
    List<String> header =
        List.of("parameter", "grad:data", "deviation", "mean", "shape", "not finite");
    List<List<String>> rows = new ArrayList<>();
    parameters.forEach((name, parameter) -> rows.add(gradientRow(name, parameter)));
    int columns = isFinite ? header.size() - 1 : header.size();
    return Html.table(
        "Gradients of the parameters",
        header.subList(0, columns),
        rows.stream().map(row -> row.subList(0, columns)).toList());
  }

  private static List<String> gradientRow(String name, ReportDiagnostics.Parameter parameter) {
    return List.of(
        name,
        Html.number(parameter.gradientToData()),
        Html.number(parameter.gradient().deviation()),
        Html.number(parameter.gradient().mean()),
        Arrays.stream(parameter.shape())
            .mapToObj(size -> Html.format("%d", size))
            .collect(Collectors.joining("×")),
        Html.format("%,d", parameter.notFinite()));
  }

  private static String dlogits(double[][] dlogits, List<String> characters) {
    List<String> classes = characters.stream().limit(dlogits[0].length).map(Html::letter).toList();
    DoubleSummaryStatistics range =
        Arrays.stream(dlogits).flatMapToDouble(Arrays::stream).summaryStatistics();
    return Html.section(
        "dlogits",
        Html.note(
            "A row for each example, a column for each class. Its probabilities over n pull the logits"
                + " down, and one dark cell pulls the right class up; a row adds up to 0. Source:"
                + " makemore part 4."),
        Figures.heatMap(
            Html.format(
                "The gradient of the logits for %,d examples and %,d of %,d classes, from %s, black, to"
                    + " %s, white.",
                dlogits.length,
                classes.size(),
                characters.size(),
                Html.number(range.getMin()),
                Html.number(range.getMax())),
            dlogits,
            classes));
  }
}
