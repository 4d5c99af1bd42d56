import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.backpropninja.names.RunFolder;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * run.json: how a run was made, and all that it takes to go on with it or to repeat it.
 *
 * @param options by name, as they can be given on the command line
 * @param versions of what computes
 * @param namesSha256 of the names file
 * @param vocabulary its characters, in the order of their indices
 * @param seeds of each generator, by what it draws
 */
record RunDescription(
    Map<String, String> options,
    Map<String, String> versions,
    String namesSha256,
    String vocabulary,
    Map<String, Long> seeds) {

  /** Checks that nothing is missing. */
  RunDescription {
    if (Stream.of(options, versions, namesSha256, vocabulary, seeds).anyMatch(Objects::isNull)) {
      throw new IllegalArgumentException(
          "options, versions, namesSha256, vocabulary and seeds must all be there");
    }
  }

  private static final String FILE = "run.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  static RunDescription of(Map<String, String> commandLine, TrainingOptions options, Names names) {
    Map<String, Long> seeds = new LinkedHashMap<>();
    seeds.put("weights and minibatches", options.seed());
    seeds.put("batch norm", TrainingOptions.BATCH_NORM_SEED);
    seeds.put("samples", options.seed() + TrainingOptions.SAMPLING_SEED_OFFSET);
    String vocabulary = names.split().train().vocabulary().toString();
    return new RunDescription(commandLine, Versions.all(), names.sha256(), vocabulary, seeds);
  }

  void write(RunFolder folder) throws IOException {
    folder.writeJson(FILE, this);
  }

  static boolean isIn(Path folder) {
    return Files.isRegularFile(folder.resolve(FILE));
  }

  /** When the run in a folder was described. */
  static long time(Path folder) {
    return folder.resolve(FILE).toFile().lastModified();
  }

  /**
   * Reads the description.
   *
   * @throws JsonProcessingException if it is none
   */
  static RunDescription read(Path folder) throws IOException {
    return JSON.readValue(folder.resolve(FILE).toFile(), RunDescription.class);
  }
}
