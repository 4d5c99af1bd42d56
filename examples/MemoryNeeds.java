import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.backpropninja.names.CharMlp;
import org.bytedeco.javacpp.Pointer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * How much memory a run takes at least, so that one that cannot fit is refused before its first
 * step.
 *
 * <p>ND4J's arrays are outside of the Java heap. What is counted is what certainly exists at one
 * time; a run that is let through may still not fit.
 */
final class MemoryNeeds {
  private static final int FLOAT = 4;
  private static final int SAMPLED_ELEMENTS = 1 << 16;
  private static final long CHUNK_ELEMENTS = 1L << 24;

  /** Of a names file: bytes, text, and an object of 50 bytes for a name of 6. */
  private static final int HEAP_PER_BYTE = 10;

  private final CommandSpec spec;

  MemoryNeeds(CommandSpec spec) {
    this.spec = spec;
  }

  /** Refuses a file that is too large to be read. */
  void requireNames(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return; // refused when it is read
    }
    long bytes = Files.size(file);
    long heap = Runtime.getRuntime().maxMemory();
    if (bytes > heap / HEAP_PER_BYTE) {
      throw refusal(
          "--names (%s, %s) takes about %s of Java heap; there are %s: take fewer names, or more with"
              + " -Xmx",
          file, size(bytes), size((double) HEAP_PER_BYTE * bytes), size(heap));
    }
  }

  /** Refuses sizes that cannot fit. */
  void require(TrainingOptions options, CharMlp mlp) {
    double heap = heap(options, mlp);
    double arrays = arrays(options, mlp);
    double physical = physicalMemory();
    double most = Pointer.maxBytes() > 0 ? Math.min(Pointer.maxBytes(), physical) : physical;
    requireFits(options, arrays, most, "ND4J's arrays");
    requireFits(options, heap, Math.min(Runtime.getRuntime().maxMemory(), physical), "Java heap");
    requireFits(options, arrays + heap, physical, "memory");
    double elements = (double) options.batch() * widest(mlp);
    if (elements > Integer.MAX_VALUE) {
      throw refusal(
          "%s makes an array of %.0f numbers; %d is the most: take less",
          largest(options), elements, Integer.MAX_VALUE);
    }
  }

  private void requireFits(TrainingOptions options, double needed, double there, String what) {
    if (needed > there) {
      throw refusal(
          "%s takes at least %s of %s; there are %s: take less, or more memory with -Xmx",
          largest(options), size(needed), what, size(there));
    }
  }

  /** Parameters, gradients, the updater's state; and the activations of what takes most. */
  private static double arrays(TrainingOptions options, CharMlp mlp) {
    double states = options.dl4jUpdater().stateSize(mlp.parameters());
    double parameters = 2.0 * (mlp.parameters() + 2L * mlp.hiddenSize()) + states;
    double row = row(mlp);
    double training = 2 * options.batch() * row; // and their gradients
    double evaluation = Math.min(4096, Math.max(1, CHUNK_ELEMENTS / widest(mlp))) * row;
    double sampling = options.sampling().samples() == 0 ? 0 : families(mlp) * row;
    return FLOAT * (parameters + Math.max(training, Math.max(evaluation, sampling)));
  }

  /** What the iterator and batch norm keep, or the first values of the largest parameter. */
  private static double heap(TrainingOptions options, CharMlp mlp) {
    double training =
        FLOAT * (double) options.batch() * (mlp.contextLength() + 2.0 * mlp.hiddenSize());
    double I = (double) mlp.contextLength() * mlp.embeddingSize();
    double V = mlp.vocabularySize();
    double largest =
        Math.max(I * mlp.hiddenSize(), V * Math.max(mlp.embeddingSize(), mlp.hiddenSize()));
    double updates = 2.0 * FLOAT * mlp.parameters(); // before and after a step that is recorded
    return Math.max(training + updates, (FLOAT + Double.BYTES) * largest);
  }

  /** The numbers of one example: its context, embcat, hprebn, h and logits. */
  private static double row(CharMlp mlp) {
    return mlp.contextLength() * (1.0 + mlp.embeddingSize())
        + 2.0 * mlp.hiddenSize()
        + mlp.vocabularySize();
  }

  private static long widest(CharMlp mlp) {
    long I = (long) mlp.contextLength() * mlp.embeddingSize();
    return Math.max(I, Math.max(mlp.hiddenSize(), mlp.vocabularySize()));
  }

  /** Contexts that the sampler asks for at once, at least. */
  private static double families(CharMlp mlp) {
    int V = mlp.vocabularySize();
    return Math.max(1, Math.min(V, Math.min(SAMPLED_ELEMENTS / V, CHUNK_ELEMENTS / widest(mlp))));
  }

  private record Size(String option, int value, int usual) {}

  /** The option that is furthest from its default. */
  private static String largest(TrainingOptions options) {
    TrainingOptions usual = TrainNames.options();
    return List.of(
            new Size("--hidden", options.hidden(), usual.hidden()),
            new Size("--context", options.context(), usual.context()),
            new Size("--embedding", options.embedding(), usual.embedding()),
            new Size("--batch", options.batch(), usual.batch()))
        .stream()
        .max(Comparator.comparingDouble(size -> (double) size.value / size.usual))
        .map(size -> "%s (%d)".formatted(size.option, size.value))
        .orElseThrow();
  }

  private static double physicalMemory() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }

  private ParameterException refusal(String format, Object... values) {
    return new ParameterException(spec.commandLine(), String.format(Locale.ROOT, format, values));
  }

  private static String size(double bytes) {
    return bytes < 1L << 30
        ? String.format(Locale.ROOT, "%.0f MiB", bytes / (1L << 20))
        : String.format(Locale.ROOT, "%.1f GiB", bytes / (1L << 30));
  }
}
