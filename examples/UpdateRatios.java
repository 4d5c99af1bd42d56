import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

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
  private final List<Ratios> recorded = new ArrayList<>();
  private int step;
  private Map<String, INDArray> before;

  /**
   * Starts before a step.
   *
   * @param network that will be trained
   * @param step how many steps it has taken
   * @param every records the steps that this number divides, at least 1
   */
  UpdateRatios(MultiLayerNetwork network, int step, int every) {
    if (every < 1) {
      throw new IllegalArgumentException("every (%d) must be at least 1".formatted(every));
    }
    this.every = every;
    this.step = step;
    remember(network);
  }

  /** What has been recorded so far. */
  List<Ratios> recorded() {
    return List.copyOf(recorded);
  }

  @Override
  @SuppressWarnings("try")
  public void iterationDone(Model model, int iteration, int epoch) {
    MultiLayerNetwork network = (MultiLayerNetwork) model;
    step++;
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      if (step % every == 0) {
        recorded.add(ratios(network));
      }
      remember(network);
    }
  }

  /** Copies the parameters if the next step is one to record. */
  private void remember(MultiLayerNetwork network) {
    if ((step + 1) % every == 0) {
      before = new LinkedHashMap<>();
      ReportDiagnostics.PARAMETERS.forEach(
          (name, key) -> before.put(name, network.getParam(key).dup()));
    }
  }

  private Ratios ratios(MultiLayerNetwork network) {
    Map<String, Double> log10 = new LinkedHashMap<>();
    before.forEach(
        (name, old) -> {
          double data = Distribution.of(old).deviation();
          INDArray now = network.getParam(ReportDiagnostics.PARAMETERS.get(name));
          double update = Distribution.of(old.rsubi(now)).deviation(); // now − old
          log10.put(name, Math.log10(update / data));
          old.close();
        });
    return new Ratios(step, log10);
  }
}
