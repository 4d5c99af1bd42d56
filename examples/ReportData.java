import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.backpropninja.names.RunFolder.Parts;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;

/**
 * What a trainer knows of its run, and its {@link Report} shows.
 *
 * @param title of the page, such as the run folder's name
 * @param written when
 * @param step how many steps are taken
 * @param steps how many there will be
 * @param options of the command line, in the order to show
 * @param versions of the programs that computed it, in the order to show
 * @param metrics in ascending steps
 * @param bigramLoss of a bigram model on the validation set, in nats
 * @param losses of each model on the three parts, in the order to show; empty before the end
 * @param snapshot what the diagnostics are computed from
 * @param updates in ascending steps; empty if not recorded
 * @param samples names that the network invented
 * @param sampled the same on the way, in ascending steps; may be empty
 * @param timings how long each part of the run took, in the order to show
 */
record ReportData(
    String title,
    Instant written,
    int step,
    int steps,
    Map<String, String> options,
    Map<String, String> versions,
    List<Metrics> metrics,
    double bigramLoss,
    Map<String, Parts<Double>> losses,
    Snapshot snapshot,
    List<UpdateRatios.Ratios> updates,
    List<Sample> samples,
    List<Sampled> sampled,
    Map<String, Duration> timings) {

  /** Copies all lists and maps. */
  ReportData {
    options = inOrder(options);
    versions = inOrder(versions);
    metrics = List.copyOf(metrics);
    losses = inOrder(losses);
    updates = List.copyOf(updates);
    samples = List.copyOf(samples);
    sampled = List.copyOf(sampled);
    timings = inOrder(timings);
  }

  private static <T> Map<String, T> inOrder(Map<String, T> map) {
    return Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  /**
   * One row of metrics.csv.
   *
   * @param step the training step
   * @param loss of its minibatch, in nats
   * @param validation loss of the validation set, in nats; NaN if not measured at this step
   * @param learningRate of the step
   * @param microseconds that the step took
   */
  record Metrics(
      int step, double loss, double validation, double learningRate, double microseconds) {}

  /**
   * What the diagnostics are computed from. The report reads it and changes nothing.
   *
   * @param network of {@code CharMlp}'s kind
   * @param characters that of each class, as one or more {@code char}s
   * @param minibatch contexts [n, T] and classes [n, 1], n ≥ 2
   */
  record Snapshot(MultiLayerNetwork network, List<String> characters, DataSet minibatch) {
    Snapshot {
      characters = List.copyOf(characters);
      long classes = network.getParam("0_W").rows();
      if (characters.size() != classes) {
        throw new IllegalArgumentException(
            "characters (%d) must be as many as the network's classes (%d)"
                .formatted(characters.size(), classes));
      }
    }
  }

  /**
   * Names that were sampled on the way.
   *
   * @param step after how many steps
   * @param samples the names
   */
  record Sampled(int step, List<Sample> samples) {}
}
