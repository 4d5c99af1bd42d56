package org.backpropninja.loss;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.loss.ManualCrossEntropyLoss.Mean;
import org.backpropninja.testing.DoublePrecision;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Logits of sequences, images and volumes: what the loss makes of their rows as matrices. */
@ExtendWith(DoublePrecision.class)
class CrossEntropyShapesTest {

  private static final IActivation SOFTMAX = new ActivationSoftmax();
  private static final int N = 3;
  private static final int V = 4;

  /** All sizes differ, so that no axis is taken for another one. */
  private enum Format {
    NCW(false, 5),
    NWC(true, 5),
    NCHW(false, 2, 5),
    NHWC(true, 2, 5),
    NCDHW(false, 2, 5, 6),
    NDHWC(true, 2, 5, 6);

    private final boolean channelsLast;
    private final long[] at;

    Format(boolean channelsLast, long... at) {
      this.channelsLast = channelsLast;
      this.at = at;
    }

    ManualCrossEntropyLoss set(ManualCrossEntropyLoss loss) {
      return switch (at.length) {
        case 1 -> loss.dataFormat(RNNFormat.valueOf(name()));
        case 2 -> loss.dataFormat(CNN2DFormat.valueOf(name()));
        default -> loss.dataFormat(Convolution3D.DataFormat.valueOf(name()));
      };
    }

    int positions() {
      return (int) Arrays.stream(at).reduce(1, (a, b) -> a * b);
    }

    long[] shape(long columns) {
      LongStream positions = Arrays.stream(at);
      LongStream rest =
          channelsLast
              ? LongStream.concat(positions, LongStream.of(columns))
              : LongStream.concat(LongStream.of(columns), positions);
      return LongStream.concat(LongStream.of(N), rest).toArray();
    }

    /** Rows [N·positions, columns] in this format. */
    INDArray of(INDArray rows) {
      long[] last = new long[at.length + 2];
      last[0] = N;
      System.arraycopy(at, 0, last, 1, at.length);
      last[at.length + 1] = rows.columns();
      INDArray array = rows.dup('c').reshape('c', last);
      if (channelsLast) {
        return array;
      }
      int[] order = new int[at.length + 2];
      order[1] = at.length + 1;
      for (int k = 2; k < order.length; k++) {
        order[k] = k - 1;
      }
      return array.permute(order).dup('c');
    }
  }

  private static INDArray logits(Format format) {
    return random(1, -2, 2, N * format.positions(), V);
  }

  private static INDArray targets(Format format) {
    return random(2, 0.1, 2, N * format.positions(), V);
  }

  private static INDArray classesOf(Format format) {
    int n = N * format.positions();
    double[] classes = Arrays.stream(classes(3, n, V)).asDoubleStream().toArray();
    return Nd4j.create(classes, new long[] {n, 1}, 'c');
  }

  private static List<ManualCrossEntropyLoss> losses() {
    return List.of(
        new ManualCrossEntropyLoss(),
        new ManualCrossEntropyLoss().backward(Backward.STEPWISE).labelSmoothing(0.2),
        new ManualCrossEntropyLoss()
            .classWeights(0.7, 1.9, 0.3, 2.6)
            .ignoreIndex(1)
            .labelSmoothing(0.3)
            .mean(Mean.OVER_WEIGHTS));
  }

  /** Score, losses and gradient are those of the rows. */
  private static void check(
      Format format,
      ManualCrossEntropyLoss loss,
      INDArray rowsOfLabels,
      INDArray labels,
      INDArray rowsOfMask,
      INDArray mask) {
    INDArray rows = logits(format);
    check(format, loss, rows, format.of(rows), rowsOfLabels, labels, rowsOfMask, mask);
  }

  private static void check(
      Format format,
      ManualCrossEntropyLoss loss,
      INDArray rows,
      INDArray logits,
      INDArray rowsOfLabels,
      INDArray labels,
      INDArray rowsOfMask,
      INDArray mask) {
    for (boolean average : new boolean[] {true, false}) {
      var expected = loss.computeGradientAndScore(rowsOfLabels, rows, SOFTMAX, rowsOfMask, average);
      var actual = loss.computeGradientAndScore(labels, logits, SOFTMAX, mask, average);
      assertTrue(expected.getFirst() > 0.1, "there is something to go wrong");
      assertEquals(expected.getFirst(), actual.getFirst(), 1e-12 * expected.getFirst());
      assertEquals(
          expected.getFirst(), loss.computeScore(labels, logits, SOFTMAX, mask, average), 1e-9);
      assertEquals(format.of(expected.getSecond()), actual.getSecond());
      assertEquals(logits.dataType(), actual.getSecond().dataType());
    }
    INDArray losses = loss.computeScoreArray(labels, logits, SOFTMAX, mask);
    assertArrayEquals(format.shape(1), losses.shape());
    double[] expected = elements(loss.computeScoreArray(rowsOfLabels, rows, SOFTMAX, rowsOfMask));
    assertClose("losses", expected, elements(losses), 1e-14);
  }

