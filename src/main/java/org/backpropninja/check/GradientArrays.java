package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.backpropninja.check.Layout.Placed;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Gradients of arrays that are not like those of other checks: their memory, type and size. */
final class GradientArrays {

  private static final int EXAMPLES = 3;

  private GradientArrays() {}

  // Layouts

  static void inputLayout(LayerSubject subject, Trial trial) {
    INDArray x = subject.input(EXAMPLES, trial.random("layout"));
    boolean hasChance = hasChance(subject, x);
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      Passes expected = Passes.of(subject, trial, site, x, Layout.ROW_MAJOR);
      for (Layout layout : Layout.values()) {
        trial.at("%s, the input %s", site, layout);
        Passes got = Passes.of(subject, trial, site, x, layout);
        Same.require(trial, "the output in inference", got.inference, expected.inference);
        if (!hasChance) { // which may hit other elements in another layout
          Same.require(trial, "the output in training", got.training, expected.training);
          requireClose(trial, got.gradients, expected.gradients, Same.ROUNDING);
        }
      }
    }
  }

  private static boolean hasChance(LayerSubject subject, INDArray x) {
    Rig rig = Rig.of(subject, Site.FIRST);
    Nd4j.getRandom().setSeed(1);
    INDArray first = rig.activate(x.dup(), null, true).dup();
    Nd4j.getRandom().setSeed(2);
    return !first.equals(rig.activate(x.dup(), null, true));
  }

  /** What a network gives for an input; each pass gets one of its own, as it may work in place. */
  private record Passes(INDArray inference, INDArray training, Gradients gradients) {

    static Passes of(LayerSubject subject, Trial trial, Site site, INDArray x, Layout layout) {
      Rig rig = rig(subject, site);
      Placed placed = layout.place(x);
      INDArray inference = rig.forward(placed.view(), null, false);
      requireUntouched(trial, placed);
      placed = layout.place(x);
      INDArray training = rig.forward(placed.view(), null, true);
      Gradients gradients =
          rig.backward(LayerSubject.normal(trial.random("epsilon"), training.shape()));
      requireUntouched(trial, placed);
      return new Passes(inference, training, gradients);
    }
  }

  /** Requires that all gradients of the layer's parameters and of its input are the same. */
  static void requireClose(Trial trial, Gradients got, Gradients expected, double tolerance) {
    expected
        .checked()
        .forEach(
            (key, right) -> {
              INDArray gradient = got.checked().get(key);
              trial.require(gradient != null, "there is no gradient for parameter %s", key);
              Same.require(trial, "the gradient of " + key, gradient, "expected", right, tolerance);
            });
    if (expected.input() != null) {
      trial.require(got.input() != null, "no error is passed down to the input");
      Same.require(
          trial, "the gradient of the input", got.input(), "expected", expected.input(), tolerance);
    }
  }

  static void epsilonLayout(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      INDArray x = subject.input(EXAMPLES, trial.random("layout"));
      Gradients expected = gradients(subject, trial, site, x, Layout.ROW_MAJOR);
      for (Layout layout : Layout.values()) {
        trial.at("%s, the error from above %s", site, layout);
        Gradients got = gradients(subject, trial, site, x, layout);
        requireClose(trial, got, expected, Same.ROUNDING);
      }
    }
  }

  private static Gradients gradients(
      LayerSubject subject, Trial trial, Site site, INDArray x, Layout layout) {
    Rig rig = rig(subject, site);
    INDArray out = rig.forward(x, null, true);
    Placed placed = layout.place(LayerSubject.normal(trial.random("epsilon"), out.shape()));
    Gradients gradients = rig.backward(placed.view());
    requireUntouched(trial, placed);
    return gradients;
  }

  // Sizes of errors

  static void linear(LayerSubject subject, Trial trial) {
    INDArray x = subject.input(EXAMPLES, trial.random("input"));
    Gradients expected = gradients(subject, trial, x, 1);
    for (double factor : new double[] {1e4, 1e-6}) {
      trial.at("%s, the error from above times %s, gradients divided by it", Site.FIRST, factor);
      requireClose(trial, gradients(subject, trial, x, factor), expected, Same.ROUNDING);
    }
  }

  /** Those for an error that is multiplied by a factor, divided by it. */
  private static Gradients gradients(LayerSubject subject, Trial trial, INDArray x, double factor) {
    Rig rig = Rig.of(subject, Site.FIRST);
    INDArray out = rig.forward(x, null, true);
    INDArray epsilon = LayerSubject.normal(trial.random("epsilon"), out.shape());
    Gradients gradients = rig.backward(epsilon.muli(factor));
    gradients.checked().replaceAll((key, each) -> each.div(factor));
    INDArray input = gradients.input();
    return new Gradients(
        gradients.checked(), gradients.below(), input == null ? null : input.div(factor));
  }

  // Networks

  private static Rig rig(LayerSubject subject, Site site) {
    Rig rig = Rig.of(subject, site);
    rig.passOnViews();
    return rig;
  }

  private static void requireUntouched(Trial trial, Placed placed) {
    trial.require(placed.isUntouchedAround(), "elements around the view are changed");
  }

  // Sizes of numbers

  static void finite(LayerSubject subject, Trial trial) {
    Map<String, UnaryOperator<INDArray>> inputs =
        Map.of(
            "inputs of about 1000", x -> x.muli(1e3),
            "inputs of about 0.001", x -> x.muli(1e-3),
            "inputs of 0", x -> x.muli(0),
            "the same example each time", GradientArrays::firstExample);
    inputs.forEach(
        (words, change) -> {
          trial.at("%s, %s", Site.FIRST, words);
          INDArray x = change.apply(subject.input(EXAMPLES, trial.random("input")));
          finite(trial, Rig.of(subject, Site.FIRST), x);
        });
  }

  private static INDArray firstExample(INDArray x) {
    for (long example = 1; example < x.size(0); example++) {
      x.slice(example).assign(x.slice(0));
    }
    return x;
  }

  private static void finite(Trial trial, Rig rig, INDArray x) {
    INDArray out = rig.forward(x, null, true);
    Same.finite(trial, "the output", out);
    requireFinite(trial, rig.backward(LayerSubject.normal(trial.random("epsilon"), out.shape())));
  }

  static void requireFinite(Trial trial, Gradients gradients) {
    gradients.checked().forEach((key, each) -> Same.finite(trial, "the gradient of " + key, each));
    if (gradients.input() != null) {
      Same.finite(trial, "the gradient of the input", gradients.input());
    }
  }

  // Shapes and types

  static void shapeAndType(LayerSubject subject, Trial trial) {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      if (type == DataType.DOUBLE || subject.supports(Feature.FLOAT)) {
        Rig rig = Rig.of(subject, Site.FIRST, type, layer -> layer, settings -> {});
        for (int n : subject.minibatchSizes(EXAMPLES, 1)) {
          trial.at("a %s network, %s", type, LayerSubject.examples(n));
          shapeAndType(subject, trial, rig, n, type);
        }
      }
    }
  }

  private static void shapeAndType(
      LayerSubject subject, Trial trial, Rig rig, int n, DataType type) {
    INDArray x = LayerSubject.cast(subject.input(n, trial.random("input")), type);
    INDArray out = rig.forward(x, null, true);
    requireType(trial, "the output", out, type);
    INDArray epsilon = LayerSubject.normal(trial.random("epsilon"), out.shape());
    Gradients gradients = rig.backward(LayerSubject.cast(epsilon, type));
    for (String key : gradients.checked().keySet()) {
      String name = "the gradient of " + key;
      INDArray gradient = gradients.checked().get(key);
      requireType(trial, name, gradient, type);
      requireShape(trial, name, gradient, rig.parameters().get(key));
    }
    if (!subject.takesIndices()) {
      trial.require(gradients.input() != null, "no error is passed down to the input");
      requireType(trial, "the gradient of the input", gradients.input(), type);
      requireShape(trial, "the gradient of the input", gradients.input(), x);
      trial.require(
          gradients.input().rank() == x.rank(),
          "the gradient of the input has %d axes, not %d",
          gradients.input().rank(),
          x.rank());
    }
  }

  private static void requireType(Trial trial, String name, INDArray array, DataType type) {
    trial.require(
        array.dataType() == type, "%s is %s, it has to be %s", name, array.dataType(), type);
  }

  private static void requireShape(Trial trial, String name, INDArray got, INDArray expected) {
    trial.require(
        Slopes.haveSameShape(got, expected),
        "%s has shape %s, not %s",
        name,
        Arrays.toString(got.shape()),
        Arrays.toString(expected.shape()));
  }
}
