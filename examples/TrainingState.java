import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.backpropninja.random.TorchRandom;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * What a checkpoint holds beside the network, its updater and its counts, to go on to the same
 * bits.
 *
 * @param step how many steps were taken
 * @param random of the minibatches
 * @param best the lowest validation loss so far, null before the first
 * @param evaluationsSince the one that gave it
 * @param minibatchLosses for summary.json
 * @param microseconds that the steps took
 * @param metricsLength of metrics.csv, in bytes
 * @param updates for the report
 * @param sampled the last names that were sampled on the way, for the report
 */
record TrainingState(
    int step,
    TorchRandom.State random,
    Best best,
    int evaluationsSince,
    List<List<Number>> minibatchLosses,
    double microseconds,
    long metricsLength,
    List<UpdateRatios.Ratios> updates,
    List<ReportData.Sampled> sampled) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Checks and copies, because a state may come from a file. */
  TrainingState {
    if (step < 0 || evaluationsSince < 0 || metricsLength < 0 || !(microseconds >= 0)) {
      throw new IllegalArgumentException("no number of a state may be negative");
    }
    if (Stream.of(random, minibatchLosses, updates, sampled).anyMatch(Objects::isNull)) {
      throw new IllegalArgumentException(
          "random, minibatchLosses, updates and sampled must all be there");
    }
    minibatchLosses = List.copyOf(minibatchLosses);
  }

  /**
   * The lowest validation loss.
   *
   * @param step after how many steps
   * @param loss in nats
   */
  record Best(int step, double loss) {}

  /** Before the first step. */
  static TrainingState first(TorchRandom random) {
    return new TrainingState(0, random.state(), null, 0, List.of(), 0, 0, List.of(), List.of());
  }

  String toJson() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // numbers can be written
    }
  }

  static TrainingState ofJson(String json) throws JsonProcessingException {
    return JSON.readValue(json, TrainingState.class);
  }
}
