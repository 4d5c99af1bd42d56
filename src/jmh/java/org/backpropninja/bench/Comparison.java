package org.backpropninja.bench;

import static org.backpropninja.bench.Row.Target.atLeast;
import static org.backpropninja.bench.Row.Target.atMost;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Measures Deeplearning4j's layers, this library's, the bare matrix products and PyTorch in turn,
 * each in a process of its own, round by round, so that whatever else the machine does meets all of
 * them.
 */
public final class Comparison implements AutoCloseable {

  private static final List<String> PYTORCH = List.of("manual", "autograd", "module");
  private static final int WARM_UP = 3; // rounds before those that count
  private static final int FIRST_WARM_UP = 20; // of a new process, which has compiled nothing yet
  private static final int FULL_STEPS = 200_000;
  private static final int FULL_NAMES = 10_000;

  /**
   * How long it may take.
   *
   * @param rounds of each step
   * @param milliseconds of a round; three times as long goes before, to warm up
   * @param longRounds of the training run and of the start
   * @param steps of the training run
   * @param names to sample
   */
  public record Effort(int rounds, int milliseconds, int longRounds, int steps, int names) {
    /** A minute or two, to see that all works. */
    public static final Effort QUICK = new Effort(3, 100, 1, 2000, 50);

    /** What the targets are about: half an hour or so. */
    public static final Effort FULL = new Effort(7, 1000, 3, FULL_STEPS, FULL_NAMES);
  }

  private final Effort effort;
  private final String python;
  private final boolean pytorch;
  private final Consumer<String> progress;
  private final Figures figures = new Figures();
  private final Map<String, Peer> peers = new HashMap<>();

  /**
   * Looks whether PyTorch is there.
   *
   * @param effort how long it may take
   * @param python the interpreter that has PyTorch, if one has
   * @param progress is told what comes next
   */
  public Comparison(Effort effort, String python, Consumer<String> progress) {
    this.effort = effort;
    this.python = python;
    this.progress = progress;
    pytorch = Machine.output(python, "-c", "import torch; print('yes')").equals("yes");
  }

  /**
   * Measures whole steps, single layers, the training run and the start.
   *
   * @param only a part of the titles of the rows to measure
   * @return the table in Markdown
   * @throws IOException if a process fails
   */
  public String table(String only) throws IOException {
    List<Row> rows =
        Stream.of(steps(), layers(), runs(), start())
            .flatMap(List::stream)
            .filter(row -> row.what().contains(only))
            .toList();
    for (String task : tasks(rows)) {
      measure(task, contenders(task, rows));
    }
    if (rows.stream().anyMatch(runs()::contains)) {
      measureRuns();
    }
    if (rows.stream().anyMatch(start()::contains)) {
      new StartUp(figures, progress).measure(effort.longRounds());
    }
    StringBuilder table = new StringBuilder(Row.HEAD).append('\n');
    rows.forEach(row -> table.append(row.print(figures)).append('\n'));
    return table.toString();
  }

  /**
   * Measures whole steps of growing n, H and V.
   *
   * @param picture the PNG file to write
   * @return the figures as a table in Markdown
   * @throws IOException if a process fails or the file cannot be written
   */
  public String growth(Path picture) throws IOException {
    Growth growth = new Growth(figures);
    for (String task : growth.tasks()) {
      List<String> contenders = new ArrayList<>(List.of("stock", "ours", "products"));
      contenders.addAll(PYTORCH);
      measure(task, contenders);
    }
    growth.draw(picture);
    return growth.table();
  }

