package org.backpropninja.bench;

import static org.backpropninja.bench.Peers.C;
import static org.backpropninja.bench.Peers.LIBTORCH;
import static org.backpropninja.bench.Peers.PYTORCH;
import static org.backpropninja.bench.Row.Target.atLeast;
import static org.backpropninja.bench.Row.Target.atMost;

import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.bench.Comparison.Effort;
import org.backpropninja.bench.Row.Target;

/**
 * What the table compares, and what is aimed at. "Ours" is this library's layers in {@code
 * network.fit}, "compiled" the same in a {@code CompiledNetwork}.
 */
final class Rows {

  private static final Target NONE = null;

  private Rows() {}

  /** All of them, in the table's order. */
  static List<Row> all(Effort effort) {
    return Stream.of(
            fit(),
            besideC(),
            besidePytorch(),
            besideLibTorch(),
            twoThreads(),
            layers(),
            runs(effort),
            start())
        .flatMap(List::stream)
        .toList();
  }

  /** Whole steps of network.fit. */
  private static List<Row> fit() {
    String draw = "draw and fit, %s: ours ÷ PyTorch's fastest";
    String alone = "fit alone, %s: ours ÷ PyTorch's fastest";
    return List.of(
        stockToOurs("fit, n=32 H=200: DL4J's layers ÷ ours", "fit:32x200x27", 12),
        stockToOurs("fit, n=32 H=64: DL4J's layers ÷ ours", "fit:32x64x27", 12),
        toPytorch(draw.formatted("n=32 H=200"), "ours", "draw:32x200", atMost(0.6)),
        toPytorch(draw.formatted("n=32 H=64"), "ours", "draw:32x64", atMost(0.45)),
        toPytorch(alone.formatted("n=32 H=200"), "ours", "fit:32x200x27", NONE),
        toPytorch(alone.formatted("n=32 H=64"), "ours", "fit:32x64x27", NONE),
        row(
            "fit, n=32 H=200: DL4J's layers with DL4J's updater ÷ with ours",
            "stock",
            "flat",
            "fit:32x200x27",
            NONE),
        row(
            "fit, n=32 H=200: ours ÷ its matrix products",
            "ours",
            "products",
            "fit:32x200x27",
            atMost(2.5)),
        toPytorch(draw.formatted("n=1024 H=200"), "ours", "draw:1024x200", atMost(0.8)),
        toPytorch(draw.formatted("n=4096 H=1024"), "ours", "draw:4096x1024", atMost(1)),
        toPytorch(alone.formatted("n=1024 H=200"), "ours", "fit:1024x200x27", NONE),
        toPytorch(alone.formatted("n=4096 H=1024"), "ours", "fit:4096x1024x27", NONE));
  }

  private static List<Row> besideC() {
    String draw = "draw and fit, %s: %s ÷ C";
    String alone = "fit alone, %s: %s ÷ C";
    return List.of(
        row(draw.formatted("n=32 H=64", "compiled"), "compiled", C, "draw:32x64", atMost(2)),
        row(draw.formatted("n=32 H=200", "compiled"), "compiled", C, "draw:32x200", atMost(1.6)),
        row(
            draw.formatted("n=1024 H=200", "compiled"),
            "compiled",
            C,
            "draw:1024x200",
            atMost(1.15)),
        row(
            draw.formatted("n=4096 H=1024", "compiled"),
            "compiled",
            C,
            "draw:4096x1024",
            atMost(1.15)),
        row(draw.formatted("n=32 H=64", "ours"), "ours", C, "draw:32x64", atMost(6)),
        row(draw.formatted("n=32 H=200", "ours"), "ours", C, "draw:32x200", atMost(3)),
        row(draw.formatted("n=1024 H=200", "ours"), "ours", C, "draw:1024x200", NONE),
        row(draw.formatted("n=4096 H=1024", "ours"), "ours", C, "draw:4096x1024", NONE),
        row(alone.formatted("n=32 H=64", "compiled"), "compiled", C, "fit:32x64x27", NONE),
        row(alone.formatted("n=32 H=200", "compiled"), "compiled", C, "fit:32x200x27", NONE),
        row(alone.formatted("n=32 H=64", "ours"), "ours", C, "fit:32x64x27", NONE),
        row(alone.formatted("n=32 H=200", "ours"), "ours", C, "fit:32x200x27", NONE));
  }

  private static List<Row> besidePytorch() {
    String draw = "draw and fit, %s: compiled ÷ PyTorch's fastest";
    String large = "fit alone, n=32 H=200 V=%s: %s ÷ PyTorch's fastest";
    return List.of(
        toPytorch(draw.formatted("n=32 H=64"), "compiled", "draw:32x64", atMost(0.15)),
        toPytorch(draw.formatted("n=32 H=200"), "compiled", "draw:32x200", atMost(0.3)),
        toPytorch(draw.formatted("n=1024 H=200"), "compiled", "draw:1024x200", NONE),
        toPytorch(draw.formatted("n=4096 H=1024"), "compiled", "draw:4096x1024", atMost(0.85)),
        toPytorch(
            large.formatted("3,000", "compiled"), "compiled", "fit:32x200x3000", atMost(0.85)),
        toPytorch(
            large.formatted("30,000", "compiled"), "compiled", "fit:32x200x30000", atMost(0.85)),
        toPytorch(large.formatted("3,000", "ours"), "ours", "fit:32x200x3000", atMost(0.85)),
        toPytorch(large.formatted("30,000", "ours"), "ours", "fit:32x200x30000", atMost(0.85)));
  }

