import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.backpropninja.names.NamesFile.Spaces;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.random.TorchRandom;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** Invents names with a model that was trained before, and prints one a line. */
@Command(name = "SampleNames", description = "Invents names with a trained model.")
public final class SampleNames implements Callable<Integer> {

  private static final long LARGEST_SEED = 0xFFFF_FFFFL;

  @Parameters(paramLabel = "DIR", description = SavedModel.DESCRIPTION)
  private Path model;

  @Mixin private SamplingOptions sampling;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "of the draws (${DEFAULT-VALUE}, with which TrainNames draws unless told)")
  private long seed = 2147483647L + TrainingOptions.SAMPLING_SEED_OFFSET;

  @Option(
      names = "--names",
      paramLabel = "FILE",
      description =
          "that the model was trained on by TrainNames: marks each name as in train, val, test, or new,"
              + " and prints the shares")
  private Path names;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  SampleNames() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments or input.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(new CommandLine(new SampleNames()), args);
  }

  @Override
  public Integer call() throws IOException {
    sampling.requireUsable();
    Commands.requireRange(spec, "--seed", seed, 0, LARGEST_SEED);
    if (sampling.onlyNew() && names == null) {
      throw refusal(
          "--only-new needs --names FILE, the names that the model was trained on; they tell what is"
              + " new");
    }
    SavedModel saved = SavedModel.read(model);
    sampling.requirePrefixIn(saved.model().vocabulary());
    TorchRandom random = new TorchRandom(seed);
    if (names == null) {
      sampling.draw(saved.sampler(), random).forEach(System.out::println);
    } else {
      KnownNames known = new KnownNames(trainedOn(saved));
      sampling.draw(saved.sampler(), random, known).print();
    }
    return 0;
  }

  /** The parts of other names, or of more, would be others, and so would the marks. */
  private NamesSplit trainedOn(SavedModel saved) throws IOException {
    new MemoryNeeds(spec).requireNames(names);
    Names data = Names.read(names, Spaces.WITHIN_NAMES, saved.contextLength());
    if (!data.split().train().vocabulary().equals(saved.model().vocabulary())) {
      throw refusal(
          "--names (%s) must be the names that the model was trained on; their characters are others"
              .formatted(names));
    }
    if (RunDescription.isIn(saved.folder())) {
      String sha256 = description(saved.folder()).namesSha256();
      if (!data.sha256().equals(sha256)) {
        throw refusal(
            "--names (%s) must be the names that the model was trained on, a file with SHA-256 %s"
                .formatted(names, sha256));
      }
    }
    return data.split();
  }

  private RunDescription description(Path folder) throws IOException {
    try {
      return RunDescription.read(folder);
    } catch (JsonProcessingException e) {
      throw refusal("%s: run.json is unusable: %s".formatted(folder, e.getOriginalMessage()));
    }
  }

  private ParameterException refusal(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
