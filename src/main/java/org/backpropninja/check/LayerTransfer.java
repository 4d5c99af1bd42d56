package org.backpropninja.check;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Sgd;

/** A layer in a network that DL4J's transfer learning has changed. */
final class LayerTransfer {

  private static final int WIDER = 2; // channels more
  private static final int STEPS = 3;
  private static final String ABOVE = "above";

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.<LayerSubject>check(
              "training.transferLearning",
              "Transfer learning keeps a layer's parameters, freezes it, and makes its input wider.",
              "setParams or the initializer reads parameters in another order than it writes them;"
                  + " or a size that follows from nIn does not follow setNIn(long)",
              LayerTransfer::transferLearning));

  private LayerTransfer() {}

  private static void transferLearning(LayerSubject subject, Trial trial) {
    DataType type = LayerTraining.usualType(subject);
    for (boolean graph : new boolean[] {false, true}) {
      if (graph && type != DataType.FLOAT) {
        trial.note("DL4J's TransferLearning.GraphBuilder makes FLOAT networks, which are refused");
        return;
      }
      if (subject.supports(Feature.FROZEN) && LayerTraining.hasNothingToTrain(subject) == null) {
        frozen(subject, trial, graph, type);
      }
      if (!subject.takesIndices()) {
        aboveFrozen(subject, trial, graph, type);
        wider(subject, trial, graph, type);
      }
    }
  }

  private static Site site(boolean graph, boolean above) {
    return graph ? above ? Site.GRAPH_ABOVE : Site.GRAPH_FIRST : above ? Site.ABOVE : Site.FIRST;
  }

  private static Whole whole(LayerSubject subject, Site site, DataType type) {
    return Whole.of(subject, site, type, layer -> layer, settings -> {});
  }

  private static FineTuneConfiguration settings() {
    return new FineTuneConfiguration.Builder().seed(7).updater(new Sgd(Rig.LEARNING_RATE)).build();
  }

  // The layer frozen, another one above it

  private static void frozen(LayerSubject subject, Trial trial, boolean graph, DataType type) {
    trial.at("frozen, with a layer put above it, in a %s", name(graph));
    Whole old = whole(subject, site(graph, !subject.takesIndices()), type);
    DataSet data = old.examples(subject, 5, trial.random("frozen"));
    old.fit(data); // so that states are not what they start from
    Map<String, INDArray> kept = Rig.copies(old.parameters(Rig.CHECKED));
    Below above = new Below();
    above.setLayerName(ABOVE);
    above.setNIn(InputType.feedForward(data.getLabels().size(1)), true);
    Whole edited = old instanceof Whole.Graph g ? appended(g, above) : appended(old, above);
    requireKept(trial, edited, kept, "after the transfer");
    Map<String, INDArray> before = Rig.copies(edited.parameters(ABOVE));
    for (int step = 0; step < STEPS; step++) {
      edited.fit(data);
    }
    requireKept(trial, edited, kept, "after %d steps".formatted(STEPS));
    Map<String, INDArray> after = edited.parameters(ABOVE);
    trial.require(
        after.keySet().stream().anyMatch(key -> !after.get(key).equals(before.get(key))),
        "the layer above is not trained");
  }

  private static String name(boolean graph) {
    return graph ? "ComputationGraph" : "MultiLayerNetwork";
  }

  private static Whole appended(Whole.Graph old, Below above) {
    return new Whole.Graph(
        new TransferLearning.GraphBuilder(old.network())
            .fineTuneConfiguration(settings())
            .setFeatureExtractor(Rig.CHECKED)
            .removeVertexAndConnections(Whole.LOSS)
            .addLayer(ABOVE, above, new Flat(), Rig.CHECKED)
            .addLayer(Whole.LOSS, Whole.loss(), ABOVE)
            .setOutputs(Whole.LOSS)
            .build());
  }

  /** DL4J keeps the loss's preprocessor at its index, where the layer above comes. */
  private static Whole appended(Whole old, Below above) {
    MultiLayerNetwork network = ((Whole.MultiLayer) old).network();
    return new Whole.MultiLayer(
        new TransferLearning.Builder(network)
            .fineTuneConfiguration(settings())
            .setFeatureExtractor(network.getnLayers() - 2)
            .removeOutputLayer()
            .addLayer(above)
            .addLayer(Whole.loss())
            .build());
  }

  private static void requireKept(
      Trial trial, Whole network, Map<String, INDArray> kept, String when) {
    kept.forEach(
        (key, array) ->
            Same.exactly(
                trial,
                "%s %s".formatted(key, when),
                network.parameters(Rig.CHECKED).get(key),
                array));
  }

  // The layer below frozen

  private static void aboveFrozen(LayerSubject subject, Trial trial, boolean graph, DataType type) {
    trial.at("above a layer that is frozen, in a %s", name(graph));
    Whole old = whole(subject, site(graph, true), type);
    DataSet data = old.examples(subject, 5, trial.random("above"));
    old.fit(data);
    Map<String, INDArray> kept = Rig.copies(old.parameters(Rig.CHECKED));
    Whole edited =
        old instanceof Whole.Graph g
            ? new Whole.Graph(
                new TransferLearning.GraphBuilder(g.network())
                    .fineTuneConfiguration(settings())
                    .setFeatureExtractor(Whole.BELOW)
                    .build())
            : new Whole.MultiLayer(
                new TransferLearning.Builder(((Whole.MultiLayer) old).network())
                    .fineTuneConfiguration(settings())
                    .setFeatureExtractor(0)
                    .build());
    requireKept(trial, edited, kept, "after the transfer");
    requireTraining(subject, trial, edited, data);
  }

  private static void requireTraining(
      LayerSubject subject, Trial trial, Whole network, DataSet data) {
    Map<String, INDArray> before = Rig.copies(network.parameters(Rig.CHECKED));
    network.fit(data);
    for (int step = 0; step < STEPS; step++) { // others too: units of ReLU may be off for some
      network.fit(network.examples(subject, 5, trial.random("others", step)));
    }
    Map<String, INDArray> after = network.parameters(Rig.CHECKED);
    for (String key : subject.trainedKeys()) {
      INDArray now = after.get(key);
      trial.require(
          Arrays.stream(Slopes.elements(now)).allMatch(Double::isFinite),
          "%s is not finite after %d steps",
          key,
          STEPS);
    }
    trial.require(
        subject.trainedKeys().isEmpty()
            || subject.trainedKeys().stream()
                .anyMatch(key -> !after.get(key).equals(before.get(key))),
        "the layer is not trained");
  }

  // A wider layer below

  private static void wider(LayerSubject subject, Trial trial, boolean graph, DataType type) {
    trial.at("above a layer made wider by nOutReplace, in a %s", name(graph));
    if (subject.refuses(Feature.TRANSFER_LEARNING)) {
      trial.requireRefusal(
          Feature.TRANSFER_LEARNING,
          "wider input",
          () -> {
            Whole edited = widened(subject, graph, type);
            edited.fit(edited.examples(subject, 5, trial.random("wider")));
          });
      return;
    }
    Layer layer = subject.layer();
    if (!(layer instanceof FeedForwardLayer)
        || layer.getPreProcessorForInputType(subject.inputType()) != null) {
      trial.note("DL4J's nOutReplace reaches FeedForwardLayers without a preprocessor only");
      return;
    }
    Whole edited = widened(subject, graph, type);
    Map<String, long[]> shapes = shapes(edited.parameters(Rig.CHECKED));
    freshShapes(subject)
        .forEach(
            (key, shape) ->
                trial.require(
                    Arrays.equals(shape, shapes.get(key)),
                    "%s has shape %s, in a new network of that width %s",
                    key,
                    Arrays.toString(shapes.get(key)),
                    Arrays.toString(shape)));
    requireTraining(subject, trial, edited, edited.examples(subject, 5, trial.random("wider")));
  }

  private static Whole widened(LayerSubject subject, boolean graph, DataType type) {
    Whole old = whole(subject, site(graph, true), type);
    int width = width(subject);
    return old instanceof Whole.Graph g
        ? new Whole.Graph(
            new TransferLearning.GraphBuilder(g.network())
                .fineTuneConfiguration(settings())
                .nOutReplace(Whole.BELOW, width, WeightInit.XAVIER)
                .build())
        : new Whole.MultiLayer(
            new TransferLearning.Builder(((Whole.MultiLayer) old).network())
                .fineTuneConfiguration(settings())
                .nOutReplace(0, width, WeightInit.XAVIER)
                .build());
  }

  private static int width(LayerSubject subject) {
    InputType type = subject.inputType();
    return (int) type.getShape(true)[LayerSubject.channelAxis(type)] + WIDER;
  }

  private static Map<String, long[]> freshShapes(LayerSubject subject) {
    MultiLayerNetwork fresh =
        new MultiLayerNetwork(
            Rig.settings(DataType.FLOAT)
                .list(subject.layer())
                .setInputType(Shapes.withChannels(subject.inputType(), width(subject)))
                .validateOutputLayerConfig(false)
                .build());
    fresh.init();
    return shapes(fresh.getLayer(0).paramTable());
  }

  private static Map<String, long[]> shapes(Map<String, INDArray> parameters) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    parameters.forEach((key, array) -> shapes.put(key, array.shape()));
    return shapes;
  }
}
