import java.nio.file.Path;
import org.backpropninja.names.CharMlp;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.IUpdater;

/** What {@link TrainNames} was asked for, each component under its option's name. */
record TrainingOptions(
    Path names,
    int steps,
    int hidden,
    int embedding,
    int context,
    int batch,
    long seed,
    SamplingOptions sampling,
    UpdaterKind updater,
    double learningRate,
    double weightDecay,
    ScheduleKind schedule,
    int warmUp,
    int evalEvery,
    int patience,
    int checkpointEvery,
    int keepEvery,
    int sampleEvery,
    boolean compiled,
    boolean quiet) {

  /** The notebook draws gain and bias without its generator. */
  static final long BATCH_NORM_SEED = 42;

  private static final int DASHBOARD_REPORTS = 1000; // of a run, all of which stay in memory
  private static final int UPDATE_RATIOS = 100; // of a run: half a millisecond each

  static final int SAMPLING_SEED_OFFSET = 10; // the notebook's 2147483647 + 10

  CharMlp mlp(int vocabularySize) {
    return new CharMlp(vocabularySize, context, embedding, hidden);
  }

  MultiLayerNetwork network(int vocabularySize, TorchRandom random) {
    return mlp(vocabularySize)
        .network(
            dl4jUpdater(), weightDecay, DataType.FLOAT, random, new TorchRandom(BATCH_NORM_SEED));
  }

  IUpdater dl4jUpdater() {
    return updater.with(schedule.of(learningRate, warmUp, steps));
  }

  TorchRandom samplingRandom() {
    return new TorchRandom(seed + SAMPLING_SEED_OFFSET);
  }

  /** Whether the validation loss is computed after so many steps. */
  boolean isEvaluated(int step) {
    return isMultiple(step, evalEvery) || step == steps;
  }

  /** Whether last.zip is written after so many steps. */
  boolean isCheckpoint(int step) {
    return isMultiple(step, checkpointEvery) || isKept(step) || step == steps;
  }

  /** Whether a checkpoint after so many steps is kept beside later ones. */
  boolean isKept(int step) {
    return isMultiple(step, keepEvery);
  }

  /** Whether names are sampled on the way after so many steps. */
  boolean isSampled(int step) {
    return isMultiple(step, sampleEvery);
  }

  /** How many steps lie between two of which the report shows update:data. */
  int stepsPerUpdateRatio() {
    return Math.max(1, steps / UPDATE_RATIOS);
  }

  /** How many steps lie between two of which the dashboard shows parameters and gradients. */
  int stepsPerDashboardReport() {
    return Math.max(1, steps / DASHBOARD_REPORTS);
  }

  /** How many steps there are to go without a stop, from {@code step} on. */
  int stepsToNextStop(int step) {
    int next = steps - step;
    for (int every : new int[] {evalEvery, checkpointEvery, keepEvery, sampleEvery}) {
      if (every > 0) {
        next = Math.min(next, every - step % every);
      }
    }
    return next;
  }

  /** Never, where {@code every} is 0. */
  private static boolean isMultiple(int step, int every) {
    return every > 0 && step % every == 0;
  }
}
