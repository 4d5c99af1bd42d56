import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** docs/trainer.md says what the commands say of themselves. */
class TrainerPageTest {
  private static final Path PAGE = Path.of("docs/trainer.md");

  static Stream<Arguments> commands() {
    return Stream.of(
        Arguments.of("TrainNames", TrainNames.commandLine(new TrainNames())),
        Arguments.of("SampleNames", new CommandLine(new SampleNames())),
        Arguments.of("EvaluateNames", new CommandLine(new EvaluateNames())));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void theHelpIsAsPrinted(String name, CommandLine command) throws IOException {
    String page = Files.readString(PAGE);
    int start = page.indexOf("Usage: " + name + " ");
    assertTrue(start >= 0, "no help of " + name);
    String help = page.substring(start, page.indexOf("```", start));
    assertEquals(help, TrainerRuns.run(command, "--help").out());
  }

  /** Beside makemore.py's options, or as what it lacks. */
  @Test
  void everyOptionIsExplained() throws IOException {
    String page = Files.readString(PAGE);
    String text = page.substring(0, page.indexOf("## Options"));
    TrainNames.commandLine(new TrainNames())
        .getCommandSpec()
        .options()
        .forEach(
            option ->
                assertTrue(
                    text.contains(option.longestName()), option.longestName() + " is not there"));
  }
}
