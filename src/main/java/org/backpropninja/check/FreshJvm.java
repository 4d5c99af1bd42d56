package org.backpropninja.check;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.backpropninja.check.Copied.Kind;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A JVM that has never seen the layer: reads networks that ModelSerializer wrote, and computes.
 *
 * <p>A folder is what the two share: a network of each kind, the input, and each kind's output.
 */
final class FreshJvm {

  private static final String INPUT = "input";
  private static final int LAST_LINES = 5; // of what it says
  private static final long SECONDS = 180; // until it is given up

  private FreshJvm() {}

  /** Computes the outputs of the networks in a folder. */
  public static void main(String[] folder) throws IOException {
    File its = new File(folder[0]);
    INDArray input = Nd4j.readBinary(new File(its, INPUT));
    for (Kind kind : Kind.values()) {
      INDArray output = Copied.read(file(its, kind), kind).output(input);
      Nd4j.saveBinary(output, new File(its, kind + " output"));
    }
  }

  private static File file(File folder, Kind kind) {
    return new File(folder, kind.name());
  }

  /** Requires that the networks give the same output there. */
  static void requireSame(LayerSubject subject, Trial trial) throws Exception {
    Path folder = Files.createTempDirectory("conformance");
    try {
      requireSame(subject, trial, folder.toFile());
    } finally {
      try (Stream<Path> files = Files.list(folder)) {
        files.map(Path::toFile).forEach(File::delete);
      }
      Files.delete(folder);
    }
  }

  private static void requireSame(LayerSubject subject, Trial trial, File folder) throws Exception {
    INDArray input = Copied.input(subject, trial);
    Nd4j.saveBinary(input, new File(folder, INPUT));
    List<INDArray> expected = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      Copied network = Copied.of(subject, kind).fit(subject, trial, 0, 3);
      network.write(file(folder, kind));
      expected.add(network.output(input));
    }
    run(trial, folder);
    for (Kind kind : Kind.values()) {
      trial.at("%s", kind);
      INDArray output = Nd4j.readBinary(new File(folder, kind + " output"));
      Same.exactly(trial, "output in another JVM", output, expected.get(kind.ordinal()));
    }
  }

  private static void run(Trial trial, File folder) throws IOException, InterruptedException {
    File said = new File(folder, "said");
    Process process =
        new ProcessBuilder(command(folder))
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(said))
            .start();
    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
      throw trial.finding("another JVM is still reading it after %d s".formatted(SECONDS));
    }
    trial.require(
        process.exitValue() == 0, "another JVM cannot read it: %s", exception(said.toPath()));
  }

  private static List<String> command(File folder) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path")));
    System.getProperties()
        .stringPropertyNames()
        .forEach(
            name -> {
              if (name.startsWith("org.bytedeco.") || name.startsWith("org.nd4j.")) {
                command.add("-D" + name + "=" + System.getProperty(name));
              }
            });
    command.addAll(List.of(FreshJvm.class.getName(), folder.toString()));
    return command;
  }

  /** What it threw, without the stack. */
  private static String exception(Path said) throws IOException {
    List<String> lines =
        Files.readAllLines(said).stream()
            .filter(line -> line.startsWith("Exception") || line.startsWith("Caused by"))
            .toList();
    return String.join("; ", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
  }
}
