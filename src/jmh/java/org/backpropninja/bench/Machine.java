package org.backpropninja.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.stream.Stream;

/** What the figures were measured on. */
final class Machine {

  private Machine() {}

  /** A list in Markdown. */
  static String describe() {
    Runtime runtime = Runtime.getRuntime();
    return Stream.of(
            LocalDate.now() + ", " + output("git", "describe", "--always", "--dirty"),
            processor()
                + ", "
                + runtime.availableProcessors()
                + " processors, one thread unless a row says two",
            System.getProperty("os.name") + " " + System.getProperty("os.version"),
            "JDK " + Runtime.version(),
            "`" + String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()) + "`",
            "load average at the end "
                + Figures.threeDigits(
                    ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage()))
        .map(line -> "- " + line + "\n")
        .reduce("", String::concat);
  }

  private static String processor() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 2))
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch"); // not Linux
    }
  }

  static String gcc() {
    return "gcc " + output("gcc", "-dumpfullversion");
  }

  /** What a command prints; nothing if there is no such command or it fails. */
  static String output(String... command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "";
    }
  }
}
