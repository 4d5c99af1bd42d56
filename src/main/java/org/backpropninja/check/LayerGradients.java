package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Gradients are slopes: of the parameters and of the input, wherever the layer is. */
final class LayerGradients {

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
              LayerGradients::afterTraining),
          Definition.check(
              "gradients.singleExample",
              "A minibatch of one example gets right gradients, or is refused where that is"
                  + " declared.",
              "a statistic over the minibatch, or an axis of size 1 that is squeezed away",
              LayerGradients::singleExample),
          Definition.<LayerSubject>check(
                  "gradients.notVacuous",
                  "Neither the gradient of a parameter nor that of the input is 0 everywhere.",
                  "the output does not depend on it, or both passes forget it; a parameter that is a"
                      + " running state is declared by .state(key, oracle)",
                  LayerGradients::notVacuous)
              .unless(LayerGradients::hasNothingTrained),
          Definition.<LayerSubject>check(
                  "gradients.sharedInput",
                  "Gradients are right though another reader changes the input after this layer.",
                  "in a ComputationGraph the last reader may work in place: keep a copy of what the"
                      + " layer read, workspaces.dup(ArrayType.INPUT, input), also in inference; DL4J's"
                      + " own layers do not",
                  LayerGradients::sharedInput)
              .unless(LayerGradients::takesIndices),
          Definition.check(
              "gradients.inputLayout",
              "The input may lie in memory in any way.",
              "the array is read without regard to its order, its offset or its strides",
              GradientArrays::inputLayout),
          Definition.check(
              "gradients.epsilonLayout",
              "The error from above may lie in memory in any way.",
              "the array is read without regard to its order, its offset or its strides",
              GradientArrays::epsilonLayout),
          Definition.check(
              "gradients.linear",
              "Gradients are as large as the error from above is.",
              "gradients are clipped or rounded, which is for the network's settings to do",
              GradientArrays::linear),
          Definition.<LayerSubject>check(
                  "gradients.finite",
                  "Large, small and constant inputs give finite numbers.",
                  "an overflow, or a division by something that may be 0",
                  GradientArrays::finite)
              .unless(LayerGradients::takesIndices),
          Definition.check(
              "gradients.shapeAndType",
              "Outputs and gradients have the network's data type, gradients the shapes of what"
                  + " they belong to.",
              "an array of ND4J's default type, or an axis of size 1 that is squeezed away",
              GradientArrays::shapeAndType),
          Definition.<LayerSubject>check(
                  "gradients.regularised",
                  "L1, L2 and weight decay take part once: in the score and in the step.",
                  "the layer adds to its gradient what the updater adds too, or regularises what"
                      + " is not a weight",
                  GradientSettings::regularised)
              .unless(LayerGradients::hasNoTrainedParameters),
          Definition.check(
              "gradients.frozen",
              "A frozen layer does not change, and passes the right error down.",
              "something moves in a forward pass in inference, or in any backward pass",
              GradientSettings::frozen));

  private LayerGradients() {}

  private static String hasNothingTrained(LayerSubject subject) {
    return subject.takesIndices() ? hasNoTrainedParameters(subject) : null;
  }

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

  private static void singleExample(LayerSubject subject, Trial trial) {
    trial.at("%s, %s", Site.FIRST, LayerSubject.examples(1));
    Rig rig = Rig.of(subject, Site.FIRST);
    if (subject.supports(Feature.SINGLE_EXAMPLE)) {
      compare(subject, trial, rig, 1, Part.ALL);
    } else {
      trial.requireRefusal(
          Feature.SINGLE_EXAMPLE,
          "a training minibatch of one example",
          () -> rig.train(subject, 1, 1, false, trial));
    }
  }

  /** In one of a few draws: where all units of ReLU are off, 0 is right. */
  private static void notVacuous(LayerSubject subject, Trial trial) {
    Finding last = null;
    for (int draw = 0; draw < 4; draw++) {
      try {
        notVacuous(subject, trial, trial.random("input", draw));
        return;
      } catch (Finding finding) {
        last = finding;
      }
    }
    throw last;
  }

  private static void notVacuous(LayerSubject subject, Trial trial, Random random) {
    Rig rig = Rig.of(subject, Site.FIRST);
    trial.at("%s, %s", Site.FIRST, LayerSubject.examples(8));
    INDArray out = rig.forward(subject.input(8, random), null, true);
    Gradients gradients = rig.backward(LayerSubject.normal(random, out.shape()));
    for (String key : subject.trainedKeys()) {
      INDArray gradient = gradients.checked().get(key);
      trial.require(
          gradient != null && !isZero(gradient), "the gradient of %s is 0 everywhere", key);
    }
    trial.require(
        subject.takesIndices() || gradients.input() != null && !isZero(gradients.input()),
        "the gradient of the input is 0 everywhere");
  }

  static boolean isZero(INDArray x) {
    return Arrays.stream(Slopes.elements(x)).allMatch(each -> each == 0);
  }

  /** The rig has the reader behind the layer, and before it, where the layer may work in place. */
  private static void sharedInput(LayerSubject subject, Trial trial) {
    everywhere(subject, trial, Site.GRAPH_SHARED);
    everywhere(subject, trial, Site.GRAPH_SHARED_LAST);
    if (subject.supports(Feature.FROZEN) && subject.supports(Feature.BACKWARD_AFTER_INFERENCE)) {
      frozen(subject, trial);
    }
  }

  /**
   * A frozen layer goes back after a pass in inference; if that is wrong by itself, others say so.
   */
  private static void frozen(LayerSubject subject, Trial trial) {
    try {
      GradientSettings.passesDown(subject, trial, Site.GRAPH_ABOVE);
    } catch (Finding finding) {
      trial.note(
          "it passes down a wrong error when nothing changes its input: see gradients.frozen");
      return;
    }
    GradientSettings.passesDown(subject, trial, Site.GRAPH_SHARED);
  }

  // How

  /** What is compared. */
  enum Part {
    PARAMETERS,
    INPUT,
    ALL,
    /** What is passed down: the input, and the parameters of the layer below. */
    DOWN;

    boolean hasParameters() {
      return this == PARAMETERS || this == ALL;
    }

    boolean hasInput() {
      return this != PARAMETERS;
    }
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
    Slopes.compare(
        trial,
        draw -> {
          Random random = trial.random(rig.getClass(), n, draw);
          INDArray x = subject.input(n, random);
          INDArray mask = masked ? subject.mask(n, random) : null;
          compareAt(subject, trial, rig, x, mask, training, part);
        });
  }

  /** Compares gradients at an input, which is moved and put back, with slopes. */
  static void compareAt(
      LayerSubject subject,
      Trial trial,
      Rig rig,
      INDArray x,
      INDArray mask,
      boolean training,
      Part part)
      throws Slopes.Kink {
    INDArray out = rig.forward(x, mask, training);
    INDArray epsilon = LayerSubject.normal(trial.random("epsilon"), out.shape());
    Gradients gradients = rig.backward(epsilon.dup());
    DoubleSupplier loss = () -> sum(rig.forward(x, mask, training), epsilon);
    double scale = absoluteSum(out, epsilon);
    if (part.hasParameters()) {
      compareParameters(trial, rig, gradients, subject.trainedKeys(), loss, scale);
    }
    if (part != Part.INPUT) {
      compareBelow(trial, rig, gradients, loss, scale);
    }
    if (part.hasInput() && !subject.takesIndices()) {
      trial.require(gradients.input() != null, "no error is passed down to the input");
      Slopes.require(trial, "input", x, gradients.input(), loss, scale);
    }
  }

  private static void compareParameters(
      Trial trial,
      Rig rig,
      Gradients gradients,
      List<String> keys,
      DoubleSupplier loss,
      double scale)
      throws Slopes.Kink {
    for (String key : keys) {
      INDArray byHand = gradients.checked().get(key);
      trial.require(byHand != null, "there is no gradient for parameter %s", key);
      Slopes.require(trial, key, rig.parameters().get(key), byHand, loss, scale);
    }
  }

  private static void compareBelow(
      Trial trial, Rig rig, Gradients gradients, DoubleSupplier loss, double scale)
      throws Slopes.Kink {
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
