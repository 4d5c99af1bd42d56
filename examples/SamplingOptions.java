import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.Sampling;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that say which names are sampled, for every command that does. */
final class SamplingOptions {

  /** How often to draw for one new name before it is given up. */
  private static final int DRAWS = 100;

  @Option(names = "--samples", paramLabel = "N", description = "names to invent (${DEFAULT-VALUE})")
  private int samples = 20;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      description =
          "divides the logits: less than 1 for more probable names, more for stranger ones"
              + " (${DEFAULT-VALUE})")
  private double temperature = Sampling.DEFAULT.temperature();

  @Option(
      names = "--top-k",
      paramLabel = "N",
      description = "draws among the N most probable characters only (all)")
  private Integer topK;

  @Option(
      names = "--prefix",
      paramLabel = "TEXT",
      description = "what the names begin with (nothing)")
  private String prefix = Sampling.DEFAULT.prefix();

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "characters after which a name is cut (${DEFAULT-VALUE})")
  private int maxLength = Sampling.DEFAULT.maxLength();

  @Option(
      names = "--only-new",
      description =
          "only names that are in no part of the data, each once; ends after "
              + DRAWS
              + " draws for each name to invent")
  private boolean onlyNew;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  int samples() {
    return samples;
  }

  boolean onlyNew() {
    return onlyNew;
  }

  void requireUsable() {
    Commands.requireRange(spec, "--samples", samples, 0, Integer.MAX_VALUE / DRAWS);
    Commands.requireRange(spec, "--top-k", topK == null ? 1 : topK, 1, Integer.MAX_VALUE);
    Commands.requireRange(spec, "--max-length", maxLength, 1, Integer.MAX_VALUE);
    if (!(temperature > 0) || Double.isInfinite(temperature)) {
      throw refusal(
          "--temperature (%s) must be a finite number, above 0; --top-k 1 takes the most probable"
              .formatted(temperature));
    }
    int length = prefix.codePointCount(0, prefix.length());
    if (length > maxLength) {
      throw refusal(
          "--max-length (%d) must be at least %d, the length of the --prefix"
              .formatted(maxLength, length));
    }
  }

  /** Refuses a prefix that no name can begin with. */
  void requirePrefixIn(Vocabulary vocabulary) {
    MissingCharacters.of(vocabulary, List.of(prefix))
        .ifPresent(
            missing -> {
              throw refusal("--prefix has characters that no name has: " + missing);
            });
  }

  private ParameterException refusal(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  Sampling sampling() {
    return new Sampling(temperature, topK == null ? Integer.MAX_VALUE : topK, prefix, maxLength);
  }

  /** Draws names whose marks nobody knows. */
  List<String> draw(NameSampler sampler, TorchRandom random) {
    return sampler.sample(samples, random, sampling());
  }

  /** Draws names and marks them. */
  Samples draw(NameSampler sampler, TorchRandom random, KnownNames known) {
    if (onlyNew) {
      return drawNew(sampler.names(random, sampling()), known);
    }
    List<Sample> marked = draw(sampler, random).stream().map(known::mark).toList();
    return new Samples(marked, samples, samples);
  }

  /** An empty name is none, so it is not new. */
  private Samples drawNew(Stream<String> names, KnownNames known) {
    Set<String> seen = new HashSet<>(Set.of(""));
    List<Sample> found = new ArrayList<>();
    int[] draws = {0};
    names
        .limit((long) DRAWS * samples)
        .peek(name -> draws[0]++)
        .filter(name -> known.origin(name) == Sample.Origin.NEW && seen.add(name))
        .limit(samples)
        .forEachOrdered(name -> found.add(known.mark(name)));
    return new Samples(found, samples, draws[0]);
  }
}
