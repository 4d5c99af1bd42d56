import java.awt.AWTError;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.backpropninja.names.BigramModel;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.Vocabulary;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;

/**
 * Writes report.html into a run's folder, with all that the run's files and its state tell.
 *
 * <p>The network that is trained stays what it is, and so does the generator of its minibatches. A
 * page that cannot be made ends no training; a line says so, as of any file.
 */
final class ReportWriter {
  private final TrainingOptions options;
  private final Names names;
  private final RunFolder folder;
  private final RunLog log;
  private final ReportPace pace;
  private double bigramLoss = Double.NaN; // until it is needed
  private KnownNames known; // the same

  ReportWriter(
      TrainingOptions options, Names names, RunFolder folder, RunLog log, ReportPace pace) {
    this.options = options;
    this.names = names;
    this.folder = folder;
    this.log = log;
    this.pace = pace;
  }

  /** Writes the page of a checkpoint, if it takes little of the time. */
  void writeIfDue(MultiLayerNetwork network, TrainingState state) {
    if (pace.isDue(state.microseconds())) {
      long start = System.nanoTime();
      write(network, state);
      pace.written(state.microseconds(), (System.nanoTime() - start) / 1e3);
    }
  }

  /** Writes the page of a checkpoint, with names of this network. */
  void write(MultiLayerNetwork network, TrainingState state) {
    write(() -> data(network, state, bigramLoss(), Map.of(), draw(network), Map.of()));
  }

  /**
   * Writes the page of a run that is over.
   *
   * @param after how long the results took, after the steps
   */
  void write(MultiLayerNetwork network, TrainingState state, Results results, Duration after) {
    Map<String, Parts<Double>> losses = new LinkedHashMap<>();
    losses.put("calibrated network", results.losses());
    losses.put("bigram baseline", results.bigramLosses());
    write(
        () ->
            data(
                network,
                state,
                results.bigramLosses().val(),
                losses,
                results.samples(),
                Map.of("calibration, losses and names", after)));
  }

  private void write(Callable<ReportData> data) {
    log.write(
        "report.html",
        () -> {
          try {
            Report.write(folder, data.call());
          } catch (IOException e) {
            throw e;
          } catch (Exception | LinkageError | AWTError | VirtualMachineError e) {
            throw new IOException("the page cannot be made: " + e, e); // want of memory, or of AWT
          }
        });
  }

  private ReportData data(
      MultiLayerNetwork network,
      TrainingState state,
      double bigramLoss,
      Map<String, Parts<Double>> losses,
      Samples samples,
      Map<String, Duration> after)
      throws IOException {
    RunDescription description = RunDescription.read(folder.folder());
    Map<String, Duration> timings = new LinkedHashMap<>();
    timings.put("steps", Duration.ofNanos((long) (state.microseconds() * 1e3)));
    timings.putAll(after);
    return new ReportData(
        folder.folder().toAbsolutePath().normalize().getFileName().toString(),
        Instant.now(),
        state.step(),
        options.steps(),
        description.options(),
        description.versions(),
        Metrics.read(folder.folder().resolve("metrics.csv")),
        bigramLoss,
        losses,
        new ReportData.Snapshot(network, characters(), minibatch()),
        state.updates(),
        samples.names(),
        state.sampled(),
        timings);
  }

  private List<String> characters() {
    Vocabulary vocabulary = names.split().train().vocabulary();
    return IntStream.range(0, vocabulary.size()).mapToObj(vocabulary::character).toList();
  }

  /** Examples at equal distances: no generator chooses them, and every page of a run has them. */
  private DataSet minibatch() {
    NamesDataset train = names.split().train();
    long size = train.size();
    return train.examples(
        IntStream.range(0, options.batch()).map(i -> (int) (i * size / options.batch())).toArray());
  }

  /** Counted once, and only where a page is written on the way. */
  private double bigramLoss() {
    if (Double.isNaN(bigramLoss)) {
      bigramLoss = new BigramModel(names.split().train()).loss(names.split().validation());
    }
    return bigramLoss;
  }

  // Names

  /** Draws the names that a run shows at its end, and its pages before, with their marks. */
  Samples draw(MultiLayerNetwork network) {
    return options.sampling().draw(sampler(network), options.samplingRandom(), known());
  }

  /** Samples some names on the way, by a new generator with the seed of the last names. */
  List<Sample> sample(MultiLayerNetwork network, int count) {
    return sampler(network)
        .sample(count, options.samplingRandom(), options.sampling().sampling())
        .stream()
        .map(name -> new Sample(Html.cut(name), known().origin(name)))
        .toList();
  }

  private NameSampler sampler(MultiLayerNetwork network) {
    return new NameSampler(network, names.split().train().vocabulary(), options.context());
  }

  private KnownNames known() {
    if (known == null) {
      known = new KnownNames(names.split());
    }
    return known;
  }
}
