import org.backpropninja.names.CharMlp;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that size the character MLP, for every command that trains one. */
final class NetworkSizes {

  @Option(names = "--hidden", paramLabel = "N", description = "hidden units (${DEFAULT-VALUE})")
  private int hidden = 200;

  @Option(
      names = "--embedding",
      paramLabel = "N",
      description = "embedding size (${DEFAULT-VALUE})")
  private int embedding = 10;

  @Option(names = "--context", paramLabel = "N", description = "context length (${DEFAULT-VALUE})")
  private int context = 3;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  int hidden() {
    return hidden;
  }

  int embedding() {
    return embedding;
  }

  int context() {
    return context;
  }

  void requireUsable() {
    Commands.requireRange(spec, "--hidden", hidden, 1, Integer.MAX_VALUE);
    Commands.requireRange(spec, "--embedding", embedding, 1, Integer.MAX_VALUE);
    Commands.requireRange(spec, "--context", context, 1, Integer.MAX_VALUE);
  }

  /** Refuses sizes that are too large together, with the command's usage error. */
  CharMlp mlp(int vocabularySize) {
    try {
      return new CharMlp(vocabularySize, context, embedding, hidden);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage());
    }
  }
}
