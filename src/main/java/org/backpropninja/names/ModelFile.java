package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.SerializationFeature;

/**
 * A network of {@link CharMlp} and its vocabulary in one file, which is safe to read wherever it
 * comes from.
 *
 * <p>The file is a zip that {@code ModelSerializer.restoreMultiLayerNetwork} reads too. It holds
 * {@code vocabulary.json}, {@code configuration.json}, {@code coefficients.bin} and, where the
 * updater has a state, {@code updaterState.bin}. A checkpoint holds {@code training-state.json}
 * too: what a trainer keeps beside the network. The same network always gives the same bytes.
 *
 * <p>DL4J trusts what it reads: it runs what Java's deserialisation runs, loads the classes that
 * the JSON names, and makes arrays as large as a header says. Here a file is checked before DL4J or
 * ND4J sees any of it. Nothing but what {@link #write} writes gets through: these entries, these
 * classes, and arrays of the lengths that follow from the network's sizes.
 *
 * @param network of {@link CharMlp}, initialised
 * @param vocabulary what the network's V indices stand for
 * @param trainingState JSON of the trainer's own, of at most 64 MiB; null for none
 */
public record ModelFile(MultiLayerNetwork network, Vocabulary vocabulary, String trainingState) {

  /** A trainer that keeps a loss of every 1000th step takes 60 MiB for 2³¹ steps. */
  static final int MOST_STATE_BYTES = 64 << 20;

  /** The most that {@link #read(Path)} takes: 160 MiB, uncompressed. */
  public static final long MOST_BYTES = 160L << 20;

  static final String VOCABULARY = "vocabulary.json";
  static final String CONFIGURATION = "configuration.json"; // this and the others are DL4J's names
  static final String COEFFICIENTS = "coefficients.bin";
  static final String UPDATER_STATE = "updaterState.bin";
  static final String TRAINING_STATE = "training-state.json"; // ours again

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .enable(SerializationFeature.INDENT_OUTPUT);

