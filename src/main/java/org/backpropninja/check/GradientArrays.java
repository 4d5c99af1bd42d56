package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.backpropninja.check.LayerGradients.Part;
import org.backpropninja.check.Layout.Placed;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Gradients of arrays that are not like those of other checks: their memory, type and size. */
final class GradientArrays {

  private static final int EXAMPLES = 3;

  private GradientArrays() {}

  // Layouts

  /** Slopes for gradients, because chance may hit other elements in another layout. */
  static void inputLayout(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      Rig rig = rig(subject, site);
      for (Layout layout : Layout.values()) {
        trial.at("%s, the input %s", site, layout);
        LayerGradients.compare(
            trial, random -> inputLayout(subject, trial, rig, layout, random), "layout");
      }
    }
  }

  private static void inputLayout(
      LayerSubject subject, Trial trial, Rig rig, Layout layout, Random random) throws Slopes.Kink {
    INDArray x = subject.input(EXAMPLES, random);
    Placed placed = layout.place(x);
    INDArray expected = rig.forward(x, null, false);
    Same.require(
        trial,
        "the output in inference",
        rig.forward(placed.view(), null, false),
        "of a plain copy",
        expected);
    LayerGradients.compareAt(subject, trial, rig, placed.view(), null, true, Part.ALL);
    requireUntouched(trial, placed);
  }

  static void epsilonLayout(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      INDArray x = subject.input(EXAMPLES, trial.random("layout"));
      Gradients expected = gradients(subject, trial, site, x, Layout.ROW_MAJOR);
      for (Layout layout : Layout.values()) {
        trial.at("%s, the error from above %s", site, layout);
        Same.require(
            trial, gradients(subject, trial, site, x, layout), "for a plain copy", expected);
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
    requireFinite(trial, "the output", out);
    requireFinite(trial, rig.backward(LayerSubject.normal(trial.random("epsilon"), out.shape())));
  }

  static void requireFinite(Trial trial, Gradients gradients) {
    gradients
        .checked()
        .forEach((key, each) -> requireFinite(trial, "the gradient of " + key, each));
    if (gradients.input() != null) {
      requireFinite(trial, "the gradient of the input", gradients.input());
    }
  }

  static void requireFinite(Trial trial, String name, INDArray x) {
    double[] values = Slopes.elements(x);
    for (int k = 0; k < values.length; k++) {
      trial.require(
          Double.isFinite(values[k]), "%s%s is %s", name, Slopes.index(x.shape(), k), values[k]);
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
    require(trial, "the output", out, out.shape(), type);
    INDArray epsilon = LayerSubject.normal(trial.random("epsilon"), out.shape());
    Gradients gradients = rig.backward(LayerSubject.cast(epsilon, type));
    rig.parameters()
        .forEach(
            (key, parameter) -> {
              INDArray gradient = gradients.checked().get(key);
              if (gradient != null) {
                require(trial, "the gradient of " + key, gradient, parameter.shape(), type);
              }
            });
    if (!subject.takesIndices()) {
      trial.require(gradients.input() != null, "no error is passed down to the input");
      require(trial, "the gradient of the input", gradients.input(), x.shape(), type);
    }
  }

  private static void require(
      Trial trial, String name, INDArray array, long[] shape, DataType type) {
    trial.require(
        array.dataType() == type, "%s is %s, it has to be %s", name, array.dataType(), type);
    trial.require(
        Arrays.equals(array.shape(), shape),
        "%s has shape %s, not %s",
        name,
        Arrays.toString(array.shape()),
        Arrays.toString(shape));
  }
}
