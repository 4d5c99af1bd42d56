package org.backpropninja.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/** What happens to a layer when its network is trained. */
final class LayerTraining {

  private static final int STEPS = 300;
  private static final int GOALS = 4; // to try, until one is reached
  private static final double ENOUGH = 0.1; // of the loss at the start
  private static final double ADAMS_RATE = 0.05;

  static final List<Definition<LayerSubject>> CHECKS =
      Stream.of(
              List.of(
                  Definition.<LayerSubject>check(
                          "training.fit",
                          "With Sgd, fit moves each parameter by −rate·gradient/n.",
                          "getUpdaterByParam gives a parameter another updater,"
                              + " updaterDivideByMinibatch is false for it, or its gradient is not"
                              + " written into its view",
                          LayerTraining::fit)
                      .unless(LayerTraining::hasNoTrainedParameters),
                  Definition.<LayerSubject>check(
                          "training.constraints",
                          "A constraint is applied once in each training step, after the update.",
                          "applyConstraints is overridden, or called by the layer itself",
                          LayerTraining::constraints)
                      .unless(LayerTraining::hasNoTrainedParameters)),
              LayerNoise.CHECKS,
              LayerTransfer.CHECKS,
              List.of(
                  Definition.<LayerSubject>check(
                          "training.overfits",
                          "On one minibatch of 5 examples the loss falls to less than a tenth.",
                          "a gradient of the wrong sign or size, or an output that does not depend"
                              + " on the input or the parameters",
                          LayerTraining::overfits)
                      .unless(LayerTraining::hasNothingToTrain)),
              LayerStates.CHECKS)
          .flatMap(List::stream)
          .toList();

  private LayerTraining() {}

  private static String hasNoTrainedParameters(LayerSubject subject) {
    return subject.trainedKeys().isEmpty() ? "the layer has no parameters with a gradient" : null;
  }

  static String hasNothingToTrain(LayerSubject subject) {
    return subject.trainedKeys().isEmpty() && subject.takesIndices()
        ? "the layer has no parameters with a gradient, and nothing can be below it"
        : null;
  }

  /** Those of a network in which the layer comes first. */
  static List<Site> alone() {
    return List.of(Site.FIRST, Site.GRAPH_FIRST);
  }

  /** FLOAT, which DL4J's networks are unless told otherwise, where the layer takes it. */
  static DataType usualType(LayerSubject subject) {
    return subject.supports(Feature.FLOAT) ? DataType.FLOAT : DataType.DOUBLE;
  }

  // The checks

  /** Of two equal networks one says what the gradient is, and the other is trained. */
  private static void fit(LayerSubject subject, Trial trial) {
    UnaryOperator<Layer> plain = layer -> plain(layer, new Sgd(Rig.LEARNING_RATE));
    int n = 5;
    for (Site site : alone()) {
      trial.at("%s, a step with %s", site, LayerSubject.examples(n));
      Whole teller = changed(subject, site, plain);
      DataSet data = teller.examples(subject, n, trial.random(site));
      Whole trained = changed(subject, site, plain);
      Map<String, INDArray> start = Rig.copies(trained.parameters(Rig.CHECKED));
      trained.fit(data);
      Gradient gradient = teller.gradient(data);
      for (String key : subject.trainedKeys()) {
        INDArray each = gradient.getGradientFor(teller.prefix() + key);
        trial.require(each != null, "there is no gradient for parameter %s", key);
        Same.require(
            trial,
            key,
            trained.parameters(Rig.CHECKED).get(key),
            start.get(key).sub(each.reshape(start.get(key).shape()).mul(Rig.LEARNING_RATE / n)));
      }
    }
  }

