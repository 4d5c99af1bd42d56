package org.backpropninja.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.regularization.L2Regularization;

/** Parameters without a gradient that the layer moves itself, such as running statistics. */
final class LayerStates {

  private static final double TOLERANCE = 1e-6;
  private static final double LARGE = 5e20; // its square is beyond FLOAT
  private static final int ORDINARY = 30; // minibatches after a large one

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.<LayerSubject>check(
                  "training.state",
                  "A running state follows its oracle in each training step, and nothing else moves"
                      + " it.",
                  "the state is moved through a gradient, which clipping, regularisation and"
                      + " minibatch division change, or in the forward pass, which scoring does too",
                  LayerStates::state)
              .unless(LayerStates::hasNoState),
          Definition.<LayerSubject>check(
                  "training.stateStaysFinite",
                  "A minibatch of large numbers leaves no state behind that is not finite.",
                  "a state overflows, and what is averaged with it stays infinite: refuse it, or"
                      + " keep the state as it was",
                  LayerStates::staysFinite)
              .unless(LayerStates::hasNoState)
              .unless(
                  subject ->
                      subject.takesIndices()
                          ? "indices cannot be large"
                          : subject.refuses(Feature.FLOAT) ? "FLOAT is refused" : null),
          Definition.<LayerSubject>check(
                  "training.calibration",
                  "Calibrating a graph again with the same data changes nothing.",
                  "layers are calibrated in the order of getLayers(), in which the graph was built,"
                      + " and not in topological order",
                  LayerStates::calibration)
              .unless(
                  subject ->
                      subject.calibration() == null
                          ? "no calibration is declared"
                          : subject.takesIndices() ? "indices fit the first layer only" : null));

  private LayerStates() {}

  private static String hasNoState(LayerSubject subject) {
    return subject.states().isEmpty() ? "no state is declared" : null;
  }

  // Oracles

  private static void state(LayerSubject subject, Trial trial) {
    for (GradientNormalization normalization : GradientNormalization.values()) {
      for (Site site : LayerTraining.alone()) {
        Whole network =
            Whole.of(
                subject,
                site,
                DataType.DOUBLE,
                layer -> changed(layer, normalization),
                settings -> {});
        String where = "%s, GradientNormalization.%s".formatted(site, normalization);
        for (int n : List.of(8, 3, 5)) {
          Random random = trial.random(where, n);
          trial.at("%s, a step with %s", where, LayerSubject.examples(n));
          step(subject, trial, network, network.examples(subject, n, random));
          if (normalization == GradientNormalization.None) { // the others change steps only
            stands(subject, trial, network, where, network.examples(subject, n, random));
          }
        }
      }
    }
  }

  /** In the layer itself: one that does not come from a builder takes nothing from its network. */
  private static Layer changed(Layer layer, GradientNormalization normalization) {
    if (layer instanceof BaseLayer base) {
      base.setGradientNormalization(normalization);
      base.setGradientNormalizationThreshold(1e-3);
      base.setRegularization(new ArrayList<>(List.of(new L2Regularization(0.1))));
      base.setRegularizationBias(new ArrayList<>(List.of(new L2Regularization(0.1))));
    }
    return layer;
  }

  private static void step(LayerSubject subject, Trial trial, Whole network, DataSet data) {
    Map<String, INDArray> before = statesOf(subject, network);
    network.fit(data);
    Map<String, INDArray> after = statesOf(subject, network);
    subject
        .states()
        .forEach(
            (key, oracle) -> {
              INDArray right = oracle.after(before.get(key).dup(), data.getFeatures());
              requireShape(trial, key, right, before.get(key));
              Same.require(trial, "state " + key, after.get(key), "expected", right, TOLERANCE);
            });
  }

  private static void requireShape(Trial trial, String key, INDArray right, INDArray state) {
    if (!Arrays.equals(right.shape(), state.shape())) {
      throw trial.finding(
          "the oracle of state %s gives shape %s, the state has %s"
              .formatted(key, Arrays.toString(right.shape()), Arrays.toString(state.shape())),
          "the oracle, not the layer");
    }
  }

  /** What is no training step leaves states alone. */
  private static void stands(
      LayerSubject subject, Trial trial, Whole network, String where, DataSet data) {
    Map<String, INDArray> before = statesOf(subject, network);
    Map<String, Runnable> passes = new LinkedHashMap<>();
    passes.put("output", () -> network.output(data.getFeatures(), false));
    passes.put("score", () -> network.score(data, false));
    passes.put("score in training mode, without a backward pass", () -> network.score(data, true));
    passes.forEach(
        (name, pass) -> {
          trial.at("%s, %s", where, name);
          pass.run();
          statesOf(subject, network)
              .forEach((key, after) -> Same.exactly(trial, "state " + key, after, before.get(key)));
        });
  }

  private static Map<String, INDArray> statesOf(LayerSubject subject, Whole network) {
    Map<String, INDArray> states = Rig.copies(network.parameters(Rig.CHECKED));
    states.keySet().retainAll(subject.states().keySet());
    return states;
  }

  // Large numbers

  /** What has a gradient may well break; it is set back, and states have to be fit to go on. */
  private static void staysFinite(LayerSubject subject, Trial trial) {
    trial.at("a FLOAT minibatch near %s", LARGE);
    Whole network = Whole.of(subject, Site.FIRST, DataType.FLOAT, layer -> layer, settings -> {});
    Map<String, INDArray> trained = Rig.copies(network.parameters(Rig.CHECKED));
    trained.keySet().retainAll(subject.trainedKeys());
    DataSet large = network.examples(subject, 8, trial.random("large"));
    large.setFeatures(large.getFeatures().mul(LARGE));
    try {
      network.fit(large);
      requireFinite(trial, statesOf(subject, network));
    } catch (RuntimeException refusal) {
      trial.note("refused: " + refusal.getMessage());
    }
    trained.forEach((key, array) -> network.parameters(Rig.CHECKED).get(key).assign(array));
    trial.at("%d ordinary minibatches after a FLOAT one near %s", ORDINARY, LARGE);
    for (int step = 0; step < ORDINARY; step++) {
      network.fit(network.examples(subject, 8, trial.random("ordinary", step)));
    }
    requireFinite(trial, statesOf(subject, network));
    DataSet data = network.examples(subject, 8, trial.random("then"));
    requireFinite(trial, Map.of("output", network.output(data.getFeatures(), false)));
  }

  private static void requireFinite(Trial trial, Map<String, INDArray> arrays) {
    arrays.forEach((name, array) -> Same.finite(trial, name, array));
  }

  // Calibration

  private static void calibration(LayerSubject subject, Trial trial) {
    trial.at("a ComputationGraph of two such layers, the last one added first");
    ComputationGraph graph = twoLayers(subject);
    DataSetIterator data = new ExistingDataSetIterator(minibatches(subject, trial, graph));
    Map<String, INDArray> start = statesOf(subject, graph);
    subject.calibration().accept(graph, data);
    Map<String, INDArray> once = statesOf(subject, graph);
    for (String layer : List.of(Rig.CHECKED, "last")) {
      trial.require(
          once.keySet().stream()
              .filter(name -> name.endsWith(layer))
              .anyMatch(name -> !once.get(name).equals(start.get(name))),
          "calibration leaves the states of layer \"%s\" as they were",
          layer);
    }
    data.reset();
    subject.calibration().accept(graph, data);
    statesOf(subject, graph)
        .forEach(
            (name, twice) ->
                Same.require(trial, name + ", calibrated again", twice, once.get(name)));
  }

  /** Data that are unlike what states start from. */
  private static List<DataSet> minibatches(
      LayerSubject subject, Trial trial, ComputationGraph graph) {
    Random random = trial.random("data");
    List<DataSet> minibatches = new ArrayList<>();
    for (int each = 0; each < 4; each++) {
      INDArray x = subject.input(8, random).muli(3).addi(2);
      minibatches.add(new DataSet(x, graph.outputSingle(x)));
    }
    return minibatches;
  }

  private static ComputationGraph twoLayers(LayerSubject subject) {
    Layer first = subject.layer();
    Layer last = subject.layer();
    GraphBuilder builder =
        Rig.settings(DataType.DOUBLE)
            .graphBuilder()
            .addInputs("x")
            .addLayer(Whole.LOSS, Whole.loss(), new Flat(), "last")
            .addLayer("last", last, "between")
            .addLayer("between", new Below(), Rig.CHECKED)
            .addLayer(Rig.CHECKED, first, "x")
            .setOutputs(Whole.LOSS)
            .setInputTypes(subject.inputType());
    ComputationGraph graph = new ComputationGraph(builder.build());
    graph.init();
    for (String layer : List.of(Rig.CHECKED, "between", "last")) {
      Rig.disturb(subject, graph.getLayer(layer).paramTable());
    }
    return graph;
  }

  private static Map<String, INDArray> statesOf(LayerSubject subject, ComputationGraph graph) {
    Map<String, INDArray> states = new LinkedHashMap<>();
    for (String layer : List.of(Rig.CHECKED, "last")) {
      for (String key : subject.states().keySet()) {
        states.put(
            "state %s of layer %s".formatted(key, layer),
            graph.getLayer(layer).paramTable().get(key).dup());
      }
    }
    return states;
  }
}
