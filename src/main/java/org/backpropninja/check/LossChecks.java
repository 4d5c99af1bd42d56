package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.backpropninja.check.LossConformance.LabelSource;
import org.backpropninja.check.LossSubject.Case;
import org.backpropninja.check.LossValues.Call;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** A loss by itself: its numbers, whatever it is given. */
final class LossChecks {

  private static final double EXACT = 1e-12; // two ways to the same number in double
  private static final double SHIFTED = 1e-9; // logits lose digits where a number is added
  private static final double FLOAT = 1e-4;
  private static final double LARGE = 1000;
  private static final int THREADS = 2;
  private static final int ROUNDS = 50;

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
              "loss.leavesAlone",
              "Logits, labels and mask are left as they are.",
              "an operation in place, also in IActivation.backprop, which may overwrite its"
                  + " argument: LossLayer hands over the activations of the layer below",
              LossChecks::leavesAlone),
          Definition.check(
              "loss.shapeAndType",
              "The gradient has the logits' shape and type, whatever the labels' type; FLOAT is"
                  + " close to DOUBLE.",
              "a cast is missing, or an array is made in ND4J's default type",
              LossChecks::shapeAndType),
          Definition.check(
              "loss.layouts",
              "The order and strides of logits and labels in memory make no difference.",
              "data() is read without the array's order, strides and offset",
              LossChecks::layouts),
          Definition.check(
              "loss.largeLogits",
              "At logits of ±1000 all is finite, and the gradient is still the slope.",
              "exp overflows or log is taken of 0 or of a number clipped: subtract the largest"
                  + " logit first",
              LossChecks::largeLogits),
          Definition.<LossSubject>check(
                  "loss.shiftInvariance",
                  "A number added to all logits of an example changes nothing.",
                  "the largest logit is not subtracted from all, or the gradient of a row does not"
                      + " sum to 0",
                  LossChecks::shiftInvariance)
              .unless(
                  subject ->
                      subject.shiftInvariant() ? null : "not declared, by .shiftInvariant()"),
          Definition.<LossSubject>check(
                  "loss.badLabels",
                  "Labels that are declared to be refused are, by each method.",
                  "labels are not checked, or by one method only",
                  LossChecks::badLabels)
              .unless(
                  subject ->
                      subject.refusedLabels().isEmpty()
                          ? "no such labels declared, by .refusesLabels(…)"
                          : null),
          Definition.check(
              "loss.badShapes",
              "Labels with another number of rows or columns are refused by each method.",
              "shapes are not checked, and ND4J broadcasts",
              LossChecks::badShapes),
          Definition.check(
              "loss.threads",
              "A loss that two threads use at once gives to each what is its own.",
              "a field that keeps something between calls",
              LossChecks::threads));

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
      double error = EXACT * Math.max(1, values.scale());
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
            EXACT * Math.max(1, Math.abs(score)));
        LossValues.requireClose(
            trial, "the gradient", both.getSecond(), "by computeGradient", gradient, EXACT);
      }
    }
  }

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
    LossValues.requireClose(trial, what, after, "before the call", before, 0);
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

  private static final Map<String, UnaryOperator<INDArray>> LAYOUTS =
      Map.of(
          "row-major",
          x -> x.dup('c'),
          "column-major",
          x -> x.dup('f'),
          "a view of some columns",
          LossChecks::columnsOfLarger,
          "every other row of an array",
          LossChecks::everyOtherRow);

  private static INDArray columnsOfLarger(INDArray x) {
    INDArray larger = Nd4j.valueArrayOf(new long[] {x.rows(), x.columns() + 3L}, 7.0, x.dataType());
    INDArray view =
        larger.get(NDArrayIndex.all(), NDArrayIndex.interval(2, 2 + (long) x.columns()));
    return view.assign(x);
  }

  private static INDArray everyOtherRow(INDArray x) {
    INDArray larger = Nd4j.valueArrayOf(new long[] {2L * x.rows(), x.columns()}, 7.0, x.dataType());
    INDArray view =
        larger.get(NDArrayIndex.interval(0, 2, 2 * (long) x.rows()), NDArrayIndex.all());
    return view.assign(x);
  }

  private static void layouts(LossSubject subject, Trial trial) {
    ILossFunction loss = subject.loss();
    for (Case each : subject.unmasked(3, 1)) {
      LossInput in = subject.draw(each, trial.random(each));
      LossValues expected = LossValues.of(subject, loss, in);
      LAYOUTS.forEach(
          (layout, of) -> {
            trial.at("%s, logits %s", each, layout);
            LossValues.of(subject, loss, () -> in.copy().withLogits(of.apply(in.logits())))
                .requireSame(trial, expected, "row-major", EXACT);
            trial.at("%s, labels %s", each, layout);
            LossValues.of(subject, loss, () -> in.copy().withLabels(of.apply(in.labels())))
                .requireSame(trial, expected, "row-major", EXACT);
          });
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
  static void requireRefusal(
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
      for (int round = 0; round < ROUNDS; round++) {
        LossValues.of(subject, loss, in)
            .requireSame(trial, expected, "used by one thread alone", EXACT);
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
