import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Listens to a training and records log10 of update:data for each parameter, every so many steps.
 *
 * <p>{@code std(θ(t+1) − θ(t)) / std(θ(t))}: a step should change a parameter by about a thousandth
 * of its spread. Source: the notebook "makemore part 3", {@code ud}, where the update is {@code
 * lr·grad}; the difference holds for any updater.
 */
final class UpdateRatios extends BaseTrainingListener {

  /**
   * What one step did.
   *
   * @param step counted from 1
   * @param log10 by the notebooks' names of the parameters; −∞ where nothing moved, NaN for a
   *     parameter that has no spread
   */
  record Ratios(int step, Map<String, Double> log10) {
    Ratios {
      log10 = Collections.unmodifiableMap(new LinkedHashMap<>(log10));
    }
  }

  private final int every;
  private final Map<String, Part> parts = new LinkedHashMap<>();
  private final List<Ratios> recorded;
  private int step;
  private float[] before; // all parameters, if the next step is one to record

  /** Where a parameter lies among all. */
  private record Part(int from, int to) {

    /** With Bessel's correction. A copy of a large parameter might not fit into memory. */
    double deviation(IntToDoubleFunction value) {
      double mean = IntStream.range(from, to).mapToDouble(value).sum() / (to - from);
      double squares =
          IntStream.range(from, to)
              .mapToDouble(value)
              .map(x -> x - mean)
              .map(difference -> difference * difference)
              .sum();
      return Math.sqrt(squares / (to - from - 1));
    }
  }

  /**
   * Starts before a step.
   *
   * @param network that will be trained
   * @param step how many steps it has taken
   * @param every records the steps that this number divides, at least 1
   * @param recorded of the steps that it has taken
   */
  UpdateRatios(MultiLayerNetwork network, int step, int every, List<Ratios> recorded) {
    if (every < 1) {
      throw new IllegalArgumentException("every (%d) must be at least 1".formatted(every));
    }
    this.every = every;
    this.step = step;
    this.recorded = new ArrayList<>(recorded);
    ReportDiagnostics.PARAMETERS.forEach((name, key) -> parts.put(name, part(network, key)));
    remember(network);
  }

  private static Part part(MultiLayerNetwork network, String key) {
    INDArray parameter = network.getParam(key);
    int from = (int) (parameter.offset() - network.params().offset());
    return new Part(from, from + (int) parameter.length());
  }

  /** What has been recorded so far. */
  List<Ratios> recorded() {
    return List.copyOf(recorded);
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    MultiLayerNetwork network = (MultiLayerNetwork) model;
    step++;
    if (step % every == 0) {
      recorded.add(ratios(network.params().toFloatVector()));
    }
    remember(network);
  }

  /** Copies the parameters, in one piece: this is done while a network is trained. */
  private void remember(MultiLayerNetwork network) {
    if ((step + 1) % every == 0) {
      before = network.params().toFloatVector();
    }
  }

  private Ratios ratios(float[] now) {
    Map<String, Double> log10 = new LinkedHashMap<>();
    parts.forEach(
        (name, part) -> {
          double update = part.deviation(i -> now[i] - before[i]);
          log10.put(name, Math.log10(update / part.deviation(i -> before[i])));
        });
    return new Ratios(step, log10);
  }
}
