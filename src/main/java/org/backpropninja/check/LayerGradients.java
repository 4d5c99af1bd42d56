package org.backpropninja.check;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Gradients are slopes: of the parameters and of the input, wherever the layer is. */
final class LayerGradients {

  private static final int DRAWS = 10; // of input, until one is not at a kink

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.<LayerSubject>check(
                  "gradients.parameters",
                  "The gradient of each parameter is the slope of the loss.",
                  "a term or factor in the parameter's part of backpropGradient",
                  LayerGradients::parameters)
              .unless(LayerGradients::hasNoTrainedParameters),
          Definition.<LayerSubject>check(
                  "gradients.input",
                  "The error that is passed down is the slope of the loss.",
                  "a term or factor in what backpropGradient returns",
                  LayerGradients::input)
              .unless(LayerGradients::takesIndices),
          Definition.<LayerSubject>check(
                  "gradients.layerBelow",
                  "Above another layer the gradients of both are right.",
                  "the layer tells the first layer of a network from others, or changes what it"
                      + " is given",
                  (subject, trial) -> everywhere(subject, trial, Site.ABOVE))
              .unless(LayerGradients::takesIndices),
          Definition.check(
              "gradients.computationGraph",
              "In a ComputationGraph all gradients are right.",
              "the layer relies on something that only a MultiLayerNetwork does",
              (subject, trial) -> {
                everywhere(subject, trial, Site.GRAPH_FIRST);
                if (!subject.takesIndices()) {
                  everywhere(subject, trial, Site.GRAPH_ABOVE);
                }
              }),
          Definition.check(
              "gradients.minibatchSizes",
              "Minibatches of changing size, one after the other, get right gradients.",
              "something is kept from a minibatch of another size, or a factor n is missing",
              LayerGradients::minibatchSizes),
          Definition.check(
              "gradients.afterTraining",
              "After 20 steps of training the gradients are right.",
              "something that was computed from the first parameters is kept, or a running state"
                  + " takes part",
              LayerGradients::afterTraining));

  private LayerGradients() {}

  private static String hasNoTrainedParameters(LayerSubject subject) {
    return subject.trainedKeys().isEmpty() ? "the layer has no parameters with a gradient" : null;
  }

  private static String takesIndices(LayerSubject subject) {
    return subject.takesIndices() ? "indices have no gradient" : null;
  }

  // The checks

  private static void parameters(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Site.FIRST);
    for (int n : new int[] {3, 32}) {
      trial.at("%s, %s", Site.FIRST, LayerSubject.examples(n));
      compare(subject, trial, rig, n, Part.PARAMETERS);
    }
  }

  private static void input(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Site.FIRST);
    for (int n : new int[] {3, 32}) {
      trial.at("%s, %s", Site.FIRST, LayerSubject.examples(n));
      compare(subject, trial, rig, n, Part.INPUT);
    }
  }

  private static void everywhere(LayerSubject subject, Trial trial, Site site) {
    trial.at("%s, %s", site, LayerSubject.examples(3));
    compare(subject, trial, Rig.of(subject, site), 3, Part.ALL);
  }

  private static void minibatchSizes(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Site.FIRST);
    for (int n : subject.minibatchSizes(32, 1, 3, 2, 32)) {
      trial.at("%s, %s", Site.FIRST, LayerSubject.examples(n));
      compare(subject, trial, rig, n, Part.ALL);
    }
  }

  private static void afterTraining(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, subject.takesIndices() ? Site.FIRST : Site.ABOVE);
    trial.at("while training 20 steps");
    rig.train(subject, 20, 8, false, trial);
    trial.at("after 20 steps, 3 examples");
    compare(subject, trial, rig, 3, Part.ALL);
  }

  // How

  /** What is compared. */
  enum Part {
    PARAMETERS,
    INPUT,
    ALL
  }

  /** Compares gradients of one minibatch with slopes; draws it again where it is at a kink. */
  static void compare(LayerSubject subject, Trial trial, Rig rig, int n, Part part) {
    compare(subject, trial, rig, n, false, true, part);
  }

  static void compare(
      LayerSubject subject,
      Trial trial,
      Rig rig,
      int n,
      boolean masked,
      boolean training,
      Part part) {
    for (int draw = 0; draw < DRAWS; draw++) {
      Random random = trial.random(rig.getClass(), n, draw);
      INDArray x = subject.input(n, random);
      INDArray mask = masked ? subject.mask(n, random) : null;
      INDArray out = rig.forward(x, mask, training);
      INDArray epsilon = LayerSubject.normal(random, out.shape());
      Gradients gradients = rig.backward(epsilon.dup());
      DoubleSupplier loss = () -> sum(rig.forward(x, mask, training), epsilon);
      double scale = absoluteSum(out, epsilon);
      try {
        if (part != Part.INPUT) {
          compareAll(subject, trial, rig, gradients, loss, scale);
        }
        if (part != Part.PARAMETERS && !subject.takesIndices()) {
          trial.require(gradients.input() != null, "no error is passed down to the input");
          Slopes.require(trial, "input", x, gradients.input(), loss, scale);
        }
        if (draw > 0) {
          trial.note("drawn %d times, because of a kink".formatted(draw + 1));
        }
        return;
      } catch (Slopes.Kink kink) {
        // the next draw is elsewhere
      }
    }
    throw trial.finding(
        "the slope depends on the step in %d random inputs out of %d".formatted(DRAWS, DRAWS),
        "the forward pass has chance or a memory, or jumps");
  }

  private static void compareAll(
      LayerSubject subject,
      Trial trial,
      Rig rig,
      Gradients gradients,
      DoubleSupplier loss,
      double scale)
      throws Slopes.Kink {
    for (String key : subject.trainedKeys()) {
      INDArray byHand = gradients.checked().get(key);
      trial.require(byHand != null, "there is no gradient for parameter %s", key);
      Slopes.require(trial, key, rig.parameters().get(key), byHand, loss, scale);
    }
    for (Map.Entry<String, INDArray> below : rig.below().entrySet()) {
      INDArray byHand = gradients.below().get(below.getKey());
      String name = below.getKey() + " of the layer below";
      trial.require(byHand != null, "there is no gradient for %s", name);
      Slopes.require(trial, name, below.getValue(), byHand, loss, scale);
    }
  }

  private static double sum(INDArray out, INDArray epsilon) {
    double[] y = Slopes.elements(out);
    double[] e = Slopes.elements(epsilon);
    double sum = 0;
    for (int k = 0; k < y.length; k++) {
      sum += e[k] * y[k];
    }
    return sum;
  }

  private static double absoluteSum(INDArray out, INDArray epsilon) {
    double[] y = Slopes.elements(out);
    double[] e = Slopes.elements(epsilon);
    double sum = 0;
    for (int k = 0; k < y.length; k++) {
      sum += Math.abs(e[k] * y[k]);
    }
    return sum;
  }
}
