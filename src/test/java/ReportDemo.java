import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.backpropninja.names.BigramModel;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.buffer.DataType;

/** A short training with all that a report shows. */
final class ReportDemo {
  private static final int CONTEXT = 3;
  private static final long SEED = 2147483647;

  private ReportDemo() {}

  /** Trains, and collects as a trainer would. */
  static ReportData train(int steps, int hidden) throws IOException {
    NamesSplit split = NamesSplit.of(NamesFile.read(Path.of("names.txt")), CONTEXT);
    TorchRandom random = new TorchRandom(SEED);
    List<String> characters =
        split.train().vocabulary().toString().codePoints().mapToObj(Character::toString).toList();
    MultiLayerNetwork network =
        new CharMlp(characters.size(), CONTEXT, 10, hidden)
            .network(CharMlp.notebookSgd(steps), DataType.FLOAT, random, new TorchRandom(42));
    UpdateRatios updates = new UpdateRatios(network, 0, Math.max(1, steps / 1000), List.of());
    Metrics metrics = new Metrics(split, steps);
    long start = System.nanoTime();
    network.setListeners(updates, metrics);
    network.fit(new MinibatchIterator(split.train(), random, 32, steps));
    network.setListeners();
    Duration training = Duration.ofNanos(System.nanoTime() - start);
    return new ReportData(
        "report-demo",
        Instant.now(),
        steps,
        steps,
        inOrder("--steps", steps, "--hidden", hidden, "--context", CONTEXT, "--seed", SEED),
        inOrder("Java", Runtime.version(), "Deeplearning4j", "1.0.0-M2.1"),
        metrics.rows,
        new BigramModel(split.train()).loss(split.validation()),
        Map.of(),
        new ReportData.Snapshot(
            network, characters, split.train().examples(random.randint(split.train().size(), 32))),
        updates.recorded(),
        samples(network, split),
        List.of(),
        Map.of("training", training));
  }

  private static List<Sample> samples(MultiLayerNetwork network, NamesSplit split) {
    return new NameSampler(network, split.train().vocabulary(), CONTEXT)
        .sample(40, new TorchRandom(SEED + 10)).stream().map(new KnownNames(split)::mark).toList();
  }

  private static Map<String, String> inOrder(Object... pairs) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put(pairs[i].toString(), pairs[i + 1].toString());
    }
    return map;
  }

  /** A row a step; the validation loss at every hundredth part of the steps. */
  private static final class Metrics extends BaseTrainingListener {
    private final NamesSplit split;
    private final int steps;
    private final List<ReportData.Metrics> rows = new ArrayList<>();
    private long before = System.nanoTime();

    Metrics(NamesSplit split, int steps) {
      this.split = split;
      this.steps = steps;
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      MultiLayerNetwork network = (MultiLayerNetwork) model;
      double microseconds = (System.nanoTime() - before) / 1e3;
      int step = rows.size() + 1;
      double loss = network.score();
      double validation =
          step % Math.max(1, steps / 20) == 0
              ? CharMlp.loss(network, split.validation())
              : Double.NaN;
      rows.add(
          new ReportData.Metrics(
              step, loss, validation, step <= steps / 2 ? 0.1 : 0.01, microseconds));
      before = System.nanoTime();
    }
  }
}
