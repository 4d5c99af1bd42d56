package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.backpropninja.check.LossConformance.Masks;
import org.backpropninja.check.LossSubject.Case;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** A loss by itself, with masks. */
final class LossMasks {

  static final List<Definition<LossSubject>> CHECKS =
      List.of(
          Definition.<LossSubject>check(
                  "loss.masks",
                  "A mask of ones is none; an example that is left out gives nothing and gets"
                      + " nothing; weights multiply.",
                  "the mask is applied to the score or to the gradient only, not at all, or to the next"
                      + " minibatch too",
                  LossMasks::masks)
              .unless(LossMasks::takesNone),
          Definition.<LossSubject>check(
                  "loss.maskedNaN",
                  "NaN in an example that is left out makes no difference.",
                  "the mask is multiplied, and 0·NaN is NaN: leave masked rows out, or put zeros in"
                      + " their place",
                  LossMasks::maskedNaN)
              .unless(LossMasks::takesNone)
              .unless(
                  subject ->
                      subject.masks().contains(Masks.EXAMPLES)
                          ? null
                          : "no mask of examples declared, by .masks(EXAMPLES)"));

  private LossMasks() {}

  private static String takesNone(LossSubject subject) {
    return subject.masks().isEmpty() ? "no masks declared, by .masks(…)" : null;
  }

  private static void masks(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.masked(subject.masks(), 3, 32)) {
      LossInput in = subject.draw(each, trial.random(each));
      trial.at("%s, all ones", each);
      LossValues without = LossValues.of(subject, loss, in.withMask(null));
      LossValues.of(subject, loss, in.withMask(Nd4j.onesLike(in.mask())))
          .requireSame(trial, without, "without a mask", LossValues.EXACT);
      trial.at("%s", each);
      if (each.mask() == Masks.WEIGHTS) {
        requireWeighted(trial, LossValues.of(subject, loss, in), without, in.mask());
      } else {
        LossInput left = in.withMask(oneRowLeftOut(in.mask()));
        Random random = trial.random(each, "others");
        LossInput other = subject.draw(each, random);
        requireLeftOut(subject, trial, loss, left, other);
      }
      trial.at("%s, and then without it", each);
      LossValues.of(subject, loss, in.withMask(null))
          .requireSame(trial, without, "before there was a mask", LossValues.EXACT);
    }
  }

  private static void requireWeighted(
      Trial trial, LossValues values, LossValues without, INDArray weights) {
    INDArray array = without.array().mul(weights);
    new LossValues(array.sumNumber().doubleValue(), array, without.gradient().mul(weights))
        .requireSame(trial, values, "with the mask and, as weights times what it is without", 1e-9);
  }

  /** The mask with zeros in its second row, so that one row at least is left out. */
  private static INDArray oneRowLeftOut(INDArray mask) {
    INDArray left = mask.dup();
    left.getRow(1).assign(0);
    return left;
  }

  /** What stands in the second row makes no difference, and the row gets nothing. */
  private static void requireLeftOut(
      LossSubject subject, Trial trial, ILossFunction loss, LossInput in, LossInput other) {
    LossValues values = LossValues.of(subject, loss, in);
    requireZero(trial, "the score array", values.array());
    requireZero(trial, "the gradient", values.gradient());
    LossInput changed = in.copy();
    changed.logits().getRow(1).assign(other.logits().getRow(1));
    changed.labels().getRow(1).assign(other.labels().getRow(1));
    LossValues.of(subject, loss, changed)
        .requireSame(
            trial, values, "before the example that is left out was changed", LossValues.EXACT);
  }

  private static void requireZero(Trial trial, String what, INDArray x) {
    double[] row = Slopes.elements(x.getRow(1));
    trial.require(
        Arrays.stream(row).allMatch(each -> each == 0),
        "%s of the example that is left out is %s, not 0",
        what,
        Arrays.toString(row));
  }

  private static void maskedNaN(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.masked(Set.of(Masks.EXAMPLES), 3)) {
      LossInput drawn = subject.draw(each, trial.random(each));
      LossInput in = drawn.withMask(oneRowLeftOut(drawn.mask()));
      LossValues expected = LossValues.of(subject, loss, in);
      trial.at("%s, NaN as logits", each);
      LossValues.of(subject, loss, in.withLogits(withNaN(in.logits())))
          .requireSame(trial, expected, "without NaN", LossValues.EXACT);
      trial.at("%s, NaN as labels", each);
      LossValues.of(subject, loss, in.withLabels(withNaN(in.labels())))
          .requireSame(trial, expected, "without NaN", LossValues.EXACT);
    }
  }

  private static INDArray withNaN(INDArray x) {
    INDArray changed = x.dup();
    changed.getRow(1).assign(Double.NaN);
    return changed;
  }
}
