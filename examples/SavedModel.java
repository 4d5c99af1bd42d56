import java.nio.file.Files;
import java.nio.file.Path;
import org.backpropninja.names.InvalidModelException;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NameSampler;

/**
 * A model that a run has left, or that someone has sent.
 *
 * @param path of the run's folder or of the model's file
 * @param model what was read
 */
record SavedModel(Path path, ModelFile model) {

  /** For the help of a command that takes one. */
  static final String DESCRIPTION =
      "a run's folder, for its model.zip, or a model's file; a checkpoint, as last.zip, best.zip and"
          + " step-N.zip are, is not calibrated: its batch norm has the running statistics of"
          + " training";

  /**
   * Reads it.
   *
   * @throws UnusableInputException if there is none
   * @throws InvalidModelException if it cannot be trusted, or is not whole
   */
  static SavedModel read(Path path) {
    if (Files.notExists(path)) {
      throw new UnusableInputException(
          "%s does not exist; give the folder of a run, or a model's file".formatted(path));
    }
    Path file = Files.isDirectory(path) ? path.resolve("model.zip") : path;
    if (Files.notExists(file) && !RunDescription.isIn(path)) {
      throw new UnusableInputException(
          "%s has no model.zip and is no run's folder; give one, or a model's file"
              .formatted(path));
    }
    if (Files.notExists(file)) {
      throw new UnusableInputException(
          "%s does not exist, the run has not ended; give a checkpoint, such as %s"
              .formatted(file, path.resolve("last.zip")));
    }
    // Reading takes up to twice as much.
    return new SavedModel(path, ModelFile.read(file, Runtime.getRuntime().maxMemory() / 2));
  }

  /** The folder of the run that left it, if one did. */
  Path folder() {
    return Files.isDirectory(path) ? path : path.toAbsolutePath().getParent();
  }

  int contextLength() {
    return model.sizes().contextLength();
  }

  NameSampler sampler() {
    return new NameSampler(model.network(), model.vocabulary(), contextLength());
  }
}
