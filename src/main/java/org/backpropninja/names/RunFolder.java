package org.backpropninja.names;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.PropertyAccessor;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.SerializationFeature;

/**
 * Where a training run leaves its results: {@code summary.json} and {@code model.zip}.
 *
 * <p>A file is written under a temporary name and moved into place, so what has the final name is
 * whole.
 *
 * @param folder exists
 */
public record RunFolder(Path folder) {

  /**
   * What {@code summary.json} holds.
   *
   * @param words number of names
   * @param examples number of examples of each part
   * @param parameters number of trained parameters
   * @param steps number of training steps, of each worker where there are several
   * @param microsecondsPerStep mean wall time of a training step, µs
   * @param losses mean loss of each part after training, nats
   * @param minibatchLosses [step, loss] of the first 200 steps and of every 1000th; on Spark of
   *     every round
   * @param names sampled
   */
  public record Summary(
      int words,
      Parts<Integer> examples,
      long parameters,
      int steps,
      double microsecondsPerStep,
      Parts<Double> losses,
      List<List<Number>> minibatchLosses,
      List<String> names) {}

  /**
   * One value for each part of the data.
   *
   * @param train of the training set
   * @param val of the validation set
   * @param test of the test set
   * @param <T> type of the value
   */
  public record Parts<T>(T train, T val, T test) {}

  /**
   * Makes the folder, with those above it, unless it is there.
   *
   * @param folder path
   * @return the run folder
   * @throws IOException if there is something else than a folder, or it cannot be made
   */
  public static RunFolder create(Path folder) throws IOException {
    return new RunFolder(Files.createDirectories(folder));
  }

  /**
   * Writes {@code summary.json}.
   *
   * @param summary what it holds
   * @throws IOException if it cannot be written
   */
  public void write(Summary summary) throws IOException {
    ObjectMapper mapper =
        new ObjectMapper()
            .setVisibility(PropertyAccessor.FIELD, Visibility.ANY)
            .enable(SerializationFeature.INDENT_OUTPUT);
    put("summary.json", out -> mapper.writeValue(out, summary));
  }

  /**
   * Writes {@code model.zip}, which {@code ModelSerializer.restoreMultiLayerNetwork} reads.
   *
   * @param network with its updater's state
   * @throws IOException if it cannot be written
   */
  public void write(MultiLayerNetwork network) throws IOException {
    put("model.zip", out -> ModelSerializer.writeModel(network, out, true));
  }

  /**
   * Writes a file that is made already, such as a picture.
   *
   * @param name of the file
   * @param content all of it
   * @throws IOException if it cannot be written
   */
  public void write(String name, byte[] content) throws IOException {
    put(name, out -> out.write(content));
  }

  /** Writes the content of a file to a stream, which the caller closes. */
  interface Content {
    void to(OutputStream out) throws IOException;
  }

  /** Writes under a temporary name and moves into place; if that fails, the old file stays. */
  void put(String name, Content content) throws IOException {
    Path temporary = folder.resolve(name + ".part");
    try {
      try (OutputStream out = Files.newOutputStream(temporary)) {
        content.to(out);
      }
      Files.move(
          temporary,
          folder.resolve(name),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
