package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.backpropninja.check.LossSubject.Case;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** The numbers of a loss by itself. */
final class LossChecks {

  private static final double SHIFTED = 1e-9; // logits lose digits where a number is added
  private static final double LARGE = 1000;

  static final List<Definition<LossSubject>> CHECKS =
      List.of(
          Definition.check(
              "loss.scoreIsSum",
              "The score is the sum of the score array [n, 1], and their mean that divided by n.",
              "a divisor or weight that only one of computeScore and computeScoreArray has",
              LossChecks::scoreIsSum),
          Definition.check(
              "loss.gradient",
              "The gradient is the slope of the score.",
              "a term or factor in computeGradient",
              LossChecks::gradient),
          Definition.check(
              "loss.gradientAndScore",
              "computeGradientAndScore gives what computeGradient and computeScore give.",
              "a second formula in computeGradientAndScore, or average that is handed on wrong",
              LossChecks::gradientAndScore),
          Definition.check(
              "loss.largeLogits",
              "At logits of ±1000 all is finite, and the gradient is still the slope.",
              "exp overflows, log is taken of 0, or one of score and gradient is clipped: subtract the"
                  + " largest logit first",
              LossChecks::largeLogits),
          Definition.<LossSubject>check(
                  "loss.shiftInvariance",
                  "A number added to all logits of an example changes nothing.",
                  "the largest logit is not subtracted from all, or the gradient of a row does not"
                      + " sum to 0",
                  LossChecks::shiftInvariance)
              .unless(
                  subject ->
                      subject.shiftInvariant() ? null : "not declared, by .shiftInvariant()"));

  private LossChecks() {}

  private static void scoreIsSum(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.cases(1, 2, 3, 32)) {
      trial.at("%s", each);
      LossInput in = subject.draw(each, trial.random(each));
      LossValues values = LossValues.of(subject, loss, in);
      trial.require(
          Arrays.equals(values.array().shape(), new long[] {each.n(), 1}),
          "the score array has shape %s, not [%d, 1]",
          Arrays.toString(values.array().shape()),
          each.n());
      double sum = Arrays.stream(Slopes.elements(values.array())).sum();
      double error = LossValues.EXACT * Math.max(1, values.scale());
      LossValues.requireClose(
          trial, "the score", values.sum(), "the sum of the score array", sum, error);
      if (each.mask() == null) { // what a mean over masked examples divides by differs
        LossInput copy = in.copy();
        double mean =
            loss.computeScore(copy.labels(), copy.logits(), subject.activation(), null, true);
        LossValues.requireClose(
            trial, "the mean score", mean, "the sum divided by n", sum / each.n(), error);
      }
    }
  }

  private static void gradient(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    requireGradient(subject, trial, loss);
    for (Case each : subject.cases(32, 1, 3, 2)) {
      trial.at("%s", each);
      requireSlope(subject, trial, loss, each, UnaryOperator.identity());
    }
  }

  /** A loss of nothing is right everywhere; with one class softmax is such a loss. */
  private static void requireGradient(LossSubject subject, Trial trial, ILossFunction loss) {
    for (Case each : subject.unmasked(32)) {
      trial.at("%s", each);
      double[] gradient =
          Slopes.elements(
              LossValues.of(subject, loss, subject.draw(each, trial.random(each))).gradient());
      trial.require(
          subject.classes() == 1 || Arrays.stream(gradient).anyMatch(one -> one != 0),
          "the gradient is 0 everywhere");
    }
  }

  /** Compares the gradient with slopes; draws logits again where they are at a kink. */
  private static void requireSlope(
      LossSubject subject, Trial trial, ILossFunction loss, Case kind, UnaryOperator<INDArray> to) {
    Slopes.compare(
        trial,
        draw -> {
          LossInput drawn = subject.draw(kind, trial.random(kind, draw));
          LossInput in = drawn.withLogits(to.apply(drawn.logits()));
          LossValues values = LossValues.of(subject, loss, in);
          Slopes.require(
              trial,
              "logits",
              in.logits(),
              values.gradient(),
              () -> LossValues.sum(subject, loss, in),
              values.scale());
        });
  }

  private static void gradientAndScore(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    IActivation f = subject.activation();
    for (Case each : subject.cases(1, 3)) {
      LossInput in = subject.draw(each, trial.random(each));
      for (boolean average : new boolean[] {false, true}) {
        trial.at("%s, average = %s", each, average);
        LossInput one = in.copy();
        Pair<Double, INDArray> both =
            loss.computeGradientAndScore(one.labels(), one.logits(), f, one.mask(), average);
        LossInput two = in.copy();
        double score = loss.computeScore(two.labels(), two.logits(), f, two.mask(), average);
        LossInput three = in.copy();
        INDArray gradient = loss.computeGradient(three.labels(), three.logits(), f, three.mask());
        LossValues.requireClose(
            trial,
            "the score",
            both.getFirst(),
            "by computeScore",
            score,
            LossValues.EXACT * Math.max(1, Math.abs(score)));
        Same.require(
            trial,
            "the gradient",
            both.getSecond(),
            "by computeGradient",
            gradient,
            LossValues.EXACT);
      }
    }
  }

  private static void largeLogits(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.unmasked(3)) {
      for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
        trial.at("%s, %s logits of ±1000", each, type);
        LossInput in = subject.draw(each, trial.random(each, 0));
        INDArray logits = LayerSubject.cast(large(in.logits()), type);
        LossValues values = LossValues.of(subject, loss, in.withLogits(logits));
        trial.require(Double.isFinite(values.sum()), "the score is %s", values.sum());
        trial.require(isFinite(values.array()), "the score array is not finite");
        trial.require(isFinite(values.gradient()), "the gradient is not finite");
      }
      requireSlope(subject, trial, loss, each, LossChecks::large);
    }
  }

  private static INDArray large(INDArray logits) {
    double[] values = Slopes.elements(logits);
    return Nd4j.create(
        Arrays.stream(values).map(each -> each + Math.signum(each) * LARGE).toArray(),
        logits.shape(),
        'c');
  }

  private static boolean isFinite(INDArray x) {
    return Arrays.stream(Slopes.elements(x)).allMatch(Double::isFinite);
  }

  private static void shiftInvariance(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.cases(3)) {
      LossInput in = subject.draw(each, trial.random(each));
      LossValues expected = LossValues.of(subject, loss, in);
      for (double by : new double[] {3, -20, LARGE}) {
        trial.at("%s, logits + %s", each, by);
        LossValues.of(subject, loss, in.withLogits(in.logits().add(by)))
            .requireSame(trial, expected, "without it", SHIFTED);
      }
    }
  }
}
