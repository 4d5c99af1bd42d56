package org.backpropninja.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The processes that measure, each started when it is first asked.
 *
 * <p>A contender is named as in requests; {@code NAME/2} is the same with two threads, in a process
 * of its own.
 */
final class Peers implements AutoCloseable {

  /** Three ways to write the same step. */
  static final List<String> PYTORCH = List.of("manual", "autograd", "module");

  static final String C = "c";
  static final String LIBTORCH = "libtorch";
  private static final int STEPS_TO_LEARN = 20_000;

  private final String python;
  private final boolean pytorch;
  private final Path cProgram; // null if there is none that can be trusted
  private final List<String> libtorch; // a command; empty if it does not take part
  private final Map<String, Peer> running = new HashMap<>();

  /** Looks which contenders this machine has, and says which it has not and why. */
  Peers(String python, boolean withLibtorch, Consumer<String> progress) throws IOException {
    this.python = python;
    pytorch = Machine.output(python, "-c", "import torch; print('yes')").equals("yes");
    if (!pytorch) {
      progress.accept("no PyTorch in " + python + ": its rows are not measured");
    }
    cProgram = learnedProgram(progress);
    libtorch = withLibtorch ? LibTorchProgram.command().orElse(List.of()) : List.of();
    if (libtorch.isEmpty()) {
      progress.accept(
          withLibtorch
              ? "Maven does not get LibTorch: its rows are not measured"
              : "LibTorch's rows are not measured without --libtorch");
    }
  }

  private static Path learnedProgram(Consumer<String> progress) throws IOException {
    if (!CProgram.compiles()) {
      progress.accept("no gcc with OpenBLAS (libopenblas-dev): C's rows are not measured");
      return null;
    }
    Path program = CProgram.compile("char_mlp");
    try (Peer peer = new Peer(List.of(program.toString()), 1)) {
      String losses = peer.ask("learn " + STEPS_TO_LEARN);
      if (Losses.of(losses).ruleFound()) {
        return program;
      }
      progress.accept("C's rows are not measured: it did not learn the rule, losses " + losses);
      return null;
    }
  }

  static String name(String contender) {
    return contender.split("/")[0];
  }

  private static int threads(String contender) {
    return contender.contains("/") ? Integer.parseInt(contender.split("/")[1]) : 1;
  }

  /** Whether its answers end in a loss before and after, as {@link Losses} takes them. */
  static boolean reportsLosses(String contender) {
    return List.of(C, LIBTORCH).contains(name(contender));
  }

  boolean has(String contender) {
    String name = name(contender);
    if (PYTORCH.contains(name)) {
      return pytorch;
    }
    return switch (name) {
      case C -> cProgram != null;
      case LIBTORCH -> !libtorch.isEmpty();
      default -> true;
    };
  }

  boolean isRunning(String contender) {
    return running.containsKey(process(contender));
  }

  /** Asks the contender's process, and starts it first if it is not running. */
  String ask(String contender, String request) throws IOException {
    if (!isRunning(contender)) {
      running.put(process(contender), start(contender));
    }
    return running.get(process(contender)).ask(request);
  }

  /** One for all of PyTorch's ways, one for each of the others. */
  private static String process(String contender) {
    boolean shared = PYTORCH.contains(name(contender));
    return shared ? "pytorch/" + threads(contender) : contender;
  }

  /** Starts a new process, which its caller closes. */
  Peer start(String contender) throws IOException {
    return new Peer(command(name(contender)), threads(contender));
  }

  private List<String> command(String name) {
    if (PYTORCH.contains(name)) {
      return List.of(python, "src/jmh/python/pytorch_char_mlp.py");
    }
    return switch (name) {
      case C -> List.of(cProgram.toString());
      case LIBTORCH -> libtorch;
      default -> Peer.java(Worker.class.getName());
    };
  }

  /** What they were measured with, as a list in Markdown. */
  String describe() throws IOException {
    String torch = pytorch ? version(PYTORCH.get(0)) : "not installed";
    String c = cProgram != null ? Machine.gcc() + ", " + version(C) : "not measured";
    return "- PyTorch: %s%n- C: %s%n".formatted(torch, c);
  }

  private String version(String contender) throws IOException {
    return ask(contender, "version");
  }

  @Override
  public void close() throws IOException {
    for (Peer peer : running.values()) {
      peer.close();
    }
  }
}
