import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/** The data of a report with something else in it. */
final class ReportDataWith {
  private static final String SCRIPT =
      "\"'><script>document.documentElement.dataset.hacked=1</script>"
          + "<img src=x onerror=\"document.documentElement.dataset.hacked=1\"></title>";

  private ReportDataWith() {}

  static ReportData metrics(ReportData data, List<ReportData.Metrics> metrics) {
    return all(data, metrics, data.updates(), data.samples());
  }

  static ReportData all(
      ReportData data,
      List<ReportData.Metrics> metrics,
      List<UpdateRatios.Ratios> updates,
      List<Sample> samples) {
    return new ReportData(
        data.title(),
        data.written(),
        data.step(),
        data.steps(),
        data.options(),
        data.versions(),
        metrics,
        data.bigramLoss(),
        data.losses(),
        data.snapshot(),
        updates,
        samples,
        data.sampled(),
        data.timings());
  }

  static ReportData timings(ReportData data, Map<String, Duration> timings) {
    return texts(data, data.title(), data.options(), data.snapshot(), data.samples(), timings);
  }

  static ReportData network(ReportData data, MultiLayerNetwork network) {
    ReportData.Snapshot snapshot =
        new ReportData.Snapshot(network, data.snapshot().characters(), data.snapshot().minibatch());
    return texts(data, data.title(), data.options(), snapshot, data.samples(), data.timings());
  }

  /** Text that would be markup or break the page, wherever text comes from outside. */
  static ReportData hostile(ReportData data) {
    List<String> characters = new ArrayList<>(data.snapshot().characters());
    List<String> letters =
        List.of("<", "&", "\"", "😀", "\u0007", " ", "\u202e", "ש", "文", "\ud83d");
    letters.forEach(letter -> characters.set(1 + letters.indexOf(letter), letter));
    List<Sample> samples = new ArrayList<>();
    for (String name : List.of("<b>&\"'😀\u0000\ud83d", "שלום", "\u202eabc", "", SCRIPT)) {
      samples.add(new Sample(name, Sample.Origin.NEW));
    }
    Map<String, Duration> timings = new LinkedHashMap<>();
    timings.put(SCRIPT, Duration.ofSeconds(1));
    return texts(
        data,
        SCRIPT,
        Map.of(SCRIPT, SCRIPT),
        new ReportData.Snapshot(data.snapshot().network(), characters, data.snapshot().minibatch()),
        samples,
        timings);
  }

  private static ReportData texts(
      ReportData data,
      String title,
      Map<String, String> options,
      ReportData.Snapshot snapshot,
      List<Sample> samples,
      Map<String, Duration> timings) {
    return new ReportData(
        title,
        data.written(),
        data.step(),
        data.steps(),
        options,
        options,
        data.metrics(),
        data.bigramLoss(),
        data.losses(),
        snapshot,
        data.updates(),
        samples,
        List.of(new ReportData.Sampled(1, samples)),
        timings);
  }
}
