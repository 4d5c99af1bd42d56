package org.backpropninja.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Another process that measures when it is asked to, and otherwise sleeps. */
final class Peer implements AutoCloseable {

  /** What says how many threads there are, whichever BLAS or OpenMP a process uses. */
  private static final List<String> THREADS =
      List.of("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS");

  private final List<String> command;
  private final PrintStream requests;
  private final BufferedReader answers;

  /**
   * Starts a process.
   *
   * @param command what to run; its error stream is this process's
   * @param threads that it may use
   * @throws IOException if it cannot be started
   */
  Peer(List<String> command, int threads) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    THREADS.forEach(name -> builder.environment().put(name, String.valueOf(threads)));
    Process process = builder.start();
    this.command = command;
    requests = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * Makes the command of a JVM with this one's flags and class path.
   *
   * @param main what it runs and the arguments
   * @return the command
   */
  static List<String> java(String... main) {
    return javaWith(System.getProperty("java.class.path"), main);
  }

  /** The same with another class path. */
  static List<String> javaWith(String classPath, String... main) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-classpath", classPath));
    command.addAll(List.of(main));
    return command;
  }

  /**
   * Asks one thing and waits for the answer.
   *
   * @param request one line
   * @return one line
   * @throws IOException if the process ends or crashes instead
   */
  String ask(String request) throws IOException {
    requests.println(request);
    String answer = awaitLine("");
    if (answer.startsWith("#")) { // a crashed JVM's last words
      throw new IOException("crashed, as ND4J may in DL4J's own layers; run it again: " + command);
    }
    return answer;
  }

  /**
   * Waits for a line that contains a text.
   *
   * @param text what to wait for
   * @return the line
   * @throws IOException if the process ends instead
   */
  String awaitLine(String text) throws IOException {
    String line = answers.readLine();
    while (line != null && !line.contains(text)) {
      line = answers.readLine();
    }
    if (line == null) {
      throw new IOException("ended without an answer: " + command);
    }
    return line;
  }

  /** Lets the process read to the end of its input and come to its own end. */
  @Override
  public void close() throws IOException {
    requests.close();
    while (answers.readLine() != null) {
      // what it still has to say
    }
  }
}
