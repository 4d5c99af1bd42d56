import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page's program of a user's own compiles, trains, calibrates and saves. */
class OwnProgramTest {

  private static final Path BIN = Path.of(System.getProperty("java.home"), "bin");

  @TempDir private Path folder;

  @Test
  void trainsAndSaves() throws IOException, InterruptedException {
    Matcher code =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("README.md")));
    assertTrue(code.find());
    Files.writeString(folder.resolve("OwnTraining.java"), code.group(1));
    String classPath = System.getProperty("java.class.path") + File.pathSeparator + folder;
    run(List.of(BIN.resolve("javac").toString(), "-cp", classPath, "OwnTraining.java"));
    List<String> java = new ArrayList<>(List.of(BIN.resolve("java").toString()));
    java.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    java.addAll(List.of("-cp", classPath, "OwnTraining"));
    Matcher loss = Pattern.compile("(?sm).*^loss (\\d+\\.\\d+)\\R").matcher(run(java));
    assertTrue(loss.matches(), loss.toString());
    assertTrue(Double.parseDouble(loss.group(1)) < Math.log(4) / 2, loss.group(1));
    MultiLayerNetwork network =
        ModelSerializer.restoreMultiLayerNetwork(folder.resolve("model.zip").toFile());
    assertTrue(network.getIterationCount() > 0);
  }

  private String run(List<String> command) throws IOException, InterruptedException {
    Path output = folder.resolve("output.txt");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertEquals(0, process.waitFor(), () -> read(output));
    } finally {
      process.destroy();
    }
    return read(output);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
