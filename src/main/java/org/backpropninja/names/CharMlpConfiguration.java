package org.backpropninja.names;

import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * A configuration that came from anywhere and is known to be one of {@link CharMlp}.
 *
 * @param conf made of JSON that is what {@link CharMlpGrammar} allows
 * @param sizes of the network
 */
record CharMlpConfiguration(MultiLayerConfiguration conf, CharMlp sizes) {
  private static final String ENTRY = ModelFile.CONFIGURATION;

  private static final List<String> LAYERS =
      List.of(
          EmbeddingConcat.class.getName(),
          ManualDense.class.getName(),
          BatchNormBessel.class.getName(),
          ManualDense.class.getName(),
          LossLayer.class.getName());

  /**
   * Reads a configuration.
   *
   * @throws InvalidModelException if it is not one that this library writes
   */
  static CharMlpConfiguration read(byte[] text) {
    JsonNode json = StrictJson.read(ENTRY, text);
    CharMlpGrammar.check(ENTRY, json);
    List<JsonNode> layers = layers(json);
    CharMlp sizes = sizes(layers);
    requireOneUpdater(layers);
    requireOneType(json);
    try {
      // Not the text that came: DL4J shall see what was checked, however it would read the rest.
      return new CharMlpConfiguration(MultiLayerConfiguration.fromJson(json.toString()), sizes);
    } catch (RuntimeException e) {
      throw refusal(e);
    }
  }

  private static InvalidModelException refusal(RuntimeException cause) {
    return new InvalidModelException(
        "%s is refused by DL4J: %s".formatted(ENTRY, OneLine.of(cause)), cause);
  }

  private static List<JsonNode> layers(JsonNode json) {
    List<JsonNode> layers = elements(json.path("confs")).map(conf -> conf.path("layer")).toList();
    List<String> classes = layers.stream().map(layer -> layer.path("@class").asText()).toList();
    if (!classes.equals(LAYERS)) {
      throw new InvalidModelException(
          "%s: the layers are %s; they must be %s"
              .formatted(ENTRY, OneLine.of(classes.toString()), LAYERS));
    }
    return layers;
  }

  private static Stream<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }

  private static CharMlp sizes(List<JsonNode> layers) {
    int[] nIn = layers.stream().mapToInt(layer -> size(layer, "nin")).toArray();
    int[] nOut = layers.stream().mapToInt(layer -> size(layer, "nout")).toArray();
    CharMlp sizes = charMlp(nIn[0], size(layers.get(0), "inputLength"), nOut[0], nOut[1]);
    int V = sizes.vocabularySize();
    int H = sizes.hiddenSize();
    long I = (long) sizes.contextLength() * sizes.embeddingSize();
    long[] right = {V, nOut[0], I, H, H, H, H, V, V, V};
    for (int k = 0; k < nIn.length; k++) {
      if (nIn[k] != right[2 * k] || nOut[k] != right[2 * k + 1]) {
        throw new InvalidModelException(
            "%s: layer %d has nIn=%d nOut=%d; in a network of %s they are %d and %d"
                .formatted(ENTRY, k, nIn[k], nOut[k], sizes, right[2 * k], right[2 * k + 1]));
      }
    }
    return sizes;
  }

  private static int size(JsonNode layer, String key) {
    JsonNode size = layer.path(key);
    if (!size.canConvertToInt()) {
      throw new InvalidModelException(
          "%s: %s (%s) must be a whole number up to %d"
              .formatted(ENTRY, key, OneLine.of(size.asText()), Integer.MAX_VALUE));
    }
    return size.intValue();
  }

  private static CharMlp charMlp(int V, int T, int D, int H) {
    try {
      return new CharMlp(V, T, D, H);
    } catch (IllegalArgumentException e) {
      throw new InvalidModelException("%s: %s".formatted(ENTRY, e.getMessage()), e);
    }
  }

  /** So that the length of its state is known before DL4J makes an array of it. */
  private static void requireOneUpdater(List<JsonNode> layers) {
    List<JsonNode> updaters =
        layers.stream().map(layer -> layer.path("iupdater")).distinct().toList();
    if (updaters.size() > 1 || updaters.get(0).isMissingNode()) {
      throw new InvalidModelException(
          "%s: all layers must have one updater, not %s"
              .formatted(ENTRY, OneLine.of(updaters.toString())));
    }
  }

  private static void requireOneType(JsonNode json) {
    String type = json.path("dataType").asText();
    if (!List.of(DataType.FLOAT.name(), DataType.DOUBLE.name()).contains(type)
        || elements(json.path("confs")).anyMatch(c -> !c.path("dataType").asText().equals(type))) {
      throw new InvalidModelException(
          "%s: dataType (%s) must be FLOAT or DOUBLE, and the same in all layers"
              .formatted(ENTRY, type));
    }
  }

  DataType type() {
    return conf.getDataType();
  }

  /**
   * The length of all parameters: the trained ones, and a running mean and variance of each hprebn.
   */
  long parameters() {
    return sizes.parameters() + 2L * sizes.hiddenSize();
  }

  /** The length of the updater's state; the running statistics have none. */
  long states() {
    BaseLayer first = (BaseLayer) conf.getConf(0).getLayer();
    return first.getIUpdater().stateSize(sizes.parameters());
  }

  /** Makes the network of these parameters, which become its own. */
  MultiLayerNetwork network(INDArray parameters) {
    MultiLayerNetwork network = new MultiLayerNetwork(conf);
    try {
      network.init(parameters, false);
    } catch (RuntimeException e) {
      throw refusal(e);
    }
    return network;
  }
}
