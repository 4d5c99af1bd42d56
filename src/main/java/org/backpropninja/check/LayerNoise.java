package org.backpropninja.check;

import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Dropout and weight noise, both of a kind that leaves nothing to chance. */
final class LayerNoise {

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.check(
              "training.dropout",
              "Dropout is applied to the input in training, once, and not in an array that others"
                  + " read; indices stay what they are.",
              "applyDropOutIfNecessary or backpropDropOutIfPresent is missing, called twice, called"
                  + " after the input was read, or called for indices",
              LayerNoise::dropout),
          Definition.<LayerSubject>check(
                  "training.weightNoise",
                  "Weight noise is in the weights of one training step, forward and backward.",
                  "getParam instead of getParamWithNoise, or weightNoiseParams.clear() is missing"
                      + " at the end of backpropGradient",
                  LayerNoise::weightNoise)
              .unless(LayerNoise::hasNoWeights));

  private LayerNoise() {}

  // Dropout

  private static void dropout(LayerSubject subject, Trial trial) {
    UnaryOperator<Layer> dropping =
        layer -> {
          layer.setIDropout(new Times());
          return layer;
        };
    if (subject.refuses(Feature.DROPOUT)) {
      trial.at("dropout on the layer's input");
      trial.requireRefusal(
          Feature.DROPOUT,
          "dropout",
          () ->
              rig(subject, Site.FIRST, dropping)
                  .forward(subject.input(3, trial.random("x")), null, true));
      return;
    }
    if (subject.takesIndices()) {
      ofIndices(subject, trial, dropping);
      return;
    }
    for (Site site : Site.values()) {
      if (site != Site.GRAPH_SHARED) {
        asWithLargerInput(subject, trial, site, dropping);
      }
    }
    notInPlace(subject, trial, dropping);
  }

  private static Rig rig(LayerSubject subject, Site site, UnaryOperator<Layer> change) {
    return Rig.of(subject, site, DataType.DOUBLE, change, settings -> {});
  }

  /** The layer without dropout is given what dropout makes of the input. */
  private static void asWithLargerInput(
      LayerSubject subject, Trial trial, Site site, UnaryOperator<Layer> dropping) {
    Rig plain = rig(subject, site, LayerNoise::withoutDropout);
    Rig dropped = rig(subject, site, dropping);
    INDArray x = subject.input(3, trial.random(site));
    inInference(subject, trial, site, plain, dropped);
    trial.at("%s, a dropout that multiplies by %s in training", site, Times.FACTOR);
    double ofInput = site.isAbove() ? 1 : Times.FACTOR;
    plain.below().values().forEach(array -> array.muli(Times.FACTOR));
    INDArray given = x.dup();
    INDArray out = dropped.forward(given, null, true);
    INDArray right = plain.forward(x.mul(ofInput), null, true);
    Same.require(trial, "the output", out, right);
    INDArray epsilon = LayerSubject.normal(trial.random("epsilon"), out.shape());
    Gradients gradients = dropped.backward(epsilon.dup());
    Gradients expected = plain.backward(epsilon.dup());
    if (expected.input() != null) {
      expected.input().muli(ofInput);
    }
    GradientArrays.requireClose(trial, gradients, expected, Same.ROUNDING);
    requireBelow(trial, gradients, expected);
    Same.exactly(trial, "the network's input after training", given, x);
  }

  /** The layer below has the factor in its parameters, and so not in their gradients. */
  private static void requireBelow(Trial trial, Gradients gradients, Gradients expected) {
    expected
        .below()
        .forEach(
            (key, gradient) ->
                Same.require(
                    trial,
                    "the gradient of %s of the layer below".formatted(key),
                    gradients.below().get(key),
                    gradient.muli(Times.FACTOR)));
  }

  /** Dropout is ignored, or it is of the vectors that the indices stand for. */
  private static void ofIndices(LayerSubject subject, Trial trial, UnaryOperator<Layer> dropping) {
    for (Site site : LayerTraining.alone()) {
      INDArray x = subject.input(3, trial.random(site));
      INDArray plain = rig(subject, site, LayerNoise::withoutDropout).forward(x.dup(), null, true);
      INDArray times = plain.mul(Times.FACTOR);
      trial.at("%s, a dropout that multiplies by %s in training", site, Times.FACTOR);
      INDArray out = rig(subject, site, dropping).forward(x.dup(), null, true);
      Same.require(
          trial, "the output", out, out.equalsWithEps(times, Same.ROUNDING) ? times : plain);
    }
  }

  private static Layer withoutDropout(Layer layer) {
    layer.setIDropout(null);
    return layer;
  }

  /** The other reader multiplies what it reads, and reads after the layer under check. */
  private static void notInPlace(LayerSubject subject, Trial trial, UnaryOperator<Layer> dropping) {
    trial.at("in a ComputationGraph, its input read by another layer too");
    GraphRig graph = (GraphRig) rig(subject, Site.GRAPH_SHARED, dropping);
    INDArray x = subject.input(3, trial.random("shared"));
    INDArray read = graph.otherReader(x.dup(), false).dup();
    Same.require(
        trial,
        "the output of the other layer, whose own dropout multiplies by %s".formatted(Times.FACTOR),
        graph.otherReader(x, true),
        read.mul(Times.FACTOR));
  }

  /** Neither dropout nor weight noise is seen in inference. */
  private static void inInference(
      LayerSubject subject, Trial trial, Site site, Rig plain, Rig changed) {
    trial.at("%s, in inference", site);
    INDArray x = subject.input(3, trial.random("inference"));
    INDArray got = changed.forward(x.dup(), null, false);
    INDArray expected = plain.forward(x.dup(), null, false);
    Same.require(trial, "the output", got, expected);
  }

  // Weight noise

  private static String hasNoWeights(LayerSubject subject) {
    Layer layer = subject.layer();
    if (!(layer instanceof BaseLayer)) {
      return "the layer is no BaseLayer of DL4J, so weight noise cannot be set";
    }
    return subject.trainedKeys().stream().noneMatch(key -> Doubled.isWeight(layer, key))
        ? "none of the layer's parameters is a weight"
        : null;
  }

  private static void weightNoise(LayerSubject subject, Trial trial) {
    for (Site site : LayerTraining.alone()) {
      if (subject.refuses(Feature.WEIGHT_NOISE)) {
        trial.at("%s", site);
        trial.requireRefusal(
            Feature.WEIGHT_NOISE,
            "weight noise",
            () ->
                rig(subject, site, LayerNoise::withNoise)
                    .forward(subject.input(3, trial.random("x")), null, true));
        continue;
      }
      Rig plain = rig(subject, site, layer -> withNoise(layer, null));
      Rig doubled = rig(subject, site, LayerNoise::withNoise);
      inInference(subject, trial, site, plain, doubled);
      asWithDoubledWeights(subject, trial, site, plain, doubled);
      inInference(subject, trial, site, plain, doubled);
    }
    if (subject.supports(Feature.WEIGHT_NOISE)) {
      drawnAnew(subject, trial);
    }
  }

  private static Layer withNoise(Layer layer) {
    return withNoise(layer, new Doubled());
  }

  private static Layer withNoise(Layer layer, IWeightNoise noise) {
    ((BaseLayer) layer).setWeightNoise(noise);
    return layer;
  }

  private static void asWithDoubledWeights(
      LayerSubject subject, Trial trial, Site site, Rig plain, Rig doubled) {
    trial.at("%s, in training under a noise that doubles weights", site);
    Random random = trial.random(site);
    INDArray x = subject.input(3, random);
    INDArray output = doubled.forward(x, null, true);
    INDArray epsilon = LayerSubject.normal(random, output.shape());
    Gradients gradients = doubled.backward(epsilon.dup());
    scaleWeights(subject, plain, Doubled.FACTOR);
    INDArray expected = plain.forward(x, null, true);
    Gradients right = plain.backward(epsilon.dup());
    scaleWeights(subject, plain, 1 / Doubled.FACTOR);
    Same.require(trial, "the output", output, expected);
    GradientArrays.requireClose(trial, gradients, right, Same.ROUNDING);
  }

  /**
   * Within an epoch DL4J leaves it to the layer to forget the noise of a step; between, it does.
   */
  private static void drawnAnew(LayerSubject subject, Trial trial) {
    trial.at("an epoch of two minibatches in a MultiLayerNetwork");
    UnaryOperator<Layer> noisy = layer -> withNoise(withoutDropout(layer));
    Whole epoch = Whole.of(subject, Site.FIRST, DataType.DOUBLE, noisy, settings -> {});
    Whole steps = Whole.of(subject, Site.FIRST, DataType.DOUBLE, noisy, settings -> {});
    Random random = trial.random("epoch");
    List<DataSet> minibatches =
        List.of(epoch.examples(subject, 3, random), epoch.examples(subject, 3, random));
    fit(epoch, List.of(minibatches));
    fit(steps, minibatches.stream().map(List::of).toList());
    for (String key : subject.trainedKeys()) {
      Same.require(
          trial,
          key + ", where two calls of fit for a minibatch each are right",
          epoch.parameters(Rig.CHECKED).get(key),
          steps.parameters(Rig.CHECKED).get(key));
    }
  }

  /** Some epochs, in which chance goes on from one minibatch to the next. */
  private static void fit(Whole whole, List<List<DataSet>> epochs) {
    Nd4j.getRandom().setSeed(5);
    MultiLayerNetwork network = ((Whole.MultiLayer) whole).network();
    epochs.forEach(each -> network.fit(new ExistingDataSetIterator(each)));
  }

  private static void scaleWeights(LayerSubject subject, Rig rig, double factor) {
    Layer layer = rig.layer().conf().getLayer();
    for (String key : subject.trainedKeys()) {
      if (Doubled.isWeight(layer, key)) {
        rig.parameters().get(key).muli(factor);
      }
    }
  }
}