  private static List<Row> steps() {
    return List.of(
        stockToOurs("fit, n=32 H=200: DL4J's layers ÷ ours", "fit:32x200x27", 12),
        stockToOurs("fit, n=32 H=64: DL4J's layers ÷ ours", "fit:32x64x27", 12),
        oursToPytorch("draw and fit, n=32 H=200: ours ÷ PyTorch's fastest", "draw:32x200", 0.6),
        oursToPytorch("draw and fit, n=32 H=64: ours ÷ PyTorch's fastest", "draw:32x64", 0.45),
        oursToPytorch("fit alone, n=32 H=200: ours ÷ PyTorch's fastest", "fit:32x200x27"),
        oursToPytorch("fit alone, n=32 H=64: ours ÷ PyTorch's fastest", "fit:32x64x27"),
        new Row(
            "fit, n=32 H=200: DL4J's layers with DL4J's updater ÷ with ours",
            "µs",
            "stock fit:32x200x27",
            List.of("flat fit:32x200x27"),
            null),
        new Row(
            "fit, n=32 H=200: ours ÷ its matrix products",
            "µs",
            "ours fit:32x200x27",
            List.of("products fit:32x200x27"),
            atMost(2.5)),
        oursToPytorch("draw and fit, n=1024 H=200: ours ÷ PyTorch's fastest", "draw:1024x200", 0.8),
        oursToPytorch("draw and fit, n=4096 H=1024: ours ÷ PyTorch's fastest", "draw:4096x1024", 1),
        oursToPytorch("fit alone, n=1024 H=200: ours ÷ PyTorch's fastest", "fit:1024x200x27"),
        oursToPytorch("fit alone, n=4096 H=1024: ours ÷ PyTorch's fastest", "fit:4096x1024x27"));
  }

  private static List<Row> layers() {
    String batchNorm = "BatchNormalization ÷ BatchNormBessel, ";
    String embedding = "EmbeddingSequenceLayer ÷ EmbeddingConcat, ";
    String loss = "LossMCXENT ÷ ManualCrossEntropyLoss, ";
    String dense = "DenseLayer ÷ ManualDense, ";
    return List.of(
        stockToOurs(batchNorm + "[32, 200]", "batchNorm:32x200", 10),
        stockToOurs(batchNorm + "[1024, 200]", "batchNorm:1024x200", 5),
        stockToOurs(batchNorm + "[4096, 1024]", "batchNorm:4096x1024", 2),
        stockToOurs(embedding + "V=27 D=10 T=3 n=32", "embedding:27x10x3x32", 5),
        stockToOurs(embedding + "V=27 D=10 T=3 n=200,000", "embedding:27x10x3x200000", 5),
        stockToOurs(embedding + "V=50,000 D=64 T=8 n=32", "embedding:50000x64x8x32", 2),
        stockToOurs(loss + "V=27 n=32", "crossEntropy:27x32", 5),
        stockToOurs(loss + "V=50,000 n=32", "crossEntropy:50000x32", 2),
        stockToOurs(dense + "[32, 30] → 200", "dense:32x30x200", 4),
        stockToOurs(dense + "[1024, 1024] → 1024", "dense:1024x1024x1024", 1));
  }

  private List<Row> runs() {
    String steps = "%,d steps".formatted(effort.steps());
    String names = "%,d names sampled".formatted(effort.names());
    boolean fullSteps = effort.steps() == FULL_STEPS;
    return List.of(
        new Row(
            steps + ": ours ÷ PyTorch's manual loop",
            "s",
            "ours train",
            List.of("manual train"),
            atMost(0.6).onlyIf(fullSteps)),
        new Row(
            "resident memory: step %,d ÷ step %,d".formatted(effort.steps(), effort.steps() / 20),
            "MiB",
            "ours memory-2",
            List.of("ours memory-1"),
            atMost(1.02).onlyIf(fullSteps)),
        new Row(
            names + ": ours ÷ PyTorch one at a time",
            "s",
            "ours sample",
            List.of("manual sample"),
            atMost(0.05).onlyIf(effort.names() == FULL_NAMES)));
  }

  private static List<Row> start() {
    return List.of(
        new Row(
            "mvn test-compile exec:exec to the first step",
            "s",
            StartUp.MAVEN,
            List.of(),
            atMost(8)),
        new Row("– of which java to the first step", "s", StartUp.JAVA, List.of(), null),
        new Row("– of which java until ND4J is loaded", "s", StartUp.ND4J, List.of(), null),
        new Row("– of which java until main runs", "s", StartUp.JVM, List.of(), null));
  }

