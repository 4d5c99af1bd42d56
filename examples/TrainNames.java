import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesFile.Spaces;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Summary;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/**
 * Trains the character MLP on a file of names, prints its three losses and the names that it
 * invents.
 *
 * <p>With the defaults' seeds every random number is the notebook's, so are the losses.
 */
@Command(name = "TrainNames", description = "Trains a character MLP on names and invents new ones.")
public final class TrainNames implements Callable<Integer> {

  private static final long LARGEST_SEED = 0xFFFF_FFFFL - TrainingOptions.SAMPLING_SEED_OFFSET;
  private static final Path RUNS = Path.of("runs");
  private static final int INTERRUPTED = 130; // as a shell has it for Ctrl-C

  /** What a run that goes on may do in another way, because no weight depends on it. */
  private static final Set<String> CHANGEABLE =
      Set.of(
          "--names", // whose content is compared
          "--steps", // unless the schedule depends on it
          "--samples",
          "--temperature",
          "--top-k",
          "--prefix",
          "--max-length",
          "--only-new",
          "--compiled",
          "--patience",
          "--checkpoint-every",
          "--keep-every",
          "--sample-every",
          "--quiet");

  @Option(
      names = "--names",
      paramLabel = "FILE",
      description = "one name a line (${DEFAULT-VALUE})")
  private Path names = Path.of("names.txt");

  @Option(
      names = "--spaces",
      description = "names may hold single spaces, which are characters like others")
  private boolean spaces;

  @Option(names = "--steps", paramLabel = "N", description = "training steps (${DEFAULT-VALUE})")
  private int steps = 200_000;

  @Mixin private NetworkSizes sizes;

