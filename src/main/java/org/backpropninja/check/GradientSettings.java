package org.backpropninja.check;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.backpropninja.check.LayerGradients.Part;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.Regularization.ApplyStep;

/** Gradients in networks that regularise the layer, or freeze it. */
final class GradientSettings {

  private static final int EXAMPLES = 3;
  private static final Consumer<NeuralNetConfiguration.Builder> PENALTIES =
      settings -> settings.l1(0.11).l2(0.12).l1Bias(0.13).l2Bias(0.14);
  private static final Consumer<NeuralNetConfiguration.Builder> DECAY =
      settings -> settings.weightDecay(0.15).weightDecayBias(0.16);

  private GradientSettings() {}

  // Regularised

  static void regularised(LayerSubject subject, Trial trial) {
    regularised(subject, trial, "with L1 and L2", PENALTIES);
    regularised(subject, trial, "with weight decay", DECAY);
  }

  private static void regularised(
      LayerSubject subject,
      Trial trial,
      String words,
      Consumer<NeuralNetConfiguration.Builder> settings) {
    Rig rig = Rig.of(subject, Site.FIRST, DataType.DOUBLE, layer -> layer, settings);
    trial.at("%s, gradients", words);
    LayerGradients.compare(subject, trial, rig, EXAMPLES, Part.PARAMETERS);
    trial.at("%s, the score", words);
    requireScore(subject, trial, rig);
    trial.at("%s, a step", words);
    requireStep(subject, trial, rig);
  }

  private static void requireScore(LayerSubject subject, Trial trial, Rig rig) {
    double expected = 0;
    for (String key : subject.keys()) {
      List<Regularization> regularization = regularization(rig, key);
      trial.require(
          regularization.isEmpty() || !subject.states().containsKey(key),
          "the running state %s is regularised; getRegularizationByParam(\"%s\") has to be empty",
          key,
          key);
      for (Regularization each : regularization) {
        expected += each.score(rig.parameters().get(key), 0, 0);
      }
    }
    double actual = rig.layer().calcRegularizationScore(true);
    trial.require(
        Math.abs(actual - expected) <= 1e-9 * Math.max(1, expected),
        "calcRegularizationScore is %s, the sum for all parameters %s",
        actual,
        expected);
  }

  /** DL4J hands out null for none, too. */
  private static List<Regularization> regularization(Rig rig, String key) {
    List<Regularization> regularization = rig.layer().getConfig().getRegularizationByParam(key);
    return regularization == null ? List.of() : regularization;
  }

  private static void requireStep(LayerSubject subject, Trial trial, Rig rig) {
    if (rig.layer().getConfig().getGradientNormalization() != GradientNormalization.None) {
      return; // the layer's own setting
    }
    Map<String, INDArray> before = Rig.copies(rig.parameters());
    INDArray x = subject.input(EXAMPLES, trial.random("input"));
    INDArray out = rig.forward(x, null, true);
    Gradients gradients =
        rig.step(LayerSubject.normal(trial.random("epsilon"), out.shape()), EXAMPLES);
    for (String key : subject.trainedKeys()) {
      if (rig.layer().getConfig().getUpdaterByParam(key) instanceof Sgd sgd
          && sgd.getLearningRateSchedule() == null) {
        INDArray step = step(rig, key, before.get(key), gradients.checked().get(key), sgd);
        Same.require(
            trial,
            "parameter %s minus η·(gradient/n + regularisation)".formatted(key),
            rig.parameters().get(key),
            before.get(key).sub(step));
      }
    }
  }

  /** η·(g/n + penalties) + decay. */
  private static INDArray step(Rig rig, String key, INDArray w, INDArray gradient, Sgd sgd) {
    INDArray step = gradient.dup('c').reshape('c', w.shape());
    if (rig.layer().updaterDivideByMinibatch(key)) {
      step.divi(EXAMPLES);
    }
    apply(rig, key, ApplyStep.BEFORE_UPDATER, w, step, sgd);
    step.muli(sgd.getLearningRate());
    apply(rig, key, ApplyStep.POST_UPDATER, w, step, sgd);
    return step;
  }

  private static void apply(
      Rig rig, String key, ApplyStep when, INDArray w, INDArray step, Sgd sgd) {
    regularization(rig, key).stream()
        .filter(each -> each.applyStep() == when)
        .forEach(each -> each.apply(w, step, sgd.getLearningRate(), 0, 0));
  }

  // Frozen

  static void frozen(LayerSubject subject, Trial trial) throws Exception {
    if (subject.refuses(Feature.FROZEN)) {
      trial.requireRefusal(
          Feature.FROZEN,
          "a frozen layer",
          () -> {
            stays(subject, trial, FrozenLayer::new, PENALTIES);
            stays(subject, trial, FrozenLayerWithBackprop::new, settings -> {});
          });
      return;
    }
    trial.at("in a FrozenLayer, with L1 and L2");
    stays(subject, trial, FrozenLayer::new, PENALTIES);
    if (subject.refuses(Feature.BACKWARD_AFTER_INFERENCE)) {
      return;
    }
    trial.at("in a FrozenLayerWithBackprop");
    stays(subject, trial, FrozenLayerWithBackprop::new, settings -> {});
    if (!subject.takesIndices()) {
      passesDown(subject, trial, Site.ABOVE);
    }
  }

  /** Compares what a frozen layer passes down with slopes. */
  static void passesDown(LayerSubject subject, Trial trial, Site site) {
    trial.at("in a FrozenLayerWithBackprop, %s", site);
    Rig rig = rig(subject, site, FrozenLayerWithBackprop::new, settings -> {});
    LayerGradients.compare(subject, trial, rig, EXAMPLES, Part.DOWN);
  }

  /**
   * Requires that parameters do not move, but for what a FrozenLayerWithBackprop regularises.
   *
   * <p>In a graph, because a MultiLayerNetwork cannot go backward from a FrozenLayer at its end.
   */
  private static void stays(
      LayerSubject subject,
      Trial trial,
      UnaryOperator<Layer> frozen,
      Consumer<NeuralNetConfiguration.Builder> settings) {
    Rig rig = rig(subject, Site.GRAPH_FIRST, frozen, settings);
    INDArray x = subject.input(EXAMPLES, trial.random("input"));
    INDArray inference = Rig.of(subject, Site.GRAPH_FIRST).forward(x, null, false);
    Same.require(trial, "the output in training", rig.forward(x, null, true), inference);
    Map<String, INDArray> before = Rig.copies(rig.parameters());
    rig.train(subject, 3, EXAMPLES, false, trial);
    for (String key : before.keySet()) {
      if (regularization(rig, key).isEmpty()) {
        Same.exactly(
            trial,
            "parameter " + key + " after 3 steps",
            rig.parameters().get(key),
            before.get(key));
      }
    }
  }

  private static Rig rig(
      LayerSubject subject,
      Site site,
      UnaryOperator<Layer> frozen,
      Consumer<NeuralNetConfiguration.Builder> settings) {
    return Rig.of(subject, site, DataType.DOUBLE, frozen, settings);
  }
}
