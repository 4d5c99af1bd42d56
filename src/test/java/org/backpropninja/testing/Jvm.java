package org.backpropninja.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs a class of the tests in a JVM of its own. */
public final class Jvm {

  private Jvm() {}

  /**
   * How it ended.
   *
   * @param status 0 if all went well
   * @param said on both streams
   */
  public record Outcome(int status, String said) {}

  /** Runs {@code main} with the tests' class path and waits for its end. */
  public static Outcome run(Path log, Class<?> main, List<String> flags, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(arguments);
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    return new Outcome(process.waitFor(), Files.readString(log));
  }
}