  @Option(names = "--batch", paramLabel = "N", description = "minibatch size (${DEFAULT-VALUE})")
  private int batch = 32;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "of weights and minibatches (${DEFAULT-VALUE})")
  private long seed = 2147483647;

  @Mixin private SamplingOptions sampling;

  @Option(
      names = "--updater",
      paramLabel = "NAME",
      description = "DL4J's updater: ${COMPLETION-CANDIDATES} (${DEFAULT-VALUE})")
  private UpdaterKind updater = UpdaterKind.SGD;

  @Option(
      names = "--learning-rate",
      paramLabel = "X",
      description = "where the schedule starts (0.1 with sgd, 0.001 with adam)")
  private Double learningRate;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description = "of the weights, times the learning rate (0, with adamw 0.01)")
  private Double weightDecay;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      description =
          "of the learning rate: ${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}: a tenth in the second"
              + " half; step: a tenth from the half on, a hundredth from three quarters on; cosine:"
              + " down to a tenth)")
  private ScheduleKind schedule = ScheduleKind.NOTEBOOK;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      description = "steps in which a cosine schedule reaches its learning rate (${DEFAULT-VALUE})")
  private int warmUp;

  @Option(
      names = "--eval-every",
      paramLabel = "N",
      description =
          "steps between validation losses, by running statistics; 0: after the last step only"
              + " (${DEFAULT-VALUE})")
  private int evalEvery = 20_000;

  @Option(
      names = "--patience",
      paramLabel = "N",
      description = "ends after N validation losses that are not the lowest; 0: never (0)")
  private int patience;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      description =
          "steps between checkpoints in last.zip (${DEFAULT-VALUE}); report.html is written at"
              + " those that leave it a hundredth of the time, and at the end")
  private int checkpointEvery = 10_000;

  @Option(
      names = "--keep-every",
      paramLabel = "N",
      description = "steps between checkpoints that stay, as step-N.zip; 0: none (0)")
  private int keepEvery;

  @Option(
      names = "--sample-every",
      paramLabel = "N",
      description = "steps between 5 names on the way; 0: none (0)")
  private int sampleEvery;

  @Option(
      names = "--compiled",
      description = "train by CompiledNetwork in place of network.fit: the same, in less time")
  private boolean compiled;

  @Option(names = "--quiet", description = "print losses and names only")
  private boolean quiet;

  @Option(
      names = "--ui",
      description =
          "show the training in DL4J's dashboard, for this machine's browsers only, until it ends;"
              + " needs the Maven profile ui")
  private boolean ui;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "a new or empty folder for all files (runs/TIME)")
  private String out;

  @Option(
      names = "--resume",
      arity = "0..1",
      fallbackValue = "",
      paramLabel = "DIR",
      description =
          "goes on with the run in DIR, to the same results; without DIR with the newest in runs/"
              + " that has not ended")
  private String resume;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private Dashboard dashboard; // null without --ui

  /**
   * What a run gives.
   *
   * @param summary what summary.json holds
   * @param network the trained network, calibrated
   * @param folder where both were written
   * @param isWritten whether all files were written
   */
  public record Result(
      Summary summary, MultiLayerNetwork network, Path folder, boolean isWritten) {}

  TrainNames() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments or input; stopped by a signal 130
   * (Ctrl-C), 143 (TERM) or 129 (HUP).
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(commandLine(new TrainNames()), args);
  }

  /**
   * Trains as the options say.
   *
   * @param args see {@code --help}
   * @return losses, names, network
   * @throws IOException if the results cannot be written
   * @throws ParameterException if an option is unusable
   * @throws InvalidNamesException if the names file is
   */
  public static Result run(String... args) throws IOException {
    return parsed(args).train(results -> {}).orElseThrow();
  }

  static CommandLine commandLine(TrainNames command) {
    return new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true);
  }

  private static TrainNames parsed(String... args) {
    TrainNames command = new TrainNames();
    commandLine(command).parseArgs(args);
    return command;
  }

  static TrainingOptions options(String... args) {
    return parsed(args).options();
  }

  @Override
  public Integer call() throws IOException {
    return train(Results::print).map(result -> result.isWritten() ? 0 : 1).orElse(INTERRUPTED);
  }

  private Optional<Result> train(Consumer<Results> show) throws IOException {
    try (Dashboard opened = ui ? Dashboard.open() : null) {
      dashboard = opened;
      return resume == null ? trainAnew(show) : goOn(show);
    }
  }

  private Optional<Result> train(Names data, RunFolder folder, Consumer<Results> show)
      throws IOException {
    return new Run(options(), data, folder).run(show, dashboardListeners());
  }

  private TrainingListener[] dashboardListeners() {
    if (dashboard == null) {
      return new TrainingListener[0];
    }
    if (!quiet) {
      System.err.println("dashboard at " + dashboard.address());
    }
    return new TrainingListener[] {dashboard.listener(options().stepsPerDashboardReport())};
  }

  // A new run

  @SuppressWarnings("try") // the lock is closed, never named
  private Optional<Result> trainAnew(Consumer<Results> show) throws IOException {
    requireUsable();
    Names data = readNames();
    requireEmpty(out());
    RunFolder folder = Commands.runFolder(out());
    try (Closeable lock = lock(folder)) {
      requireEmpty(folder.folder());
      RunDescription.of(commandLineOptions(), options(), data).write(folder);
      return train(data, folder, show);
    }
  }

  /** A run is never written over another, nor over anything else; null is fine. */
  private void requireEmpty(Path folder) throws IOException {
    if (folder != null && Files.isDirectory(folder) && !new RunFolder(folder).isEmpty()) {
      throw refusal(
          "--out (%s) must be new or empty; --resume %s goes on with a run".formatted(out, out));
    }
  }

  private Closeable lock(RunFolder folder) throws IOException {
    Optional<Closeable> lock;
    try {
      lock = folder.tryLock();
    } catch (IOException e) { // its message may be no more than the path
      throw new IOException("%s cannot be written to: %s".formatted(folder.folder(), e), e);
    }
    return lock.orElseThrow(
        () -> refusal("%s is in use by another run; wait for its end".formatted(folder.folder())));
  }

  private Names readNames() throws IOException {
    MemoryNeeds memory = new MemoryNeeds(spec);
    memory.requireNames(names);
    Names data = Names.read(names, spaces ? Spaces.WITHIN_NAMES : Spaces.REFUSED, sizes.context());
    sampling.requirePrefixIn(data.split().train().vocabulary());
    memory.require(options(), sizes.mlp(data.split().train().vocabulary().size()));
    return data;
  }

  // A run that goes on

  @SuppressWarnings("try") // the lock is closed, never named
  private Optional<Result> goOn(Consumer<Results> show) throws IOException {
    if (out != null) {
      throw refusal(
          "--out (%s) must not be given with --resume DIR, which tells it".formatted(out));
    }
    RunFolder folder = new RunFolder(resume.isEmpty() ? newestRun() : path("--resume", resume));
    if (!RunDescription.isIn(folder.folder())) {
      throw refusal("--resume (%s) must be a folder with a run.json".formatted(folder.folder()));
    }
    try (Closeable lock = lock(folder)) {
      RunDescription description = description(folder.folder());
      return asDescribed(description).goOn(description, folder, show);
    }
  }

  private Path newestRun() throws IOException {
    if (!Files.isDirectory(RUNS)) {
      throw refusal("--resume needs a DIR: there is no folder runs here");
    }
    try (Stream<Path> runs = Files.list(RUNS)) {
      return runs.filter(RunDescription::isIn)
          .filter(run -> Files.notExists(run.resolve("model.zip")))
          .max(Comparator.comparing(RunDescription::time).thenComparing(Path::toString))
          .orElseThrow(
              () -> refusal("--resume needs a DIR: there is no run in runs that has not ended"));
    }
  }

  private RunDescription description(Path folder) throws IOException {
    try {
      return RunDescription.read(folder);
    } catch (JsonProcessingException e) {
      throw refusal(
          "--resume (%s): run.json is unusable: %s".formatted(folder, e.getOriginalMessage()));
    }
  }

  /** The command of the run's start, with what was given now and may change. */
  private TrainNames asDescribed(RunDescription description) {
    Map<String, String> given = commandLineOptions();
    Map<String, String> options = new LinkedHashMap<>(description.options());
    for (OptionSpec option : spec.commandLine().getParseResult().matchedOptions()) {
      String name = option.longestName();
      if (given.containsKey(name)) {
        if (!given.get(name).equals(options.get(name)) && !mayChange(name, options)) {
          throw refusal(
              "%s (%s) must be %s, as in the run that goes on; leave it out, or start a new run%s"
                  .formatted(name, given.get(name), options.get(name), hint(name)));
        }
        options.put(name, given.get(name));
      }
    }
    List<String> args = new ArrayList<>();
    options.forEach((name, value) -> args.add(name + "=" + value));
    TrainNames described = parsed(args.toArray(String[]::new));
    described.dashboard = dashboard;
    return described;
  }

  private static boolean mayChange(String name, Map<String, String> options) {
    boolean lengthens =
        ScheduleKind.CONSTANT.toString().equals(options.get("--schedule"))
            && "0".equals(options.get("--patience")); // the last step's evaluation would count
    return CHANGEABLE.contains(name) && (lengthens || !name.equals("--steps"));
  }

  private static String hint(String name) {
    return name.equals("--steps")
        ? "; a run with --schedule constant and without --patience may be lengthened"
        : "";
  }

  private Optional<Result> goOn(RunDescription before, RunFolder folder, Consumer<Results> show)
      throws IOException {
    requireUsable();
    Names data = readNames();
    if (!data.sha256().equals(before.namesSha256())) {
      throw refusal(
          "--names (%s) has changed since the run began; give the file with SHA-256 %s"
              .formatted(names, before.namesSha256()));
    }
    RunDescription now = RunDescription.of(commandLineOptions(), options(), data);
    if (!now.equals(before)) {
      now.write(folder);
    }
    return train(data, folder, show);
  }

  // Options

  private TrainingOptions options() {
    return new TrainingOptions(
        names,
        steps,
        sizes.hidden(),
        sizes.embedding(),
        sizes.context(),
        batch,
        seed,
        sampling,
        updater,
        learningRate == null ? updater.learningRate : learningRate,
        weightDecay == null ? updater.weightDecay : weightDecay,
        schedule,
        warmUp,
        evalEvery,
        patience,
        checkpointEvery,
        keepEvery,
        sampleEvery,
        compiled,
        quiet);
  }

  /**
   * All but what says which folder, and the dashboard; as text, without those that have no value.
   */
  private Map<String, String> commandLineOptions() {
    learningRate = options().learningRate();
    weightDecay = options().weightDecay();
    Map<String, String> all = new LinkedHashMap<>();
    for (OptionSpec option : spec.options()) {
      boolean isOfRun =
          !option.usageHelp()
              && !option.versionHelp()
              && !Set.of("--out", "--resume", "--ui").contains(option.longestName());
      if (isOfRun) {
        Object value = option.getValue();
        if (value != null) {
          Object known = value instanceof Path path ? path.toAbsolutePath() : value;
          all.put(option.longestName(), known.toString());
        }
      }
    }
    return all;
  }

  private void requireUsable() {
    require("--steps", steps, 1, Integer.MAX_VALUE);
    sizes.requireUsable();
    require("--batch", batch, 2, Integer.MAX_VALUE); // batch norm by n − 1
    require("--seed", seed, 0, LARGEST_SEED);
    sampling.requireUsable();
    require("--eval-every", evalEvery, 0, Integer.MAX_VALUE);
    require("--patience", patience, 0, Integer.MAX_VALUE);
    require("--checkpoint-every", checkpointEvery, 1, Integer.MAX_VALUE);
    require("--keep-every", keepEvery, 0, Integer.MAX_VALUE);
    require("--sample-every", sampleEvery, 0, Integer.MAX_VALUE);
    requireUsableRate();
    requireNumber("--learning-rate", options().learningRate(), Double.MIN_VALUE);
    requireNumber("--weight-decay", options().weightDecay(), 0);
    Commands.requireFolder(spec, "--out", out());
  }

  /** Null for a new folder in runs. */
  private Path out() {
    return out == null ? null : path("--out", out);
  }

  private Path path(String option, String text) {
    try {
      return Commands.path(text);
    } catch (TypeConversionException e) {
      throw refusal("%s (%s): %s".formatted(option, text, e.getMessage()));
    }
  }

  private void requireUsableRate() {
    if (updater == UpdaterKind.ADADELTA
        && (options().learningRate() != updater.learningRate
            || schedule != ScheduleKind.NOTEBOOK)) {
      throw refusal(
          "--updater adadelta has no learning rate; leave --learning-rate and --schedule out");
    }
    if (warmUp != 0 && schedule != ScheduleKind.COSINE) {
      throw refusal("--warm-up (%d) needs --schedule cosine".formatted(warmUp));
    }
    require("--warm-up", warmUp, 0, steps - 1);
  }

  private void require(String option, long value, long least, long most) {
    Commands.requireRange(spec, option, value, least, most);
  }

  private void requireNumber(String option, double value, double least) {
    if (!(value >= least) || Double.isInfinite(value)) {
      throw refusal(
          "%s (%s) must be a finite number, %s"
              .formatted(option, value, least == 0 ? "0 or more" : "above 0"));
    }
  }

  private ParameterException refusal(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
