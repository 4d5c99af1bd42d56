package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * What a loss says of a minibatch.
 *
 * @param sum of the losses of all examples
 * @param array the loss of each example
 * @param gradient with respect to the logits
 */
record LossValues(double sum, INDArray array, INDArray gradient) {

  static final double EXACT = 1e-12; // two ways to the same number in double

  /** A method of a loss. */
  record Call(String name, Body body) {

    interface Body {
      Object on(ILossFunction loss, LossInput in, IActivation activation);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** All methods that compute something. */
  static final List<Call> CALLS =
      List.of(
          new Call(
              "computeScore",
              (loss, in, f) -> loss.computeScore(in.labels(), in.logits(), f, in.mask(), false)),
          new Call(
              "computeScoreArray",
              (loss, in, f) -> loss.computeScoreArray(in.labels(), in.logits(), f, in.mask())),
          new Call(
              "computeGradient",
              (loss, in, f) -> loss.computeGradient(in.labels(), in.logits(), f, in.mask())),
          new Call(
              "computeGradientAndScore",
              (loss, in, f) ->
                  loss.computeGradientAndScore(in.labels(), in.logits(), f, in.mask(), false)));

  /** Computes all of it, each part from a copy. */
  static LossValues of(LossSubject subject, ILossFunction loss, LossInput in) {
    return of(subject, loss, in::copy);
  }

  /**
   * Computes all of it.
   *
   * @param in makes a new minibatch on each call, because the loss might change it
   */
  static LossValues of(LossSubject subject, ILossFunction loss, Supplier<LossInput> in) {
    IActivation f = subject.activation();
    return new LossValues(
        (Double) CALLS.get(0).body().on(loss, in.get(), f),
        (INDArray) CALLS.get(1).body().on(loss, in.get(), f),
        (INDArray) CALLS.get(2).body().on(loss, in.get(), f));
  }

  /** The sum of the losses alone. */
  static double sum(LossSubject subject, ILossFunction loss, LossInput in) {
    return (Double) CALLS.get(0).body().on(loss, in.copy(), subject.activation());
  }

  /** The size of the terms of the sum. */
  double scale() {
    return Arrays.stream(Slopes.elements(array)).map(Math::abs).sum();
  }

  /**
   * Requires that this is what it is elsewhere.
   *
   * @param where in words, such as "without a mask"
   * @param tolerance relative to the largest
   */
  void requireSame(Trial trial, LossValues expected, String where, double tolerance) {
    requireClose(
        trial, "the score", sum, where, expected.sum, tolerance * Math.max(1, expected.scale()));
    Same.require(trial, "the score array", array, where, expected.array, tolerance);
    Same.require(trial, "the gradient", gradient, where, expected.gradient, tolerance);
  }

  static void requireClose(
      Trial trial, String what, double actual, String where, double expected, double error) {
    trial.require(
        Math.abs(actual - expected) <= error, "%s is %s, %s %s", what, actual, where, expected);
  }
}