  private static Row stockToOurs(String what, String task, double least) {
    return new Row(what, "µs", "stock " + task, List.of("ours " + task), atLeast(least));
  }

  private static Row oursToPytorch(String what, String task, double most) {
    Row row = oursToPytorch(what, task);
    return new Row(what, row.unit(), row.dividend(), row.divisors(), atMost(most));
  }

  private static Row oursToPytorch(String what, String task) {
    List<String> ways = PYTORCH.stream().map(way -> way + " " + task).toList();
    return new Row(what, "µs", "ours " + task, ways, null);
  }

  private static Stream<String> keys(Row row) {
    return Stream.concat(Stream.of(row.dividend()), row.divisors().stream());
  }

  /** What comes after the contender in the keys of steps, in the order of the rows. */
  private static Set<String> tasks(List<Row> rows) {
    Set<String> tasks = new LinkedHashSet<>();
    rows.stream()
        .flatMap(Comparison::keys)
        .filter(key -> key.contains(":"))
        .forEach(key -> tasks.add(key.split(" ")[1]));
    return tasks;
  }

  private static List<String> contenders(String task, List<Row> rows) {
    return rows.stream()
        .flatMap(Comparison::keys)
        .filter(key -> key.endsWith(" " + task))
        .map(key -> key.split(" ")[0])
        .distinct()
        .toList();
  }

  /** Warms all contenders up that were not measured at this yet, and then goes round them. */
  private void measure(String task, List<String> contenders) throws IOException {
    progress.accept(task);
    List<String> present =
        contenders.stream()
            .filter(contender -> pytorch || !PYTORCH.contains(contender))
            .filter(contender -> !figures.has(contender + " " + task))
            .toList();
    for (String contender : present) {
      step(contender, task, WARM_UP * effort.milliseconds());
    }
    for (int round = 0; round < effort.rounds(); round++) {
      for (String contender : present) {
        figures.add(contender + " " + task, step(contender, task, effort.milliseconds()));
      }
    }
  }

  private double step(String contender, String task, int milliseconds) throws IOException {
    String process = PYTORCH.contains(contender) ? "pytorch" : contender;
    if (!peers.containsKey(process)) {
      peers.put(process, start(contender));
      step(contender, task, FIRST_WARM_UP * effort.milliseconds());
    }
    String request = "step %s %s %d".formatted(contender, task, milliseconds);
    return Double.parseDouble(peers.get(process).ask(request));
  }

  private Peer start(String contender) throws IOException {
    return new Peer(
        PYTORCH.contains(contender)
            ? List.of(python, "src/jmh/python/pytorch_char_mlp.py")
            : Peer.java(Worker.class.getName()));
  }

  /** Each run in a new process, as a user's is. */
  private void measureRuns() throws IOException {
    for (int round = 0; round < effort.longRounds(); round++) {
      for (String contender : pytorch ? List.of("ours", "manual") : List.of("ours")) {
        progress.accept("%s: %,d steps".formatted(contender, effort.steps()));
        try (Peer peer = start(contender)) {
          String[] answer = peer.ask("train " + effort.steps()).split(" ");
          figures.add(contender + " train", Double.parseDouble(answer[0]));
          for (int k = 1; k < answer.length; k++) {
            figures.add(contender + " memory-" + k, Double.parseDouble(answer[k]) / 1024);
          }
          String seconds = peer.ask("sample " + effort.names());
          figures.add(contender + " sample", Double.parseDouble(seconds));
        }
      }
    }
  }

  /**
   * Says what this was measured on.
   *
   * @return a list in Markdown
   */
  public String machine() {
    return Machine.describe(python, pytorch);
  }

  @Override
  public void close() throws IOException {
    for (Peer peer : peers.values()) {
      peer.close();
    }
  }
}