  @ParameterizedTest
  @EnumSource
  void labelsOfEveryShape(Format format) {
    INDArray targets = targets(format);
    INDArray classes = classesOf(format);
    for (ManualCrossEntropyLoss loss : losses()) {
      format.set(loss);
      for (INDArray labels :
          List.of(format.of(targets), format.of(targets).reshape('c', N, V * format.positions()))) {
        check(format, loss, targets, labels, null, null);
      }
      for (INDArray labels :
          List.of(
              format.of(classes),
              classes.reshape('c', withoutColumns(format)),
              classes.reshape('c', N, format.positions()))) {
        check(format, loss, classes, labels, null, null);
      }
    }
  }

  private static long[] withoutColumns(Format format) {
    return LongStream.concat(LongStream.of(N), Arrays.stream(format.at)).toArray();
  }

  /** Without a format the classes are the second axis, unless labels have a 1 in the last. */
  @ParameterizedTest
  @EnumSource
  void labelsMayTellTheFormat(Format format) {
    INDArray classes = classesOf(format);
    INDArray labels = format.of(classes);
    check(format, new ManualCrossEntropyLoss(), classes, labels, null, null);
  }

  @ParameterizedTest
  @EnumSource(names = {"NCW", "NCHW", "NCDHW"})
  void withoutAFormatTheClassesAreTheSecondAxis(Format format) {
    INDArray targets = targets(format);
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss();
    check(format, loss, targets, format.of(targets), null, null);
    INDArray classes = classesOf(format);
    INDArray labels = classes.reshape('c', withoutColumns(format));
    check(format, loss, classes, labels, null, null);
  }

  @ParameterizedTest
  @EnumSource
  void masksOfEveryShape(Format format) {
    INDArray classes = classesOf(format);
    ManualCrossEntropyLoss loss = format.set(losses().get(2));
    int positions = format.positions();
    INDArray each = maskOf(N * positions, k -> k % 3 != 1);
    for (INDArray mask :
        List.of(each.reshape('c', withoutColumns(format)), each.reshape('c', format.shape(1)))) {
      check(format, loss, classes, format.of(classes), each, mask);
    }
    INDArray ofExamples = maskOf(N * positions, k -> k / positions != 1);
    for (long[] shape : new long[][] {{N}, {N, 1}}) {
      INDArray mask = maskOf(N, k -> k != 1).reshape(shape);
      check(format, loss, classes, format.of(classes), ofExamples, mask);
    }
  }

  private static INDArray maskOf(int n, IntPredicate kept) {
    double[] mask = IntStream.range(0, n).mapToDouble(k -> kept.test(k) ? 1 : 0).toArray();
    return Nd4j.create(mask, new long[] {n, 1}, 'c');
  }

  /** Columns of images, say. */
  @Test
  void masksAreBroadcast() {
    Format format = Format.NCHW;
    INDArray classes = classesOf(format);
    INDArray each = maskOf(N * 10, k -> k % 5 != 3);
    INDArray mask = Nd4j.ones(DataType.DOUBLE, N, 1, 1, 5);
    for (int i = 0; i < N; i++) {
      mask.putScalar(new int[] {i, 0, 0, 3}, 0);
    }
    check(format, losses().get(2), classes, format.of(classes), each, mask);
  }

  /** Views, other orders and types. */
  @ParameterizedTest
  @EnumSource
  void logitsOfEveryMemoryLayout(Format format) {
    ManualCrossEntropyLoss loss = format.set(losses().get(2));
    INDArray rows = logits(format);
    INDArray targets = targets(format);
    INDArray logits = format.of(rows);
    INDArray twice = Nd4j.concat(0, logits, logits.neg());
    for (INDArray there :
        List.of(
            logits.dup('f'),
            twice.get(NDArrayIndex.interval(0, N)),
            logits.reshape('c', twice(logits.shape())).slice(0, 0))) {
      check(format, loss, rows, there, targets, format.of(targets).dup('f'), null, null);
    }
    for (DataType type : List.of(DataType.FLOAT, DataType.FLOAT16)) {
      INDArray fewer = rows.castTo(type);
      INDArray y = targets.castTo(type);
      check(format, loss, fewer, logits.castTo(type), y, format.of(y), null, null);
    }
  }

