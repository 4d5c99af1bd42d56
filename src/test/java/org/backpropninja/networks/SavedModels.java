package org.backpropninja.networks;

import static org.backpropninja.testing.Golden.numbers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.testing.Golden;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Trained networks as files under src/test/resources/golden, with a minibatch, what each predicts
 * of it and what it predicts after one more step.
 *
 * <p>{@link #main} wrote those of version 0.1.0, once. A new version with more layers or settings
 * adds files under its own name and leaves the old ones alone.
 */
final class SavedModels {

  /** The folder of a version under golden, and its list. */
  static final String VERSION = "saved-0.1.0";

  private static final String LIST = "models.json";

  private SavedModels() {}

  /**
   * What was stored beside a network.
   *
   * @param name of the network's file, without ".zip"
   * @param isGraph whether it is a ComputationGraph
   * @param minibatch features, labels and masks
   * @param output predictions of the features
   * @param score of the minibatch in inference
   * @param outputAfterStep predictions after a step on the minibatch
   */
  record Saved(
      String name,
      boolean isGraph,
      DataSet minibatch,
      double[] output,
      double score,
      double[] outputAfterStep) {

    @Override
    public String toString() {
      return name;
    }
  }

  // Writing

  /**
   * Writes networks of all kinds.
   *
   * @param folder one that does not exist yet
   */
  public static void main(String[] folder) throws IOException {
    Path to = Files.createDirectory(Path.of(folder[0]));
    Map<String, Object> list = new LinkedHashMap<>();
    for (RealNetwork kind : kinds().toList()) {
      Model network = kind.with(new Adam(0.02)).network();
      Nets.train(network, kind.sample(), 1, 3);
      DataSet minibatch = kind.sample().minibatch(42, 5);
      ModelSerializer.writeModel(network, to.resolve(kind.sample() + ".zip").toFile(), true);
      Map<String, Object> its = new LinkedHashMap<>();
      its.put("graph", kind.isGraph());
      its.put("features", description(minibatch.getFeatures()));
      its.put("labels", description(minibatch.getLabels()));
      its.put("featuresMask", description(minibatch.getFeaturesMaskArray()));
      its.put("labelsMask", description(minibatch.getLabelsMaskArray()));
      its.put("output", Nets.output(network, minibatch));
      its.put("score", Nets.score(network, minibatch));
      Nets.fit(network, minibatch);
      its.put("outputAfterStep", Nets.output(network, minibatch));
      list.put(kind.sample().toString(), its);
    }
    new ObjectMapper().writeValue(to.resolve(LIST).toFile(), list);
  }

  /** Each sample once, two of them as graphs, and one with a frozen table. */
  private static Stream<RealNetwork> kinds() {
    List<Sample> graphs = List.of(Sample.TAGS, Sample.IMAGES);
    return RealNetwork.all()
        .filter(kind -> kind.isGraph() == graphs.contains(kind.sample()))
        .map(kind -> kind.sample() == Sample.WORDS ? kind.with("emb", SavedModels::frozen) : kind);
  }

  private static Layer frozen(Layer embedding) {
    ((EmbeddingConcat) embedding).setFrozen(true);
    return embedding;
  }

  private static Map<String, Object> description(INDArray array) {
    return array == null ? null : Map.of("shape", array.shape(), "values", NdArrays.values(array));
  }

  // Reading

  static Stream<Saved> all() {
    JsonNode list = Golden.json(VERSION + "/" + LIST);
    List<Saved> all = new ArrayList<>();
    list.fields().forEachRemaining(each -> all.add(saved(each.getKey(), each.getValue())));
    return all.stream();
  }

  private static Saved saved(String name, JsonNode its) {
    DataSet minibatch =
        new DataSet(
            array(its.get("features")),
            array(its.get("labels")),
            array(its.get("featuresMask")),
            array(its.get("labelsMask")));
    return new Saved(
        name,
        its.get("graph").asBoolean(),
        minibatch,
        numbers(its.get("output")),
        its.get("score").asDouble(),
        numbers(its.get("outputAfterStep")));
  }

  private static INDArray array(JsonNode description) {
    return description.isNull()
        ? null
        : Nd4j.create(
            numbers(description.get("values")),
            Arrays.stream(numbers(description.get("shape"))).mapToLong(n -> (long) n).toArray(),
            'c');
  }
}
