package org.backpropninja.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** LibTorch's side of the comparison, with a class path of its own that Maven makes. */
final class LibTorchProgram {

  private static final Path FOLDER = Path.of("src", "jmh", "libtorch");
  private static final Path CLASS_PATH = Path.of("target", "libtorch.classpath").toAbsolutePath();

  private LibTorchProgram() {}

  /** The command that runs it; none if Maven does not get LibTorch, of which 110 MB are fetched. */
  static Optional<List<String>> command() throws IOException {
    Files.deleteIfExists(CLASS_PATH);
    Machine.output(
        "mvn",
        "-q",
        "-B",
        "-f",
        FOLDER.resolve("pom.xml").toString(),
        "dependency:build-classpath",
        "-Dmdep.outputFile=" + CLASS_PATH);
    if (!Files.exists(CLASS_PATH)) {
      return Optional.empty();
    }
    String source = FOLDER.resolve("LibTorchCharMlp.java").toString();
    return Optional.of(Peer.javaWith(Files.readString(CLASS_PATH), source));
  }
}
