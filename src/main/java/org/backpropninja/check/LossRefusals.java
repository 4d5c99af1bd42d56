package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import org.backpropninja.check.LossConformance.LabelSource;
import org.backpropninja.check.LossSubject.Case;
import org.backpropninja.check.LossValues.Call;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** What a loss does not take is refused, by each of its methods. */
final class LossRefusals {

  static final List<Definition<LossSubject>> CHECKS =
      List.of(
          Definition.<LossSubject>check(
                  "loss.badLabels",
                  "Labels that are declared to be refused are, by each method.",
                  "labels are not checked, or by one method only",
                  LossRefusals::badLabels)
              .unless(
                  subject ->
                      subject.refusedLabels().isEmpty()
                          ? "no such labels declared, by .refusesLabels(…)"
                          : null),
          Definition.check(
              "loss.badShapes",
              "Labels with another number of rows or columns are refused by each method.",
              "shapes are not checked, and ND4J broadcasts",
              LossRefusals::badShapes),
          Definition.<LossSubject>check(
                  "loss.refusedMasks",
                  "Masks that are declared to be refused are, by each method.",
                  "the mask's shape or values are not checked, or by one method only",
                  LossRefusals::refusedMasks)
              .unless(
                  subject ->
                      subject.refusedMasks().isEmpty()
                          ? "no such masks declared, by .refusesMasks(…)"
                          : null));

  private LossRefusals() {}

  private static void badLabels(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    subject
        .refusedLabels()
        .forEach(
            (what, labels) -> {
              LossInput in = subject.draw(new Case(labels, 3, null), trial.random(what));
              requireRefusal(subject, trial, loss, in, what);
            });
  }

  /** Requires that each method refuses an input. */
  private static void requireRefusal(
      LossSubject subject, Trial trial, ILossFunction loss, LossInput in, String what) {
    for (Call call : LossValues.CALLS) {
      trial.requireRefusal(
          "%s, given to %s,".formatted(what, call),
          () -> call.body().on(loss, in.copy(), subject.activation()));
    }
  }

  private static void badShapes(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    int n = 3;
    for (LabelSource labels : subject.labels()) {
      Case kind = new Case(labels, n, null);
      LossInput in = subject.draw(kind, trial.random(kind));
      trial.at("%s", kind);
      for (int rows : new int[] {n - 1, n + 1}) {
        INDArray others = labels.labels(trial.random(rows), rows, subject.classes());
        String what = "labels of shape " + Arrays.toString(others.shape());
        requireRefusal(subject, trial, loss, in.withLabels(others), what);
      }
      INDArray wider = Nd4j.hstack(in.labels(), wide(in, subject.classes()));
      String what = "labels of shape " + Arrays.toString(wider.shape());
      requireRefusal(subject, trial, loss, in.withLabels(wider), what);
    }
  }

  /** What makes labels wider than logits. */
  private static INDArray wide(LossInput in, int classes) {
    return LossSubject.matrix(in.labels().rows(), classes + 1 - in.labels().columns(), () -> 0);
  }

  private static void refusedMasks(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.masked(subject.refusedMasks(), 3)) {
      LossInput in = subject.draw(each, trial.random(each));
      trial.at("%s", each);
      String shape = Arrays.toString(in.mask().shape());
      requireRefusal(subject, trial, loss, in, each.mask() + " of shape " + shape);
    }
  }
}
