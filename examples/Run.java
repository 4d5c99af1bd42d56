import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import org.backpropninja.names.BigramModel;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.InvalidModelException;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.Calibration;
import org.backpropninja.training.FlatGradientUpdater;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.shade.jackson.core.JsonProcessingException;

/** A run in its folder, which it has to itself: from the first or a later step to its results. */
final class Run {
  private final TrainingOptions options;
  private final Names names;
  private final RunFolder folder;
  private final RunLog log;
  private final DoubleFunction<ReportPace> pace;

  Run(TrainingOptions options, Names names, RunFolder folder) {
    this(options, names, folder, ReportPace::from);
  }

  /**
   * Sets how often the report is written.
   *
   * @param pace made of the time that the steps have taken so far, µs
   */
  Run(TrainingOptions options, Names names, RunFolder folder, DoubleFunction<ReportPace> pace) {
    this.pace = pace;
    this.options = options;
    this.names = names;
    this.folder = folder;
    log = new RunLog(folder, options.quiet());
  }

  /**
   * Trains, and writes what came out.
   *
   * @param show is given the results, before they are written
   * @param listeners that are told of each step
   * @return empty if the process has been told to end; then a checkpoint is left
   * @throws IOException if the folder cannot be written to, before anything is trained
   */
  @SuppressWarnings("try") // the notice is closed, never named
  Optional<TrainNames.Result> run(Consumer<Results> show, TrainingListener... listeners)
      throws IOException {
    Training.Start start = start();
    log.say(
        "%s %s on %d names of %d characters: step %d of %d",
        start.state().step() == 0 ? "training in" : "going on in",
        folder.folder(),
        names.count(),
        names.split().train().vocabulary().size() - 1,
        start.state().step(),
        options.steps());
    ReportWriter report =
        new ReportWriter(options, names, folder, log, pace.apply(start.state().microseconds()));
    Training training = new Training(options, names.split(), folder, log, start, report);
    if (train(training, start.state(), listeners) == Training.End.INTERRUPTED) {
      return Optional.empty();
    }
    String text = "stopped before the results; --resume %s gives them".formatted(folder.folder());
    try (Interruption.Notice notice = Interruption.saying(text)) {
      return Optional.of(results(training, start.network(), show, report));
    }
  }

  private Training.End train(Training training, TrainingState from, TrainingListener... listeners)
      throws IOException {
    try (Interruption interruption = new Interruption();
        Metrics metrics =
            Metrics.open(folder.folder().resolve("metrics.csv"), from.metricsLength())) {
      Training.End end = training.run(interruption, metrics, listeners);
      if (end == Training.End.INTERRUPTED) {
        tellHowToGoOn(training.step());
      } else if (end == Training.End.NO_BETTER_LOSS) {
        log.say(
            "step %d: no lower validation loss than after step %d, which best.zip holds; the results"
                + " are of step %d",
            training.step(), training.best().step(), training.step());
      }
      return end;
    }
  }

  /** Even where it should be quiet, because it is what the user needs next. */
  private void tellHowToGoOn(int step) {
    String text =
        "stopped after step %d of %d; --resume %s goes on from the last checkpoint"
            .formatted(step, options.steps(), folder.folder());
    System.err.println(text);
    log.log(text);
  }

  // Start

  /** From the last checkpoint, or from new weights where there is none. */
  private Training.Start start() throws IOException {
    Path checkpoint = folder.folder().resolve("last.zip");
    if (Files.exists(checkpoint)) {
      return resumed(checkpoint);
    }
    requireNoCheckpoint(checkpoint);
    TorchRandom random = new TorchRandom(options.seed());
    MultiLayerNetwork network = options.network(names.split().train().vocabulary().size(), random);
    return new Training.Start(network, random, TrainingState.first(random));
  }

  /** A run that has lost its last checkpoint must not begin anew over what it has left. */
  private void requireNoCheckpoint(Path last) throws IOException {
    try (DirectoryStream<Path> others =
        Files.newDirectoryStream(folder.folder(), "{best,step-*}.zip")) {
      for (Path other : others) {
        throw new UnusableInputException(
            "%s is not there, but %s is: copy it to last.zip to go on from there, or start a new run"
                .formatted(last, other.getFileName()));
      }
    }
  }

