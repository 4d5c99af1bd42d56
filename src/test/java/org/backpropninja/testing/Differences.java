package org.backpropninja.testing;

import java.util.function.DoubleSupplier;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Central differences: the slope of a function as its values tell it. */
public final class Differences {

  private Differences() {}

  /**
   * The central differences of a value with respect to each element of an array.
   *
   * @param x what is moved, one element at a time, and put back
   * @param value what is computed from x
   * @param step how far x is moved to either side
   * @return as many as x has elements, row by row
   */
  public static double[] of(INDArray x, DoubleSupplier value, double step) {
    double[] elements = elements(x);
    double[] slopes = new double[elements.length];
    for (int k = 0; k < elements.length; k++) {
      double right = moved(x, elements, k, step, value);
      double left = moved(x, elements, k, -step, value);
      slopes[k] = (right - left) / (2 * step);
    }
    assign(x, elements);
    return slopes;
  }

  /**
   * The central difference along one direction, for where one for each element would take too long:
   * a gradient that is wrong anywhere is wrong along a random direction.
   *
   * @param x what is moved, all elements at once, and put back
   * @param direction as many as x has elements, row by row
   * @param value what is computed from x
   * @param step x is moved by that many directions to either side
   */
  public static double along(INDArray x, double[] direction, DoubleSupplier value, double step) {
    double[] elements = elements(x);
    double right = moved(x, elements, direction, step, value);
    double left = moved(x, elements, direction, -step, value);
    assign(x, elements);
    return (right - left) / (2 * step);
  }

  private static double moved(
      INDArray x, double[] elements, double[] direction, double by, DoubleSupplier value) {
    double[] there = elements.clone();
    for (int k = 0; k < there.length; k++) {
      there[k] += by * direction[k];
    }
    assign(x, there);
    return value.getAsDouble();
  }

  private static double moved(
      INDArray x, double[] elements, int at, double by, DoubleSupplier value) {
    double[] there = elements.clone();
    there[at] += by;
    assign(x, there);
    return value.getAsDouble();
  }

  private static void assign(INDArray x, double[] elements) {
    x.assign(Nd4j.create(elements, x.shape(), 'c'));
  }

  /** A copy of the elements, row by row. */
  public static double[] elements(INDArray x) {
    return x.dup('c').data().asDouble();
  }
}
