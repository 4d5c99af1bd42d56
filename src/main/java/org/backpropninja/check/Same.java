package org.backpropninja.check;

import java.util.Arrays;
import java.util.Map;
import org.backpropninja.check.Rig.Gradients;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Numbers that have to be the same, but for rounding. */
final class Same {

  private Same() {}

  /**
   * Requires that two arrays are the same.
   *
   * @param name of what they hold, for the message
   * @param than what it has to be the same as, for the message
   */
  static void require(Trial trial, String name, INDArray actual, String than, INDArray expected) {
    trial.require(
        Arrays.equals(expected.shape(), actual.shape()),
        "%s has shape %s, not %s",
        name,
        Arrays.toString(actual.shape()),
        Arrays.toString(expected.shape()));
    double[] a = Slopes.elements(actual);
    double[] e = Slopes.elements(expected);
    double tolerance = tolerance(expected.dataType()) * largest(e);
    int worst = -1;
    int wrong = 0;
    for (int k = 0; k < a.length; k++) {
      if (!(Math.abs(a[k] - e[k]) <= tolerance)) {
        wrong++;
        worst = worst < 0 || !(Math.abs(a[k] - e[k]) <= Math.abs(a[worst] - e[worst])) ? k : worst;
      }
    }
    trial.require(
        wrong == 0,
        "%s%s is %s, but %s %s; %d of %d elements differ",
        name,
        worst < 0 ? "" : Slopes.index(expected.shape(), worst),
        worst < 0 ? 0 : a[worst],
        than,
        worst < 0 ? 0 : e[worst],
        wrong,
        a.length);
  }

  /** Requires that all gradients of the layer's parameters and of its input are the same. */
  static void require(Trial trial, Gradients actual, String than, Gradients expected) {
    for (Map.Entry<String, INDArray> each : expected.checked().entrySet()) {
      INDArray gradient = actual.checked().get(each.getKey());
      trial.require(gradient != null, "there is no gradient for parameter %s", each.getKey());
      require(trial, "the gradient of " + each.getKey(), gradient, than, each.getValue());
    }
    if (expected.input() != null) {
      trial.require(actual.input() != null, "no error is passed down to the input");
      require(trial, "the gradient of the input", actual.input(), than, expected.input());
    }
  }

  private static double tolerance(DataType type) {
    return type == DataType.DOUBLE ? 1e-9 : 1e-4;
  }

  /** The largest that is finite, or 1 if all are 0. */
  private static double largest(double[] values) {
    double largest = Arrays.stream(values).map(Math::abs).filter(Double::isFinite).max().orElse(0);
    return largest == 0 ? 1 : largest;
  }
}