  /** Of every entry, so that a file does not depend on when it was written. */
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 2, 1, 0, 0);

  /**
   * Checks that the two belong together and that {@link #read} would take them.
   *
   * @throws InvalidModelException if the network is not one of {@link CharMlp} or has a parameter
   *     that is not finite, the vocabulary has another size than the network or holds a character
   *     that no name does, such as a control character, or the training state is too long
   */
  public ModelFile {
    requireFit(vocabulary, configuration(network));
    if (!Double.isFinite(network.params().sumNumber().doubleValue())) { // all output would be NaN
      throw new InvalidModelException(
          "%s holds a parameter that is not finite, as after training that diverged"
              .formatted(COEFFICIENTS));
    }
    if (trainingState != null) {
      StrictJson.requireShort(TRAINING_STATE, trainingState.getBytes(UTF_8), MOST_STATE_BYTES);
    }
  }

  private static void requireFit(Vocabulary vocabulary, CharMlpConfiguration configuration) {
    int indices = configuration.sizes().vocabularySize();
    if (vocabulary.size() != indices) {
      throw new InvalidModelException(
          "%s has %d characters; the network's vocabulary has %d"
              .formatted(VOCABULARY, vocabulary.size(), indices));
    }
    VocabularyJson.requireNameCharacters(vocabulary);
  }

  /**
   * Makes one that holds no checkpoint.
   *
   * @param network of {@link CharMlp}, initialised
   * @param vocabulary what the network's V indices stand for
   * @throws InvalidModelException as the other constructor
   */
  public ModelFile(MultiLayerNetwork network, Vocabulary vocabulary) {
    this(network, vocabulary, null);
  }

  private static CharMlpConfiguration configuration(MultiLayerNetwork network) {
    return CharMlpConfiguration.read(json(network));
  }

  /** With sorted keys: the order of a Map.of, as in a MapSchedule, differs between processes. */
  private static byte[] json(MultiLayerNetwork network) {
    try {
      Object fields = JSON.readValue(network.getLayerWiseConfigurations().toJson(), Object.class);
      return JSON.writeValueAsBytes(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // DL4J's is JSON
    }
  }

  /**
   * Returns the network's sizes, the context length among them.
   *
   * @return V, T, D and H
   */
  public CharMlp sizes() {
    return configuration(network).sizes();
  }

  /**
   * Writes the file under a temporary name and moves it into place.
   *
   * @param file replaced if it exists
   * @throws IOException if it cannot be written; then an old file stays
   */
  public void write(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    new RunFolder(absolute.getParent()).put(absolute.getFileName().toString(), this::write);
  }

  /**
   * Writes what the file holds.
   *
   * @param out stays open
   * @throws IOException if it cannot be written
   */
  public void write(OutputStream out) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(staysOpen(out))) {
      put(zip, VOCABULARY, entry -> entry.write(VocabularyJson.write(vocabulary)));
      put(zip, CONFIGURATION, entry -> entry.write(json(network)));
      put(zip, COEFFICIENTS, entry -> ArrayEntry.write(network.params(), entry));
      INDArray state = network.getUpdater().getStateViewArray();
      if (state != null && !state.isEmpty()) {
        put(zip, UPDATER_STATE, entry -> ArrayEntry.write(state, entry));
      }
      if (trainingState != null) {
        put(zip, TRAINING_STATE, entry -> entry.write(trainingState.getBytes(UTF_8)));
      }
    }
  }

  private static OutputStream staysOpen(OutputStream out) {
    return new BufferedOutputStream(out) {
      @Override
      public void close() throws IOException {
        flush();
      }
    };
  }

  private static void put(ZipOutputStream zip, String name, RunFolder.Content content)
      throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setTimeLocal(TIME);
    zip.putNextEntry(entry);
    content.to(zip);
    zip.closeEntry();
  }

  /**
   * Reads a file of at most {@link #MOST_BYTES}.
   *
   * @param file that {@link #write} wrote
   * @return the network, with its updater's state, and the vocabulary
   * @throws InvalidModelException if the file is anything else, or is not whole
   */
  public static ModelFile read(Path file) {
    return read(file, MOST_BYTES);
  }

  /**
   * Reads a file.
   *
   * @param file that {@link #write} wrote
   * @param mostBytes what its entries may hold altogether, uncompressed; reading takes up to twice
   *     that
   * @return the network, with its updater's state, and the vocabulary
   * @throws InvalidModelException if the file is anything else, or is not whole
   */
  public static ModelFile read(Path file, long mostBytes) {
    try (ModelEntries entries = ModelEntries.open(file, mostBytes)) {
      return read(entries);
    } catch (InvalidModelException e) {
      throw new InvalidModelException("%s: %s".formatted(file, e.getMessage()), e);
    } catch (IOException e) {
      throw new InvalidModelException(
          "%s: no whole model file: %s".formatted(file, OneLine.of(e)), e);
    }
  }

  private static ModelFile read(ModelEntries entries) throws IOException {
    Vocabulary vocabulary = VocabularyJson.read(entries.bytes(VOCABULARY));
    CharMlpConfiguration configuration = CharMlpConfiguration.read(entries.bytes(CONFIGURATION));
    requireFit(vocabulary, configuration);
    DataType type = configuration.type();
    INDArray parameters = entries.array(COEFFICIENTS, configuration.parameters(), type);
    long states = configuration.states();
    INDArray state = states == 0 ? null : entries.array(UPDATER_STATE, states, type);
    byte[] trainingState = entries.bytesAtEnd(TRAINING_STATE);
    MultiLayerNetwork network = configuration.network(parameters);
    if (state != null) {
      network.setUpdater(new MultiLayerUpdater(network, state));
    }
    return new ModelFile(
        network, vocabulary, trainingState == null ? null : new String(trainingState, UTF_8));
  }
}
