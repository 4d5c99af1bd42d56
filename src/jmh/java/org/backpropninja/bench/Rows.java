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
            batchNorm(),
            layers(),
            runs(effort),
            start())
        .flatMap(List::stream)
        .toList();
  }

  private static List<Row> fit() {
    return List.of(
        stockToOurs("fit, n=32 H=200: DL4J's layers ÷ ours", "fit:32x200x27", 12),
        stockToOurs("fit, n=32 H=64: DL4J's layers ÷ ours", "fit:32x64x27", 12),
        toPytorch("ours", "draw:32x200", atMost(0.6)),
        toPytorch("ours", "draw:32x64", atMost(0.45)),
        toPytorch("ours", "fit:32x200x27", NONE),
        toPytorch("ours", "fit:32x64x27", NONE),
        row(
            "fit, n=32 H=200: DL4J's layers with DL4J's updater ÷ with ours",
            List.of("stock"),
            List.of("flat"),
            "fit:32x200x27",
            NONE),
        row(
            "fit, n=32 H=200: ours ÷ its matrix products",
            List.of("ours"),
            List.of("products"),
            "fit:32x200x27",
            atMost(2.5)),
        toPytorch("ours", "draw:1024x200", atMost(0.8)),
        toPytorch("ours", "draw:4096x1024", atMost(1)),
        toPytorch("ours", "fit:1024x200x27", NONE),
        toPytorch("ours", "fit:4096x1024x27", NONE));
  }

  private static List<Row> besideC() {
    return List.of(
        toC("compiled", "draw:32x64", atMost(2)),
        toC("compiled", "draw:32x200", atMost(1.6)),
        toC("compiled", "draw:1024x200", atMost(1.15)),
        toC("compiled", "draw:4096x1024", atMost(1.15)),
        toC("ours", "draw:32x64", atMost(6)),
        toC("ours", "draw:32x200", atMost(3)),
        toC("ours", "draw:1024x200", NONE),
        toC("ours", "draw:4096x1024", NONE),
        toC("compiled", "fit:32x64x27", NONE),
        toC("compiled", "fit:32x200x27", NONE),
        toC("ours", "fit:32x64x27", NONE),
        toC("ours", "fit:32x200x27", NONE));
  }

  private static List<Row> besidePytorch() {
    return List.of(
        toPytorch("compiled", "draw:32x64", atMost(0.15)),
        toPytorch("compiled", "draw:32x200", atMost(0.3)),
        toPytorch("compiled", "draw:1024x200", NONE),
        toPytorch("compiled", "draw:4096x1024", atMost(0.85)),
        toPytorch("ours", "draw:4096x1024", atMost(0.85)),
        toPytorch("compiled", "fit:32x200x3000", atMost(0.85)),
        toPytorch("ours", "fit:32x200x3000", atMost(0.85)),
        toPytorch("compiled", "fit:32x200x30000", atMost(0.85)),
        toPytorch("ours", "fit:32x200x30000", atMost(0.85)));
  }

  /** The fastest other way on the JVM. */
  private static List<Row> besideLibTorch() {
    return List.of(
        toLibTorch("compiled", "draw:32x64", atMost(0.4)),
        toLibTorch("compiled", "draw:32x200", atMost(0.6)),
        toLibTorch("ours", "draw:32x64", NONE),
        toLibTorch("ours", "draw:32x200", NONE));
  }

  private static List<Row> twoThreads() {
    return List.of(
        twoToOne("compiled", List.of("compiled"), atMost(0.7)),
        twoToOne("ours", List.of("ours"), atMost(0.7)),
        twoToOne("C", List.of(C), NONE),
        twoToOne("PyTorch's fastest", PYTORCH, NONE));
  }

  /** DL4J's cannot train on sequences as they are: they go to it as rows or as narrow images. */
  private static List<Row> batchNorm() {
    String same = "BatchNormalization ÷ BatchNormBessel, ";
    String sequences = "batchNorm:32x128x50";
    return List.of(
        stockToOurs(same + "[32, 200]", "batchNorm:32x200", 10),
        stockToOurs(same + "[1024, 200]", "batchNorm:1024x200", 5),
        stockToOurs(same + "[4096, 1024]", "batchNorm:4096x1024", 2),
        stockToOurs(same + "[32, 64, 16, 16]", "batchNorm:32x64x16x16", 3),
        stockToOurs(same + "[32, 128, 50], DL4J's by its preprocessors", sequences, 3),
        new Row(
            "BatchNormalization, [1600, 128] ÷ BatchNormBessel, [32, 128, 50]",
            "µs",
            List.of("stock batchNorm:1600x128"),
            List.of("ours " + sequences),
            NONE),
        new Row(
            "BatchNormalization, [32, 128, 50, 1] ÷ BatchNormBessel, [32, 128, 50]",
            "µs",
            List.of("stock batchNorm:32x128x50x1"),
            List.of("ours " + sequences),
            atLeast(3)));
  }

  private static List<Row> layers() {
    String embedding = "EmbeddingSequenceLayer ÷ EmbeddingConcat, ";
    String loss = "LossMCXENT ÷ ManualCrossEntropyLoss, ";
    String dense = "DenseLayer ÷ ManualDense, ";
    return List.of(
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
    return row(what, List.of("stock"), List.of("ours"), task, atLeast(least));
  }

  private static Row toPytorch(String contender, String task, Target target) {
    return beside(contender, "PyTorch's fastest", PYTORCH, task, target);
  }

  private static Row toC(String contender, String task, Target target) {
    return beside(contender, "C", List.of(C), task, target);
  }

  private static Row toLibTorch(String contender, String task, Target target) {
    return beside(contender, "LibTorch on the JVM", List.of(LIBTORCH), task, target);
  }

  private static Row beside(
      String contender, String other, List<String> others, String task, Target target) {
    String[] kind = task.split(":");
    String[] sizes = kind[1].split("x"); // n, H and, if the task names it, V
    String V = sizes.length < 3 || sizes[2].equals("27") ? "" : " V=" + sizes[2];
    String what = kind[0].equals("draw") ? "draw and fit" : "fit alone";
    String size = "n=%s H=%s%s".formatted(sizes[0], sizes[1], V);
    String title = "%s, %s: %s ÷ %s".formatted(what, size, contender, other);
    return row(title, List.of(contender), others, task, target);
  }

  private static Row twoToOne(String what, List<String> contenders, Target target) {
    return row(
        "draw and fit, n=4096 H=1024, two threads ÷ one: " + what,
        contenders.stream().map(contender -> contender + "/2").toList(),
        contenders,
        "draw:4096x1024",
        target);
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
