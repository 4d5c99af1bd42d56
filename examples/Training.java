import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.names.RunFolder;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.CompiledNetwork;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * The steps of a run, from where its checkpoint is to the last, with evaluations and checkpoints.
 *
 * <p>What is drawn and computed depends on the options and the number of steps alone, not on where
 * the run was interrupted.
 */
final class Training {
  private static final int NAMES_ON_THE_WAY = 5;
  private static final int MOST_SAMPLED = 40; // of which a checkpoint keeps the names

  private final TrainingOptions options;
  private final NamesSplit split;
  private final RunFolder folder;
  private final RunLog log;
  private final MultiLayerNetwork network;
  private final IUpdater updater;
  private final TorchRandom random;
  private final List<List<Number>> minibatchLosses;
  private final UpdateRatios updates;
  private final List<ReportData.Sampled> sampled;
  private final ReportWriter report;

  private CompiledNetwork compiled; // null for network.fit
  private TrainingState checkpoint; // the last
  private int step; // steps taken
  private TrainingState.Best best;
  private int evaluationsSince;
  private double microseconds;

  /** How training ended. */
  enum End {
    LAST_STEP,
    NO_BETTER_LOSS,
    INTERRUPTED
  }

  Training(
      TrainingOptions options,
      NamesSplit split,
      RunFolder folder,
      RunLog log,
      Start start,
      ReportWriter report) {
    this.options = options;
    this.split = split;
    this.folder = folder;
    this.log = log;
    this.report = report;
    network = start.network();
    random = start.random();
    updater = options.dl4jUpdater();
    TrainingState state = start.state();
    checkpoint = state;
    step = state.step();
    best = state.best();
    evaluationsSince = state.evaluationsSince();
    microseconds = state.microseconds();
    minibatchLosses = new ArrayList<>(state.minibatchLosses());
    updates = new UpdateRatios(network, step, options.stepsPerUpdateRatio(), state.updates());
    sampled = new ArrayList<>(state.sampled());
  }

  /**
   * Where training starts from.
   *
   * @param network as it is after the state's steps
   * @param random the same
   */
  record Start(MultiLayerNetwork network, TorchRandom random, TrainingState state) {}

  /**
   * Trains until the last step, or what ends it earlier, and leaves a checkpoint.
   *
   * @param others listen too
   * @throws DivergedException if the loss or a parameter is no longer finite
   */
  End run(Interruption interruption, Metrics metrics, TrainingListener... others) {
    compiled = options.compiled() ? CompiledNetwork.of(network) : null;
    try (Progress progress = new Progress(options.steps(), step, options.quiet())) {
      Steps steps = new Steps(progress, metrics);
      network.setListeners(steps, updates);
      network.addListeners(others);
      while (end(interruption) == null) {
        goOn(steps, interruption);
      }
    } catch (DL4JInvalidInputException e) { // of a layer that was given infinity or NaN
      throw diverged("step %d: %s".formatted(step + 1, e.getMessage().lines().findFirst().get()));
    } finally {
      network.setListeners();
    }
    return end(interruption);
  }

  /** Takes steps until an evaluation, names or a checkpoint are due, which follow. */
  private void goOn(Steps steps, Interruption interruption) {
    int before = step;
    fit(steps, interruption);
    steps.requireFinite();
    requireFiniteParameters();
    if (step > before && options.isEvaluated(step)) { // not twice after one step
      evaluate(steps.metrics);
    }
    if (step > before && options.isSampled(step)) {
      sample(steps.progress);
    }
    if (options.isCheckpoint(step) || end(interruption) != null) {
      checkpoint(steps.metrics);
      report(end(interruption));
    }
  }

  /** Null to go on. */
  private End end(Interruption interruption) {
    if (step == options.steps()) {
      return End.LAST_STEP;
    }
    if (options.patience() > 0 && evaluationsSince >= options.patience()) {
      return End.NO_BETTER_LOSS;
    }
    return interruption.isRequested() ? End.INTERRUPTED : null;
  }

  /** Trains as far as the next evaluation or checkpoint, or until it is interrupted. */
  private void fit(Steps steps, Interruption interruption) {
    int count = options.stepsToNextStop(step);
    DataSetIterator minibatches =
        new MinibatchIterator(split.train(), random, options.batch(), count)
            .overwriting()
            .until(() -> steps.isDiverged || interruption.isRequested());
    long start = System.nanoTime();
    steps.start(start);
    if (compiled == null) {
      network.fit(minibatches);
    } else {
      compiled.fit(minibatches);
    }
    microseconds += (System.nanoTime() - start) / 1e3;
    // How often fit was called depends on the interruptions, and shall not be in the model's file.
    network.getLayerWiseConfigurations().setEpochCount(0);
  }

