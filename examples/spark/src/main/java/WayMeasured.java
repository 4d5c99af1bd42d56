import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.bytedeco.javacpp.Pointer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * What one way to train took, in a JVM that did nothing else.
 *
 * @param microseconds of a step, the median of the rounds
 * @param peakMiB resident at most, NaN if the system does not tell
 * @param heapMiB used after a garbage collection
 * @param offHeapMiB of arrays after it
 */
record WayMeasured(double microseconds, double peakMiB, double heapMiB, double offHeapMiB) {

  private static final double MIB = 1 << 20;
  private static final String MARK = "measured ";

  /**
   * Measures a way, and prints what {@link #parse} reads.
   *
   * @param args the way's name, the file of names, seconds of warm-up, seconds of measurement
   * @throws IOException if the names cannot be read
   */
  public static void main(String[] args) throws IOException {
    WayToTrain way = WayToTrain.valueOf(args[0]);
    WayMeasured measured =
        measure(
            way,
            WayToTrain.Examples.read(Path.of(args[1])),
            Double.parseDouble(args[2]),
            Double.parseDouble(args[3]));
    System.out.println(measured.line());
  }

  String line() {
    return MARK + microseconds + " " + peakMiB + " " + heapMiB + " " + offHeapMiB;
  }

  /** Reads the line that {@link #main} printed among others. */
  static WayMeasured parse(List<String> output) {
    String line =
        output.stream()
            .filter(text -> text.startsWith(MARK))
            .findFirst()
            .orElseThrow(
                () -> new IllegalStateException("the child must print its measures: " + output));
    String[] f = line.substring(MARK.length()).split(" ");
    return new WayMeasured(
        Double.parseDouble(f[0]),
        Double.parseDouble(f[1]),
        Double.parseDouble(f[2]),
        Double.parseDouble(f[3]));
  }

  /**
   * Trains one network to warm up and another one on the clock.
   *
   * @throws IllegalStateException if the parameters are not those of {@code network.fit}
   */
  static WayMeasured measure(
      WayToTrain way, WayToTrain.Examples examples, double warmUp, double seconds)
      throws IOException {
    if (!way.isOnSpark()) {
      return measure(way, examples, null, warmUp, seconds);
    }
    try (JavaSparkContext spark = Spark.local(1)) {
      return measure(way, examples, spark, warmUp, seconds);
    }
  }

  private static WayMeasured measure(
      WayToTrain way,
      WayToTrain.Examples examples,
      JavaSparkContext spark,
      double warmUp,
      double seconds)
      throws IOException {
    nanosecondsOfRounds(way.rounds(examples.network(), examples, spark), warmUp);
    MultiLayerNetwork network = examples.network();
    List<Long> rounds = nanosecondsOfRounds(way.rounds(network, examples, spark), seconds);
    double peak = peakResidentMiB();
    System.gc(); // is told what the heap holds, not what lies about
    double heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / MIB;
    double offHeap = Pointer.totalBytes() / MIB;
    way.requireWhatFitGives(network, examples, rounds.size());
    double median = rounds.stream().sorted().toList().get(rounds.size() / 2);
    return new WayMeasured(median / 1e3 / way.averaging, peak, heap, offHeap);
  }

  /** Trains round by round until the time is over, at least two rounds. */
  static List<Long> nanosecondsOfRounds(LongConsumer round, double seconds) {
    List<Long> took = new ArrayList<>();
    long start = System.nanoTime();
    while (took.size() < 2 || System.nanoTime() - start < seconds * 1e9) {
      long before = System.nanoTime();
      round.accept(took.size());
      took.add(System.nanoTime() - before);
    }
    return took;
  }

  private static double peakResidentMiB() throws IOException {
    Path status = Path.of("/proc/self/status"); // Linux
    if (!Files.isReadable(status)) {
      return Double.NaN;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
        .findFirst()
        .orElse(Double.NaN);
  }
}