  private static List<Row> besideLibTorch() {
    String what = "draw and fit, %s: %s ÷ LibTorch on the JVM";
    return List.of(
        row(
            what.formatted("n=32 H=64", "compiled"),
            "compiled",
            LIBTORCH,
            "draw:32x64",
            atMost(0.4)),
        row(
            what.formatted("n=32 H=200", "compiled"),
            "compiled",
            LIBTORCH,
            "draw:32x200",
            atMost(0.6)),
        row(what.formatted("n=32 H=64", "ours"), "ours", LIBTORCH, "draw:32x64", NONE),
        row(what.formatted("n=32 H=200", "ours"), "ours", LIBTORCH, "draw:32x200", NONE));
  }

  private static List<Row> twoThreads() {
    String what = "draw and fit, n=4096 H=1024: %s, two threads ÷ one";
    String task = "draw:4096x1024";
    List<String> pytorchByTwo = PYTORCH.stream().map(way -> way + "/2").toList();
    return List.of(
        row(what.formatted("compiled"), "compiled/2", "compiled", task, atMost(0.7)),
        row(what.formatted("ours"), "ours/2", "ours", task, atMost(0.7)),
        row(what.formatted("C"), C + "/2", C, task, NONE),
        row(what.formatted("PyTorch's fastest"), pytorchByTwo, PYTORCH, task, NONE));
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
        stockToOurs(embedding + "V=50,000 D=64 T=8 n=32", "embedding:50000x64x8x32", 4),
        stockToOurs(loss + "V=27 n=32", "crossEntropy:27x32", 5),
        stockToOurs(loss + "V=50,000 n=32", "crossEntropy:50000x32", 4),
        stockToOurs(dense + "[32, 30] → 200", "dense:32x30x200", 4),
        stockToOurs(dense + "[1024, 1024] → 1024", "dense:1024x1024x1024", 1));
  }

  /** The training run and its sampling; targets are for the full length. */
  static List<Row> runs(Effort effort) {
    String steps = "%,d steps: ".formatted(effort.steps());
    String names = "%,d names sampled: ".formatted(effort.names());
    String memory = "resident memory: step %,d ÷ step %,d";
    boolean full = effort.steps() == Effort.FULL.steps();
    boolean fullNames = effort.names() == Effort.FULL.names();
    return List.of(
        run(
            steps + "ours ÷ PyTorch's manual loop",
            "s",
            "ours train",
            "manual train",
            atMost(0.6).onlyIf(full)),
        run(
            steps + "compiled ÷ PyTorch's manual loop",
            "s",
            "compiled train",
            "manual train",
            atMost(0.25).onlyIf(full)),
        run(steps + "compiled ÷ C", "s", "compiled train", "c train", NONE),
        run(
            memory.formatted(effort.steps(), effort.steps() / 20),
            "MiB",
            "ours memory-2",
            "ours memory-1",
            atMost(1.02).onlyIf(full)),
        run(
            names + "ours ÷ PyTorch one at a time",
            "s",
            "ours sample",
            "manual sample",
            atMost(0.05).onlyIf(fullNames)));
  }

  static List<Row> start() {
    return List.of(
        start("mvn test-compile exec:exec to the first step", StartUp.MAVEN, atMost(8)),
        start("– of which java to the first step", StartUp.JAVA, NONE),
        start("– of which java until ND4J is loaded", StartUp.ND4J, NONE),
        start("– of which java until main runs", StartUp.JVM, NONE));
  }

  private static Row stockToOurs(String what, String task, double least) {
    return row(what, "stock", "ours", task, atLeast(least));
  }

  private static Row toPytorch(String what, String contender, String task, Target target) {
    return row(what, List.of(contender), PYTORCH, task, target);
  }

  private static Row row(String what, String contender, String other, String task, Target target) {
    return row(what, List.of(contender), List.of(other), task, target);
  }

  private static Row row(
      String what, List<String> contenders, List<String> others, String task, Target target) {
    return new Row(what, "µs", keys(contenders, task), keys(others, task), target);
  }

  private static List<String> keys(List<String> contenders, String task) {
    return contenders.stream().map(contender -> contender + " " + task).toList();
  }

  private static Row run(String what, String unit, String key, String other, Target target) {
    return new Row(what, unit, List.of(key), List.of(other), target);
  }

  private static Row start(String what, String key, Target target) {
    return new Row(what, "s", List.of(key), List.of(), target);
  }
}
