package org.backpropninja.check;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.backpropninja.check.LossSubject.Case;
import org.backpropninja.check.LossValues.Call;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** What a loss is given makes no difference but by its numbers, and stays as it is. */
final class LossInputs {

  private static final double FLOAT = 1e-4;
  private static final int THREADS = 2;
  private static final int ROUNDS = 50; // at least, and as many as they take this long:
  private static final long NANOS = 200_000_000;

  static final List<Definition<LossSubject>> CHECKS =
      List.of(
          Definition.check(
              "loss.leavesAlone",
              "Logits, labels and mask are left as they are.",
              "an operation in place, also in IActivation.backprop, which may overwrite its"
                  + " argument: LossLayer hands over the activations of the layer below",
              LossInputs::leavesAlone),
          Definition.check(
              "loss.shapeAndType",
              "The gradient has the logits' shape and type, whatever the labels' type; FLOAT is"
                  + " close to DOUBLE.",
              "a cast is missing, or an array is made in ND4J's default type",
              LossInputs::shapeAndType),
          Definition.check(
              "loss.layouts",
              "The order and strides of logits and labels in memory make no difference.",
              "data() is read without the array's order, strides and offset",
              LossInputs::layouts),
          Definition.check(
              "loss.threads",
              "A loss that two threads use at once gives to each what is its own.",
              "a field that keeps something between calls",
              LossInputs::threads));

  private LossInputs() {}

  private static void leavesAlone(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.cases(3)) {
      for (Call call : LossValues.CALLS) {
        trial.at("%s, %s", call, each);
        LossInput before = subject.draw(each, trial.random(each));
        LossInput after = before.copy();
        call.body().on(loss, after, subject.activation());
        requireUnchanged(trial, "logits", before.logits(), after.logits());
        requireUnchanged(trial, "labels", before.labels(), after.labels());
        if (before.mask() != null) {
          requireUnchanged(trial, "the mask", before.mask(), after.mask());
        }
      }
    }
  }

  private static void requireUnchanged(Trial trial, String what, INDArray before, INDArray after) {
    Same.require(trial, what, after, "before the call", before, Same.EXACT);
  }

  private static void shapeAndType(LossSubject subject, Trial trial) {
    for (Case each : subject.cases(3)) {
      LossInput in = subject.draw(each, trial.random(each));
      LossValues expected = LossValues.of(subject, subject.loss(), in);
      for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
        for (DataType other : List.of(DataType.FLOAT, DataType.DOUBLE)) {
          trial.at("%s, logits %s, labels and mask %s", each, type, other);
          INDArray logits = LayerSubject.cast(in.logits(), type);
          INDArray mask = in.mask() == null ? null : LayerSubject.cast(in.mask(), other);
          LossInput cast = new LossInput(LayerSubject.cast(in.labels(), other), logits, mask);
          LossValues values = LossValues.of(subject, subject.loss(), cast);
          DataType found = values.gradient().dataType();
          trial.require(found == type, "the gradient is %s, not %s", found, type);
          values.requireSame(trial, expected, "in DOUBLE", FLOAT);
        }
      }
    }
  }

  private static void layouts(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.unmasked(3, 1)) {
      LossInput in = subject.draw(each, trial.random(each));
      LossValues expected = LossValues.of(subject, loss, in);
      for (Layout layout : Layout.values()) {
        trial.at("%s, logits %s", each, layout);
        LossValues.of(subject, loss, () -> in.copy().withLogits(layout.place(in.logits()).view()))
            .requireSame(trial, expected, "in 'c' order", LossValues.EXACT);
        trial.at("%s, labels %s", each, layout);
        LossValues.of(subject, loss, () -> in.copy().withLabels(layout.place(in.labels()).view()))
            .requireSame(trial, expected, "in 'c' order", LossValues.EXACT);
      }
    }
  }

  private static void threads(LossSubject subject, Trial trial) throws Exception {
    ILossFunction loss = subject.loss();
    trial.at("two threads at once");
    List<LossInput> inputs =
        IntStream.range(0, THREADS)
            .mapToObj(
                k -> subject.draw(subject.unmasked(3 + 4 * k).get(0), trial.random("threads", k)))
            .toList();
    List<LossValues> expected =
        inputs.stream().map(each -> LossValues.of(subject, subject.loss(), each)).toList();
    ExecutorService pool = Executors.newFixedThreadPool(THREADS);
    try {
      CyclicBarrier start = new CyclicBarrier(THREADS);
      List<Future<Void>> all =
          IntStream.range(0, THREADS)
              .mapToObj(k -> user(subject, trial, loss, inputs.get(k), expected.get(k), start))
              .map(pool::submit)
              .toList();
      for (Future<Void> each : all) {
        get(each);
      }
    } finally {
      pool.shutdownNow();
    }
  }

  private static Callable<Void> user(
      LossSubject subject,
      Trial trial,
      ILossFunction loss,
      LossInput in,
      LossValues expected,
      CyclicBarrier start) {
    return () -> {
      start.await();
      long from = System.nanoTime();
      for (int round = 0; round < ROUNDS || System.nanoTime() - from < NANOS; round++) {
        LossValues.of(subject, loss, in)
            .requireSame(trial, expected, "used by one thread alone", LossValues.EXACT);
      }
      return null;
    };
  }

  private static void get(Future<Void> user) throws Exception {
    try {
      user.get();
    } catch (ExecutionException thrown) {
      if (thrown.getCause() instanceof Finding finding) {
        throw finding;
      }
      throw thrown;
    }
  }
}