  /** Two equal networks take the same step, one with a constraint that halves. */
  private static void constraints(LayerSubject subject, Trial trial) {
    UnaryOperator<Layer> halved = layer -> constrained(layer, new Halving(subject.trainedKeys()));
    for (Site site : alone()) {
      trial.at("%s, after one step", site);
      Whole free = changed(subject, site, LayerTraining::constrained);
      DataSet data = free.examples(subject, 5, trial.random(site));
      if (subject.refuses(Feature.CONSTRAINTS)) {
        trial.requireRefusal(
            Feature.CONSTRAINTS, "a constraint", () -> changed(subject, site, halved).fit(data));
        continue;
      }
      Whole constrained = changed(subject, site, halved);
      free.fit(data);
      constrained.fit(data);
      for (String key : subject.trainedKeys()) {
        Same.require(
            trial,
            key + ", which a constraint halves",
            constrained.parameters(Rig.CHECKED).get(key),
            free.parameters(Rig.CHECKED).get(key).div(2));
      }
    }
  }

  private static Layer constrained(Layer layer, LayerConstraint... constraints) {
    layer.setConstraints(constraints.length == 0 ? null : new ArrayList<>(List.of(constraints)));
    return layer;
  }

  private static Whole changed(LayerSubject subject, Site site, UnaryOperator<Layer> change) {
    return Whole.of(subject, site, DataType.DOUBLE, change, settings -> {});
  }

  /**
   * The targets are what the network puts out at other parameters not far away, so that they can be
   * reached. Without parameters of the layer the one below it has to learn.
   */
  private static void overfits(LayerSubject subject, Trial trial) {
    boolean learns = !subject.trainedKeys().isEmpty();
    for (Site site : learns ? alone() : List.of(Site.ABOVE, Site.GRAPH_ABOVE)) {
      DataType type = usualType(subject);
      trial.at("%s, %s, 5 examples", site, type);
      Whole network =
          Whole.of(
              subject,
              site,
              type,
              layer -> plain(layer, new Adam(ADAMS_RATE)),
              settings -> settings.updater(new Adam(ADAMS_RATE)));
      learnSomeGoal(
          subject, trial, network, learns ? Rig.CHECKED : Whole.BELOW, trial.random(site));
    }
  }

  /** One of a few goals, because the way to a goal may end where units of ReLU are dead. */
  private static void learnSomeGoal(
      LayerSubject subject, Trial trial, Whole network, String learner, Random random) {
    INDArray start = network.parameters().dup();
    Finding last = null;
    for (int goal = 0; goal < GOALS; goal++) {
      network.parameters().assign(start);
      INDArray x = LayerSubject.cast(subject.input(5, random), network.type());
      try {
        learn(trial, network, new DataSet(x, targets(subject, network, learner, x, random)));
        return;
      } catch (Finding finding) {
        last = finding;
      }
    }
    throw last;
  }

  private static void learn(Trial trial, Whole network, DataSet data) {
    network.fit(data);
    double start = network.score();
    trial.require(start > 0, "the output is the same when the parameters are others");
    double least = start;
    for (int step = 1; step < STEPS && !(least < ENOUGH * start); step++) {
      network.fit(data);
      least = Math.min(least, network.score());
    }
    trial.require(
        least < ENOUGH * start,
        "in %d steps of Adam the loss falls from %s to %s only",
        STEPS,
        start,
        least);
  }

  /** Without settings of the layer's own that would change its steps. */
  private static Layer plain(Layer layer, IUpdater updater) {
    if (layer instanceof BaseLayer base) {
      base.setIUpdater(updater);
      base.setBiasUpdater(null);
      base.setRegularization(new ArrayList<>());
      base.setRegularizationBias(new ArrayList<>());
      base.setGradientNormalization(GradientNormalization.None);
    }
    return constrained(layer);
  }

  private static INDArray targets(
      LayerSubject subject, Whole network, String learner, INDArray x, Random random) {
    Map<String, INDArray> parameters = network.parameters(learner);
    Map<String, INDArray> start = Rig.copies(parameters);
    Set<String> states = subject.states().keySet();
    parameters.forEach(
        (key, array) -> {
          if (!learner.equals(Rig.CHECKED) || !states.contains(key)) {
            INDArray by = LayerSubject.normal(random, array.shape()).muli(0.3);
            array.addi(LayerSubject.cast(by, array.dataType()));
          }
        });
    INDArray targets = network.output(x, true).dup();
    parameters.forEach((key, array) -> array.assign(start.get(key)));
    return targets;
  }
}