  private void evaluate(Metrics metrics) {
    double validation = CharMlp.loss(network, split.validation());
    log.write("metrics.csv", () -> metrics.validated(validation));
    log.log(format("step %d: validation loss %.4f", step, validation));
    evaluationsSince++;
    if (best == null || validation < best.loss()) {
      best = new TrainingState.Best(step, validation);
      evaluationsSince = 0;
      log.write("best.zip", () -> folder.write("best.zip", file(state(metrics))));
    }
  }

  private void sample(Progress progress) {
    List<Sample> names = report.sample(network, NAMES_ON_THE_WAY);
    String line = "step %d: %s".formatted(step, names(names));
    progress.say(line);
    log.log(line);
    sampled.add(new ReportData.Sampled(step, names));
    if (sampled.size() > MOST_SAMPLED) {
      sampled.remove(0);
    }
  }

  private static String names(List<Sample> samples) {
    return samples.stream().map(Sample::name).collect(Collectors.joining(", "));
  }

  /** The page of a run that ends with results is written with these. */
  private void report(End end) {
    if (end == End.INTERRUPTED) {
      report.write(network, checkpoint);
    } else if (end == null) {
      report.writeIfDue(network, checkpoint);
    }
  }

  private void checkpoint(Metrics metrics) {
    log.write("metrics.csv", metrics::flush);
    checkpoint = state(metrics);
    ModelFile file = file(checkpoint);
    if (log.write("last.zip", () -> folder.write("last.zip", file))) {
      log.log(format("step %d: saved in last.zip", step));
    }
    if (options.isKept(step)) {
      String name = "step-" + step + ".zip";
      log.write(name, () -> folder.write(name, file));
    }
  }

  private ModelFile file(TrainingState state) {
    return new ModelFile(network, split.train().vocabulary(), state.toJson());
  }

  private TrainingState state(Metrics metrics) {
    return new TrainingState(
        step,
        random.state(),
        best,
        evaluationsSince,
        minibatchLosses,
        microseconds,
        metrics.length(),
        updates.recorded(),
        List.copyOf(sampled));
  }

  private void requireFiniteParameters() {
    if (!Double.isFinite(network.params().sumNumber().doubleValue())) {
      throw diverged("a parameter is not a finite number after step %d".formatted(step));
    }
  }

  private DivergedException diverged(String what) {
    Path last = folder.folder().resolve("last.zip");
    String checkpoint =
        Files.exists(last)
            ? last + " still holds the checkpoint before"
            : "there is no checkpoint before";
    String text =
        "%s; %s; a new run with a lower --learning-rate may help".formatted(what, checkpoint);
    log.log(text);
    return new DivergedException(text);
  }

  /** Counts the steps and keeps their losses; a step of which the loss is not finite ends all. */
  private final class Steps extends BaseTrainingListener {
    private final Progress progress;
    private final Metrics metrics;
    private boolean isDiverged;
    private double loss;
    private long rowTime; // of the last row of the metrics
    private int rowStep;

    Steps(Progress progress, Metrics metrics) {
      this.progress = progress;
      this.metrics = metrics;
    }

    void start(long time) {
      rowTime = time;
      rowStep = step;
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      loss = model.score();
      if (!Double.isFinite(loss)) {
        isDiverged = true;
        return;
      }
      if (step < 200 || step % 1000 == 0) {
        minibatchLosses.add(List.of(step, loss));
      }
      step++;
      if (Metrics.isRow(step) || options.isEvaluated(step)) {
        addRow(System.nanoTime());
      }
      progress.advance(1, loss);
    }

    private void addRow(long time) {
      double learningRate = updater.getLearningRate(step - 1, 0);
      double each = (time - rowTime) / 1e3 / (step - rowStep);
      log.write("metrics.csv", () -> metrics.add(new Metrics.Row(step, loss, learningRate, each)));
      start(time);
    }

    void requireFinite() {
      if (isDiverged) {
        throw diverged("minibatch loss is %s at step %d".formatted(loss, step + 1));
      }
    }
  }

  int step() {
    return step;
  }

  TrainingState checkpoint() {
    return checkpoint;
  }

  double microsecondsPerStep() {
    return microseconds / step;
  }

  TrainingState.Best best() {
    return best;
  }

  List<List<Number>> minibatchLosses() {
    return minibatchLosses;
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