  private static long[] twice(long[] shape) {
    return LongStream.concat(LongStream.of(1), Arrays.stream(shape)).toArray();
  }

  /** Neither logits nor labels of what is left out are looked at. */
  @Test
  void leftOutPixelsAreNotLookedAt() {
    Format format = Format.NCHW;
    INDArray rows = logits(format);
    INDArray classes = classesOf(format);
    INDArray each = maskOf(N * 10, k -> k % 3 != 1);
    INDArray logits = format.of(rows);
    INDArray labels = format.of(classes);
    logits.putScalar(new int[] {0, 2, 0, 1}, Double.NaN); // row 1
    labels.putScalar(new int[] {0, 0, 0, 4}, 77); // row 4
    INDArray mask = each.reshape('c', N, 1, 2, 5);
    check(format, losses().get(2), rows, logits, classes, labels, each, mask);
  }

  // Refusals

  static Stream<INDArray> otherLabels() {
    return Stream.of(
        Nd4j.zeros(N, V),
        Nd4j.zeros(N, 1),
        Nd4j.zeros(N),
        Nd4j.zeros(N * 10, V),
        Nd4j.zeros(N * 10, 1),
        Nd4j.zeros(N, 5, 2),
        Nd4j.zeros(N, 2, 5, V),
        Nd4j.zeros(N, V, 5, 2));
  }

  @ParameterizedTest(autoCloseArguments = false)
  @MethodSource("otherLabels")
  void refusesLabelsOfOtherShapes(INDArray labels) {
    assertRefused(
        () -> LOSS.computeScore(labels, Nd4j.zeros(N, V, 2, 5), SOFTMAX, null, true),
        "labels must be of shape [3, 2, 5], [3, 1, 2, 5] or [3, 4, 2, 5], was "
            + Arrays.toString(labels.shape()));
  }

  private static final ManualCrossEntropyLoss LOSS = new ManualCrossEntropyLoss();

  @Test
  void messagesNameThePlace() {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, N, V, 2, 5);
    INDArray labels = Nd4j.zeros(DataType.DOUBLE, N, 1, 2, 5);
    INDArray mask = Nd4j.ones(DataType.DOUBLE, N, 1, 2, 5);
    int[] place = {2, 0, 1, 3};
    INDArray wrong = labels.dup().putScalar(place, 4);
    assertRefused(
        () -> LOSS.computeScore(wrong, logits, SOFTMAX, null, true),
        "labels[2, 0, 1, 3] must be a whole number from 0 to 3, was 4.0");
    assertRefused(
        () -> LOSS.computeScore(wrong.reshape(N, 10), logits, SOFTMAX, null, true),
        "labels[2, 8] must be a whole number from 0 to 3, was 4.0");
    INDArray targets = Nd4j.zeros(DataType.DOUBLE, N, V, 2, 5).putScalar(place, -1);
    assertRefused(
        () -> LOSS.computeScore(targets, logits, SOFTMAX, null, true),
        "labels[2, 0, 1, 3] must be a finite number from 0 on, was -1.0");
    INDArray weights = mask.dup().putScalar(place, 0.5);
    assertRefused(
        () -> LOSS.computeScore(labels, logits, SOFTMAX, weights, true),
        "mask[2, 0, 1, 3] must be 0 or 1, was 0.5");
    INDArray infinite = logits.dup().putScalar(new int[] {2, 1, 1, 3}, Double.NaN);
    assertRefused(
        () -> LOSS.computeScore(labels, infinite, SOFTMAX, null, true),
        "logits[2, 1, 1, 3] must be a finite number, was NaN");
  }

  @Test
  void refusesMasksOfOtherShapes() {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, N, V, 2, 5);
    INDArray labels = Nd4j.zeros(DataType.DOUBLE, N, 1, 2, 5);
    for (long[] shape : new long[][] {{N, V, 2, 5}, {N, 5, 2}, {N, 10}, {30, 1}, {1, 1, 2, 5}}) {
      assertRefused(
          () -> LOSS.computeScore(labels, logits, SOFTMAX, Nd4j.ones(shape), true),
          "mask must be one value per example or position, of shape [3, 1, 2, 5], was "
              + Arrays.toString(shape));
    }
  }
}