  private Training.Start resumed(Path checkpoint) {
    ModelFile file = read(checkpoint);
    Vocabulary vocabulary = names.split().train().vocabulary();
    if (file.trainingState() == null || !file.vocabulary().equals(vocabulary)) {
      throw new UnusableInputException(
          "%s is no checkpoint of a run on %s".formatted(checkpoint, names.file()));
    }
    FlatGradientUpdater.install(file.network());
    try {
      TrainingState state = TrainingState.ofJson(file.trainingState());
      if (options.steps() < state.step()) {
        throw new UnusableInputException(
            "--steps (%d) must be at least %d, the steps that were taken"
                .formatted(options.steps(), state.step()));
      }
      requirePossible(state, checkpoint);
      return new Training.Start(file.network(), TorchRandom.restore(state.random()), state);
    } catch (JsonProcessingException e) {
      throw new UnusableInputException("%s: %s".formatted(checkpoint, e.getOriginalMessage()));
    }
  }

  private ModelFile read(Path checkpoint) {
    try {
      return ModelFile.read(checkpoint, Runtime.getRuntime().maxMemory());
    } catch (InvalidModelException e) {
      throw new UnusableInputException(
          "%s; best.zip or step-N.zip, if one is there, can be copied over it to go on from there"
              .formatted(e.getMessage()));
    }
  }

  /** To restore a generator takes as long as to draw so many numbers. */
  private void requirePossible(TrainingState state, Path checkpoint) {
    long parameters = options.mlp(names.split().train().vocabulary().size()).parameters();
    long most = 2 * ((long) state.step() * options.batch() + parameters + 100);
    if (state.random().drawn() > most) {
      throw new UnusableInputException(
          "%s: %d random numbers drawn; %d steps draw at most %d"
              .formatted(checkpoint, state.random().drawn(), state.step(), most));
    }
  }

  // Results

  private TrainNames.Result results(
      Training training, MultiLayerNetwork network, Consumer<Results> show, ReportWriter report) {
    long start = System.nanoTime();
    NamesSplit split = names.split();
    log.say("step %d: calibrating batch norm on the training set", training.step());
    Calibration.calibrate(network, split.train().chunks(CharMlp.chunk(network)));
    log.say("computing the losses of the three sets");
    Parts<Double> losses = losses(split, data -> CharMlp.loss(network, data));
    Parts<Double> bigramLosses = losses(split, new BigramModel(split.train())::loss);
    Results results = new Results(losses, bigramLosses, report.draw(network));
    show.accept(results);
    if (losses.val() > bigramLosses.val()) {
      log.say("the bigram baseline is better; another --learning-rate or more --steps may help");
    }
    log.log(Commands.losses(losses));
    log.log(Commands.losses(bigramLosses) + "  bigram baseline");
    log.log(results.samples().shares());
    Summary summary = summary(training, results);
    log.write("summary.json", () -> folder.write(summary, more(training, results)));
    ModelFile model = new ModelFile(network, split.train().vocabulary());
    log.write("model.zip", () -> folder.write("model.zip", model));
    Duration after = Duration.ofNanos(System.nanoTime() - start);
    report.write(network, training.checkpoint(), results, after);
    String all = log.isIncomplete() ? "not all files could be written to" : "all files are in";
    log.say("%s %s", all, folder.folder());
    return new TrainNames.Result(summary, network, folder.folder(), !log.isIncomplete());
  }

  private Summary summary(Training training, Results results) {
    NamesSplit split = names.split();
    return new Summary(
        names.count(),
        new Parts<>(split.train().size(), split.validation().size(), split.test().size()),
        options.mlp(split.train().vocabulary().size()).parameters(),
        training.step(),
        training.microsecondsPerStep(),
        results.losses(),
        training.minibatchLosses(),
        results.samples().names().stream().map(Sample::name).toList());
  }

  private static Parts<Double> losses(NamesSplit split, ToDoubleFunction<NamesDataset> loss) {
    return new Parts<>(
        loss.applyAsDouble(split.train()),
        loss.applyAsDouble(split.validation()),
        loss.applyAsDouble(split.test()));
  }

  /** How the results came about. */
  private Map<String, Object> more(Training training, Results results) {
    Map<String, Object> more = new LinkedHashMap<>();
    List<Sample> samples = results.samples().names();
    more.put("marks", samples.stream().map(sample -> sample.origin().toString()).toList());
    more.put("bigramLosses", results.bigramLosses());
    more.put("seed", options.seed());
    more.put("hidden", options.hidden());
    more.put("context", options.context());
    more.put("embedding", options.embedding());
    more.put("batch", options.batch());
    more.put("updater", options.updater().toString());
    more.put("learningRate", options.learningRate());
    more.put("weightDecay", options.weightDecay());
    more.put("schedule", options.schedule().toString());
    more.put("warmUp", options.warmUp());
    more.put("best", training.best());
    more.put("namesFile", names.file().toString());
    more.put("namesSha256", names.sha256());
    more.put("versions", Versions.all());
    return more;
  }
}
