package org.backpropninja.bench;

import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;

/** The seconds from a command to its first training step, and what they are spent on. */
final class StartUp {

  static final String MAVEN = "start maven";
  static final String JAVA = "start java";
  static final String ND4J = "start nd4j";
  static final String JVM = "start jvm";

  /** TrainNames tells of each tenth of its steps: of the first of ten, so. */
  private static final String ARGUMENTS = "--steps 10 --samples 0 --out target/first-step-";

  private static final String FIRST_STEP = "step 1 of 10";

  private final Figures figures;
  private final Consumer<String> progress;

  StartUp(Figures figures, Consumer<String> progress) {
    this.figures = figures;
    this.progress = progress;
  }

  /** Measures each command as often, from outside. */
  void measure(int rounds) throws IOException {
    String worker = Worker.class.getName();
    for (int round = 0; round < rounds; round++) {
      progress.accept("start");
      measure(
          MAVEN,
          List.of("mvn", "-B", "-q", "test-compile", "exec:exec", "-Dargs=" + arguments()),
          peer -> peer.awaitLine(FIRST_STEP));
      measure(
          JAVA,
          Peer.java(("TrainNames " + arguments()).split(" ")),
          peer -> peer.awaitLine(FIRST_STEP));
      measure(ND4J, Peer.java(worker), peer -> peer.ask("load"));
      measure(JVM, Peer.java(worker), peer -> peer.ask("hello"));
    }
  }

  /** Each run has a folder of its own, because none is written over another. */
  private static String arguments() {
    return ARGUMENTS + System.nanoTime();
  }

  private interface Wait {
    Object on(Peer peer) throws IOException;
  }

  private void measure(String key, List<String> command, Wait wait) throws IOException {
    long start = System.nanoTime();
    try (Peer peer = new Peer(command, 1)) {
      wait.on(peer);
      figures.add(key, (System.nanoTime() - start) / 1e9);
    }
  }
}
