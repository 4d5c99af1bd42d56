import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.NamesFile.Spaces;
import org.backpropninja.names.Vocabulary;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Computes the mean loss of names under a model that was trained before. */
@Command(
    name = "EvaluateNames",
    description = {
      "Computes the mean loss of names under a trained model.",
      "The loss is in nats, that of an example is −ln of the probability that the model gives to the"
          + " next character, or to the end of the name. The perplexity is e to the loss."
    })
public final class EvaluateNames implements Callable<Integer> {

  @Parameters(index = "0", paramLabel = "DIR", description = SavedModel.DESCRIPTION)
  private Path model;

  @Parameters(index = "1", paramLabel = "FILE", description = "one name a line")
  private Path names;

  EvaluateNames() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments or input.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(new CommandLine(new EvaluateNames()), args);
  }

  @Override
  public Integer call() {
    SavedModel saved = SavedModel.read(model);
    List<String> words = NamesFile.read(names, Spaces.WITHIN_NAMES); // if the model knows them
    Vocabulary vocabulary = saved.model().vocabulary();
    MissingCharacters.of(vocabulary, words).ifPresent(this::refuse);
    NamesDataset data = new NamesDataset(vocabulary, saved.contextLength(), words);
    double loss = CharMlp.loss(saved.model().network(), data);
    System.out.printf(
        Locale.ROOT,
        "loss %.4f  perplexity %.4f  names %d  examples %d%n",
        loss,
        Math.exp(loss),
        words.size(),
        data.size());
    return 0;
  }

  private void refuse(String missing) {
    throw new UnusableInputException(
        "%s has characters that the model does not know: %s; take these names out, or train a model on"
                .formatted(names, missing)
            + " names that have them");
  }
}
