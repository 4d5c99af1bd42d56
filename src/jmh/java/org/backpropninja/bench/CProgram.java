package org.backpropninja.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * C's side of the comparison, {@code src/jmh/c/char_mlp.c}: compiled where gcc and OpenBLAS are.
 */
final class CProgram {

  private static final Path SOURCE = Path.of("src", "jmh", "c", "char_mlp.c");
  private static final Path FOLDER = Path.of("target", "c");
  private static final List<String> GCC =
      List.of("gcc", "-O3", "-march=native", "-ffast-math", "-Wall", "-Wextra", "-Werror");
  private static final String PROBE =
      "#include <cblas.h>\nint main(void) { return openblas_get_config() == 0; }\n";

  private CProgram() {}

  /** Whether gcc is on the PATH and finds OpenBLAS: whether a program of two lines compiles. */
  static boolean compiles() throws IOException {
    Path probe = Files.createDirectories(FOLDER).resolve("probe.c");
    Files.writeString(probe, PROBE);
    try {
      return gcc(probe, FOLDER.resolve("probe"), List.of()).isEmpty();
    } catch (IOException e) {
      return false; // no gcc
    }
  }

  /**
   * Compiles the program.
   *
   * @param name of the file in target/c
   * @param options besides those that make it fast
   * @return the file
   * @throws IOException with gcc's messages, if it does not compile
   */
  static Path compile(String name, String... options) throws IOException {
    Files.createDirectories(FOLDER);
    Path program = FOLDER.resolve(name);
    String messages = gcc(SOURCE, program, List.of(options));
    if (!messages.isEmpty()) {
      throw new IOException(SOURCE + " does not compile:\n" + messages);
    }
    return program.toAbsolutePath();
  }

  /** What gcc says; nothing if all is well. */
  private static String gcc(Path source, Path program, List<String> options) throws IOException {
    List<String> command = new ArrayList<>(GCC);
    command.addAll(options);
    command.addAll(List.of(source.toString(), "-lopenblas", "-lm", "-o", program.toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String messages =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    int status = process.onExit().join().exitValue();
    return status == 0 ? "" : "gcc ended with status " + status + "\n" + messages;
  }
}
