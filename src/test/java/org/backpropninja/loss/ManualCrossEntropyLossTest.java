package org.backpropninja.loss;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.dense;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Golden;
import org.backpropninja.testing.GoldenCrossEntropy;
import org.backpropninja.testing.GradientChecks;
import org.backpropninja.testing.Layers.Layout;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** The loss against PyTorch and central differences, at its edges, and inside a network. */
@ExtendWith(DoublePrecision.class)
class ManualCrossEntropyLossTest {

  private static final ManualCrossEntropyLoss LOSS = new ManualCrossEntropyLoss();
  private static final IActivation SOFTMAX = new ActivationSoftmax();
  private static final IActivation IDENTITY = new ActivationIdentity();

  static Stream<GoldenCrossEntropy> golden() {
    return Golden.layerCases("cross_entropy").stream().map(GoldenCrossEntropy::new);
  }

  /** Weights of classes and smoothed labels go through rows of targets. */
  @ParameterizedTest
  @MethodSource
  void golden(GoldenCrossEntropy golden) {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      INDArray targets = matrix(golden.n(), golden.targets()).castTo(type);
      assertGolden(golden, targets, null, type);
    }
  }

  /** Those in which each example counts once or not at all. */
  static Stream<GoldenCrossEntropy> goldenOfClasses() {
    return golden()
        .filter(GoldenCrossEntropy::hasClasses)
        .filter(golden -> Arrays.stream(golden.weights()).allMatch(w -> w == 0 || w == 1));
  }

  @ParameterizedTest
  @MethodSource
  void goldenOfClasses(GoldenCrossEntropy golden) {
    double[] labels = Arrays.stream(golden.labels()).asDoubleStream().toArray();
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      INDArray Yb = matrix(golden.n(), labels).castTo(type);
      assertGolden(golden, Yb, matrix(golden.n(), golden.weights()).castTo(type), type);
    }
  }

  private static void assertGolden(
      GoldenCrossEntropy golden, INDArray y, INDArray mask, DataType type) {
    INDArray logits = matrix(golden.n(), golden.logits()).castTo(type);
    // In float the logits and targets themselves are rounded.
    double relative = type == DataType.DOUBLE ? 1e-12 : 1e-5;
    INDArray dlogits = LOSS.computeGradient(y, logits, SOFTMAX, mask);
    assertEquals(logits.dataType(), dlogits.dataType());
    golden.assertLoss(LOSS.computeScore(y, logits, SOFTMAX, mask, false), relative);
    golden.assertGradient(NdArrays.values(dlogits), relative);
  }

  private static INDArray matrix(int n, double... elements) {
    return Nd4j.create(elements, new long[] {n, elements.length / n}, 'c');
  }

  private static INDArray column(double... elements) {
    return matrix(elements.length, elements);
  }

  /** Class indices, rows of targets and classes with weights, without a mask and with one. */
  static List<INDArray[]> minibatches() {
    INDArray Yb = column(3, 0, 2, 2);
    INDArray rows = random(2, 0, 2, 4, 5); // do not sum to one
    INDArray weighted = oneHot(DataType.DOUBLE, 5, 3, 0, 2, 2).muliColumnVector(column(1, 3, 2, 1));
    INDArray mask = column(1, 0, 1, 1);
    return List.of(
        new INDArray[] {Yb, null},
        new INDArray[] {Yb, mask},
        new INDArray[] {rows, null},
        new INDArray[] {rows, mask},
        new INDArray[] {weighted, mask});
  }

  @ParameterizedTest(autoCloseArguments = false) // INDArray is closeable, and they are shared
  @MethodSource("minibatches")
  void allFourMethodsAgree(INDArray y, INDArray mask) {
    INDArray logits = random(1, -2, 2, 4, 5);
    double examples = mask == null ? 4 : 3;
    double score = LOSS.computeScore(y, logits, SOFTMAX, mask, false);
    assertEquals(score / examples, LOSS.computeScore(y, logits, SOFTMAX, mask, true), 1e-14);
    INDArray scores = LOSS.computeScoreArray(y, logits, SOFTMAX, mask);
    assertArrayEquals(new long[] {4, 1}, scores.shape());
    assertEquals(score, scores.sumNumber().doubleValue(), 1e-13);
    INDArray gradient = LOSS.computeGradient(y, logits, SOFTMAX, mask);
    for (boolean average : new boolean[] {false, true}) {
      Pair<Double, INDArray> both = LOSS.computeGradientAndScore(y, logits, SOFTMAX, mask, average);
      assertEquals(score / (average ? examples : 1), both.getFirst(), 1e-14);
      assertEquals(gradient, both.getSecond()); // of the sum, whatever the score is
    }
    assertEquals(score, LOSS.computeScore(y, logits, IDENTITY, mask, false));
    assertEquals(gradient, LOSS.computeGradient(y, logits, IDENTITY, mask));
  }

  /** The losses that the gradient found on the way are those of its own minibatch and no other. */
  @ParameterizedTest(autoCloseArguments = false)
  @MethodSource("minibatches")
  void aScoreAfterAGradientIsThatOfItsOwnArguments(INDArray y, INDArray mask) {
    for (DataType type : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
      INDArray logits = random(1, -2, 2, 4, 5).castTo(type);
      assertOwnScore(y, logits, mask, () -> {});
      for (int k : new int[] {0, 10, 19}) {
        assertOwnScore(y, logits, mask, () -> logits.putScalar(k / 5, k % 5, 3 + k));
      }
      assertOwnScore(y, logits, mask, () -> y.putScalar(0, 0, y.getDouble(0, 0) == 3 ? 1 : 3));
      if (mask != null) {
        assertOwnScore(y, logits, mask, () -> mask.putScalar(0, 0, 0));
      }
      if (y.columns() == 5) {
        assertOwnScore(y, logits, mask, () -> swapTargets(y)); // the row's weight stays
      }
    }
  }

  private static void swapTargets(INDArray y) {
    double first = y.getDouble(2, 0);
    y.putScalar(2, 0, y.getDouble(2, 1));
    y.putScalar(2, 1, first);
  }

  private static void assertOwnScore(INDArray y, INDArray logits, INDArray mask, Runnable change) {
    LOSS.computeGradient(y, logits, SOFTMAX, mask);
    change.run();
    double score = LOSS.computeScore(y, logits, SOFTMAX, mask, false);
    INDArray column = logits.reshape('c', 20, 1); // another V
    LOSS.computeGradient(Nd4j.zeros(DataType.DOUBLE, 20, 1), column, SOFTMAX, null);
    assertEquals(LOSS.computeScore(y, logits, SOFTMAX, mask, false), score);
  }

  /** The ways differ in their rounding, not always but often, and so each method shows its own. */
  @Test
  void everyMethodTakesTheWayThatIsSet() {
    ManualCrossEntropyLoss stepwise = new ManualCrossEntropyLoss().backward(Backward.STEPWISE);
    int otherScores = 0;
    int otherGradients = 0;
    for (int seed = 1; seed <= 100; seed++) {
      INDArray y = random(seed, 0, 1, 5, 6);
      INDArray logits = random(seed + 1, -5, 5, 5, 6);
      double sum = Arrays.stream(scores(stepwise, y, logits)).sum();
      double[] gradient = NdArrays.values(stepwise.computeGradient(y, logits, SOFTMAX, null));
      assertEquals(sum, stepwise.computeScore(y, logits, SOFTMAX, null, false));
      var both = stepwise.computeGradientAndScore(y, logits, SOFTMAX, null, false);
      assertEquals(sum, both.getFirst());
      assertArrayEquals(gradient, NdArrays.values(both.getSecond()));
      double[] fused = NdArrays.values(LOSS.computeGradient(y, logits, SOFTMAX, null));
      otherScores += sum == Arrays.stream(scores(LOSS, y, logits)).sum() ? 0 : 1;
      otherGradients += Arrays.equals(fused, gradient) ? 0 : 1;
    }
    assertTrue(otherScores > 0, "the scores are all fused");
    assertTrue(otherGradients > 0, "the gradients are all fused");
  }

  private static double[] scores(ManualCrossEntropyLoss loss, INDArray y, INDArray logits) {
    return NdArrays.values(loss.computeScoreArray(y, logits, SOFTMAX, null));
  }

  @Test
  void equalsTellsTheWaysApart() {
    assertEquals(LOSS, new ManualCrossEntropyLoss().backward(Backward.FUSED));
    assertNotEquals(LOSS, new ManualCrossEntropyLoss().backward(Backward.STEPWISE));
  }

  @ParameterizedTest(autoCloseArguments = false) // INDArray is closeable, and they are shared
  @MethodSource("minibatches")
  void gradientIsThatOfTheScore(INDArray y, INDArray mask) {
    INDArray logits = random(1, -2, 2, 4, 5);
    double[] values = NdArrays.values(logits);
    double[] numerical =
        IntStream.range(0, values.length)
            .mapToDouble(
                k -> (score(y, mask, values, k, 1e-5) - score(y, mask, values, k, -1e-5)) / 2e-5)
            .toArray();
    INDArray gradient = LOSS.computeGradient(y, logits, SOFTMAX, mask);
    assertWithin("dlogits", numerical, NdArrays.values(gradient), 1e-9);
  }

  private static double score(INDArray y, INDArray mask, double[] values, int at, double step) {
    double[] moved = values.clone();
    moved[at] += step;
    return LOSS.computeScore(y, matrix(4, moved), SOFTMAX, mask, false);
  }

  @Test
  void indicesAreOneHotRows() {
    INDArray logits = random(1, -2, 2, 4, 5);
    INDArray rows = oneHot(DataType.DOUBLE, 5, 3, 0, 2, 2);
    for (INDArray[] minibatch : minibatches().subList(0, 2)) {
      INDArray mask = minibatch[1];
      var expected = LOSS.computeGradientAndScore(rows, logits, SOFTMAX, mask, true);
      var actual = LOSS.computeGradientAndScore(minibatch[0], logits, SOFTMAX, mask, true);
      assertEquals(expected.getFirst(), actual.getFirst(), 1e-14);
      double[] dlogits = NdArrays.values(expected.getSecond());
      assertClose("dlogits", dlogits, NdArrays.values(actual.getSecond()), 1e-14);
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyLayout(Layout layout) {
    INDArray logits = random(1, -2, 2, 4, 5);
    for (INDArray[] minibatch : minibatches()) {
      INDArray y = minibatch[0];
      INDArray mask = minibatch[1];
      INDArray maskThere = mask == null ? null : layout.of(mask);
      var expected = LOSS.computeGradientAndScore(y, logits, SOFTMAX, mask, true);
      var actual =
          LOSS.computeGradientAndScore(layout.of(y), layout.of(logits), SOFTMAX, maskThere, true);
      assertEquals(expected.getFirst(), actual.getFirst());
      assertEquals(expected.getSecond(), actual.getSecond());
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"INT", "LONG", "UBYTE", "FLOAT", "DOUBLE"})
  void anyTypeOfLabel(DataType type) {
    INDArray logits = random(1, -2, 2, 4, 5).castTo(DataType.FLOAT);
    assertEquals(
        LOSS.computeGradient(column(3, 0, 2, 2), logits, SOFTMAX, null),
        LOSS.computeGradient(column(3, 0, 2, 2).castTo(type), logits, SOFTMAX, null));
  }

  /** Exact: the differences are so large that every exponential but the largest one's is 0. */
  @Test
  void logitsOfTenThousand() {
    INDArray logits = matrix(2, 1e4, 0, -1e4, 0, -1e4, 1e4);
    for (INDArray y : List.of(column(2, 2), oneHot(DataType.DOUBLE, 3, 2, 2))) {
      assertArrayEquals(
          new double[] {2e4, 0}, NdArrays.values(LOSS.computeScoreArray(y, logits, SOFTMAX, null)));
      assertArrayEquals(
          new double[] {1, 0, -1, 0, 0, 0},
          NdArrays.values(LOSS.computeGradient(y, logits, SOFTMAX, null)));
    }
  }

  /** One class leaves nothing to lose, and labels are indices then. */
  @Test
  void oneClass() {
    INDArray logits = column(3, -5);
    assertEquals(0, LOSS.computeScore(column(0, 0), logits, SOFTMAX, null, false));
    assertRefused(
        () -> LOSS.computeScore(column(0, 1), logits, SOFTMAX, null, false), "labels[1, 0]", "1.0");
  }

  /** As ignored examples come from PyTorch's world: label −100, and nobody knows which logits. */
  @Test
  void maskedExamplesAreNotLookedAt() {
    INDArray logits = matrix(3, 1, 2, Double.NaN, Double.POSITIVE_INFINITY, 0.5, -0.5);
    INDArray mask = column(1, 0, 1);
    INDArray rows = matrix(3, 0.2, 0.8, Double.NaN, -1, 1, 0);
    for (INDArray y : List.of(column(1, -100, 0), column(1, Double.NaN, 0), rows)) {
      INDArray kept = y.getRows(0, 2);
      INDArray keptLogits = logits.getRows(0, 2);
      assertEquals(
          LOSS.computeScore(kept, keptLogits, SOFTMAX, null, true),
          LOSS.computeScore(y, logits, SOFTMAX, mask, true));
      assertEquals(0, LOSS.computeScoreArray(y, logits, SOFTMAX, mask).getDouble(1));
      INDArray gradient = LOSS.computeGradient(y, logits, SOFTMAX, mask);
      assertArrayEquals(new double[] {0, 0}, NdArrays.values(gradient.getRow(1)));
      assertEquals(LOSS.computeGradient(kept, keptLogits, SOFTMAX, null), gradient.getRows(0, 2));
    }
  }

  /** Weights of classes may leave an example without a target, as a mask does. */
  @Test
  void aRowOfZerosIsLeftOut() {
    INDArray logits = matrix(2, 0.5, -0.5, 1, 2, Double.NaN, 3);
    INDArray y = matrix(2, 0, 0.3, 2, 0, 0, 0);
    for (boolean average : new boolean[] {true, false}) {
      assertEquals(
          LOSS.computeScore(y.getRows(0), logits.getRows(0), SOFTMAX, null, average),
          LOSS.computeScore(y, logits, SOFTMAX, null, average));
    }
    INDArray gradient = LOSS.computeGradient(y, logits, SOFTMAX, null);
    assertArrayEquals(new double[] {0, 0, 0}, NdArrays.values(gradient.getRow(1)));
  }

  @Test
  void everythingMaskedIsZero() {
    INDArray logits = random(1, -1, 1, 2, 3);
    for (boolean average : new boolean[] {true, false}) {
      assertEquals(0, LOSS.computeScore(column(0, 1), logits, SOFTMAX, column(0, 0), average));
    }
  }

  @Test
  void leavesItsArgumentsAlone() {
    for (INDArray[] minibatch : minibatches()) {
      INDArray y = minibatch[0].dup();
      INDArray logits = random(1, -2, 2, 4, 5);
      LOSS.computeGradientAndScore(minibatch[0], logits, SOFTMAX, minibatch[1], true);
      assertEquals(y, minibatch[0]);
      assertEquals(random(1, -2, 2, 4, 5), logits);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, 1.5, -1, 3, 99, -100, Double.POSITIVE_INFINITY})
  void refusesLabels(double label) {
    refused(
        column(0, label),
        Nd4j.zeros(DataType.DOUBLE, 2, 3),
        null,
        "labels[1, 0] must be a whole number from 0 to 2, was " + label);
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, -0.1, Double.POSITIVE_INFINITY})
  void refusesTargets(double value) {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, 2, 3);
    refused(
        matrix(2, 0, 1, 0, 0, 0, value),
        logits,
        null,
        "labels[1, 2] must be a finite number from 0 on, was " + value);
    refused(matrix(2, 0, value, 0, 0, 1, 0), logits, column(1, 0), "labels[0, 1]"); // row 1 is out
  }

  private static final String WAY_OUT =
      ": DL4J's OutputLayer multiplies the logits by the mask; put weights into the labels, as rows"
          + " of targets [n, V]";

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, -0.1, Double.POSITIVE_INFINITY, 0.3, 0.999, 2, 1e-9, -1})
  void refusesMasksThatAreWeights(double value) {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, 2, 3);
    String message = "mask[1, 0] must be 0 or 1, was " + value + WAY_OUT;
    INDArray rows = matrix(2, 0, 1, 0, 0, 1, 0);
    for (INDArray y : List.of(column(0, 1), rows, rows.mul(0))) {
      refused(y, logits, column(1, value), message);
      refused(y, logits, column(0, value), message);
      refused(y, logits, Nd4j.createFromArray(1, value), message);
    }
  }

  /** Ones would be right, but who has a mask for each class means something by it. */
  @Test
  void refusesMasksOfClasses() {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, 2, 3);
    String message = "mask must be one value per example or position, of shape [2, 1], was ";
    for (INDArray y : List.of(column(0, 1), matrix(2, 0, 1, 0, 0, 1, 0))) {
      for (INDArray mask : List.of(Nd4j.ones(2, 3), random(1, 0, 2, 2, 3), Nd4j.zeros(2, 3))) {
        refused(y, logits, mask, message + "[2, 3]" + WAY_OUT);
      }
      refused(y, logits, Nd4j.ones(3, 1), message + "[3, 1]" + WAY_OUT);
      refused(y, logits, Nd4j.ones(1, 2), message + "[1, 2]" + WAY_OUT);
      refused(y, logits, Nd4j.ones(2, 1, 1), message + "[2, 1, 1]" + WAY_OUT);
      refused(y, logits, Nd4j.ones(3), message + "[3]" + WAY_OUT);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void refusesLogits(double value) {
    INDArray logits = matrix(2, 0, 1, 0, 0, 0, value);
    String message = "logits[1, 2] must be a finite number, was " + value;
    refused(column(0, 1), logits, null, message);
    refused(oneHot(DataType.DOUBLE, 3, 0, 1), logits, null, message);
  }

  @Test
  void refusesShapes() {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, 2, 3);
    String labels = "labels must be of shape [2], [2, 1] or [2, 3], was ";
    refused(Nd4j.zeros(3, 1), logits, null, labels + "[3, 1]");
    refused(Nd4j.zeros(2, 2), logits, null, labels + "[2, 2]");
    refused(Nd4j.zeros(3), logits, null, labels + "[3]");
    refused(Nd4j.zeros(2, 1, 1), logits, null, labels + "[2, 1, 1]");
    refused(Nd4j.zeros(2, 1), Nd4j.zeros(2), null, "preOutput", "[n, V]", "[2]");
    refused(Nd4j.zeros(2, 1), Nd4j.zeros(2, 3, 1, 1, 1, 1), null, "preOutput", "[n, V, t]");
  }

  @Test
  void aMaskMayBeAVector() {
    INDArray logits = random(1, -1, 1, 2, 3);
    INDArray vector = Nd4j.createFromArray(0.0, 1.0);
    assertEquals(
        LOSS.computeScore(column(0, 1), logits, SOFTMAX, column(0, 1), true),
        LOSS.computeScore(column(0, 1), logits, SOFTMAX, vector, true));
  }

  private static void refused(INDArray y, INDArray logits, INDArray mask, String... parts) {
    assertRefused(() -> LOSS.computeScore(y, logits, SOFTMAX, mask, true), parts);
    assertRefused(() -> LOSS.computeScoreArray(y, logits, SOFTMAX, mask), parts);
    assertRefused(() -> LOSS.computeGradient(y, logits, SOFTMAX, mask), parts);
    assertRefused(
        () -> LOSS.computeGradientAndScore(y, logits, SOFTMAX, mask, true),
        Stream.concat(Stream.of("ManualCrossEntropyLoss: "), Arrays.stream(parts))
            .toArray(String[]::new));
  }

  @ParameterizedTest
  @EnumSource(names = {"SIGMOID", "TANH", "RELU"})
  void refusesActivations(Activation activation) {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, 2, 3);
    assertRefused(
        () ->
            LOSS.computeScore(column(0, 1), logits, activation.getActivationFunction(), null, true),
        "activation must be softmax or identity, was "
            + activation.name().toLowerCase(Locale.ROOT));
  }

  static List<Layer[]> outputs() {
    return List.of(
        new Layer[] {dense(6), outputLayer(Activation.SOFTMAX)},
        new Layer[] {dense(6), outputLayer(Activation.IDENTITY)},
        new Layer[] {dense(4), lossLayer(Activation.SOFTMAX)},
        new Layer[] {dense(4), lossLayer(Activation.IDENTITY)});
  }

  private static Layer outputLayer(Activation activation) {
    return new OutputLayer.Builder(LOSS).nOut(4).activation(activation).build();
  }

  private static Layer lossLayer(Activation activation) {
    return new LossLayer.Builder(LOSS).activation(activation).build();
  }

  @ParameterizedTest
  @MethodSource("outputs")
  void gradientsOfANetwork(Layer below, Layer output) {
    MultiLayerNetwork net = stack(DataType.DOUBLE, InputType.feedForward(3), below, output);
    INDArray x = random(1, -1, 1, 5, 3);
    int[] Yb = classes(2, 5, 4);
    INDArray indices = column(Arrays.stream(Yb).asDoubleStream().toArray());
    INDArray oneHot = oneHot(DataType.DOUBLE, 4, Yb);
    GradientChecks.check(net, x, indices);
    GradientChecks.check(net, x, oneHot);
    GradientChecks.check(net, x, random(3, 0, 1, 5, 4));
    GradientChecks.check(
        new GradientCheckUtil.MLNConfig()
            .net(net)
            .input(x)
            .labels(indices)
            .labelMask(column(1, 0, 1, 1, 0)));
    net.clearLayerMaskArrays();
    assertEquals(net.score(new DataSet(x, oneHot)), net.score(new DataSet(x, indices)), 1e-14);
  }

  /** Both losses are the same where the stock one is right. */
  @Test
  void isTheStockLossForOneHotRows() {
    INDArray x = random(1, -1, 1, 5, 3);
    INDArray y = oneHot(DataType.DOUBLE, 4, classes(2, 5, 4));
    MultiLayerNetwork ours =
        stack(DataType.DOUBLE, InputType.feedForward(3), dense(6), outputLayer(Activation.SOFTMAX));
    MultiLayerNetwork theirs =
        stack(DataType.DOUBLE, InputType.feedForward(3), dense(6), output(4));
    for (int step = 0; step < 3; step++) {
      ours.fit(x, y);
      theirs.fit(x, y);
      assertEquals(theirs.score(), ours.score(), 1e-9); // theirs clips at 1e-10
    }
    assertClose("params", NdArrays.values(theirs.params()), NdArrays.values(ours.params()), 1e-8);
  }

  /** One loss serves all copies of a network, which may train at once and be of other sizes. */
  @Test
  void severalThreadsAtOnce() throws InterruptedException {
    ManualCrossEntropyLoss shared = new ManualCrossEntropyLoss();
    Thread[] threads = new Thread[4];
    String[] failures = new String[4];
    for (int t = 0; t < 4; t++) {
      int thread = t;
      threads[t] = new Thread(() -> failures[thread] = differs(shared, thread));
      threads[t].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertArrayEquals(new String[4], failures);
  }

  /** What the first difference is, null if there is none. */
  private static String differs(ManualCrossEntropyLoss shared, int thread) {
    for (int round = 0; round < 100; round++) {
      int V = 200 + (round < 70 ? 0 : (thread + round) % 3); // most often the same core would do
      DataType type = round < 50 || round % 2 == 0 ? DataType.FLOAT : DataType.DOUBLE;
      INDArray logits = random(round + thread, -5, 5, 100, V).castTo(type);
      INDArray y = random(round, 0, 1, 100, V).castTo(type);
      var expected =
          new ManualCrossEntropyLoss().computeGradientAndScore(y, logits, SOFTMAX, null, false);
      var actual = shared.computeGradientAndScore(y, logits, SOFTMAX, null, false);
      if (!expected.getFirst().equals(actual.getFirst())
          || !expected.getSecond().equalsWithEps(actual.getSecond(), 0)) {
        return "round %d: %s, not %s".formatted(round, actual, expected);
      }
    }
    return null;
  }

  @Test
  void oneLossForTypesWaysAndNumbersOfClassesInTurn() {
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss();
    for (int V : new int[] {5, 3, 5, 1000, 2}) {
      for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16)) {
        for (Backward way : Backward.values()) {
          INDArray logits = random(V, -5, 5, 4, V).castTo(type);
          INDArray y = random(1, 0, 1, 4, V).castTo(type);
          INDArray expected =
              new ManualCrossEntropyLoss().backward(way).computeGradient(y, logits, SOFTMAX, null);
          INDArray actual = loss.backward(way).computeGradient(y, logits, SOFTMAX, null);
          assertEquals(type, actual.dataType());
          assertArrayEquals(NdArrays.values(expected), NdArrays.values(actual));
        }
      }
    }
  }

  @Test
  void anExceptionSpoilsNothing() {
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss();
    INDArray logits = random(1, -2, 2, 4, 5);
    INDArray Yb = column(3, 0, 2, 2);
    INDArray expected = LOSS.computeGradient(Yb, logits, SOFTMAX, null);
    for (int round = 0; round < 3; round++) {
      INDArray broken = logits.dup().putScalar(3, 4, Double.NaN);
      assertRefused(() -> loss.computeGradient(Yb, broken, SOFTMAX, null), "logits[3, 4]");
      assertEquals(expected, loss.computeGradient(Yb, logits, SOFTMAX, null));
    }
  }

  @Test
  void javaSerialisationOfAUsedLoss() throws IOException, ClassNotFoundException {
    for (Backward way : Backward.values()) {
      ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().backward(way);
      INDArray logits = random(1, -2, 2, 4, 5);
      INDArray y = random(2, 0, 2, 4, 5);
      INDArray gradient = loss.computeGradient(y, logits, SOFTMAX, null);
      ManualCrossEntropyLoss copy = Serialised.copy(loss);
      assertEquals(loss, copy);
      assertEquals(way, copy.getBackward());
      assertEquals(gradient, copy.computeGradient(y, logits, SOFTMAX, null));
      assertEquals(gradient, loss.computeGradient(y, logits, SOFTMAX, null));
    }
  }

  /** Logits that are floats, so that both have the same. */
  @ParameterizedTest
  @CsvSource({
    "200, 27, 1",
    "200, 27, 30",
    "200, 27, 1e4",
    "8, 50000, 1",
    "8, 50000, 30",
    "8, 50000, 1e4"
  })
  void floatIsAsGoodAsDouble(int n, int V, double scale) {
    INDArray logits = random(1, -scale, scale, n, V).castTo(DataType.FLOAT);
    INDArray Yb = column(Arrays.stream(classes(2, n, V)).asDoubleStream().toArray());
    INDArray rows = random(3, 0, 2.0 / V, n, V).castTo(DataType.FLOAT);
    for (INDArray y : List.of(Yb, rows)) {
      INDArray yOfFloat = y.castTo(DataType.FLOAT);
      INDArray yOfDouble = y.castTo(DataType.DOUBLE);
      INDArray wide = logits.castTo(DataType.DOUBLE);
      double expected = LOSS.computeScore(yOfDouble, wide, SOFTMAX, null, false);
      var both = LOSS.computeGradientAndScore(yOfFloat, logits, SOFTMAX, null, false);
      assertEquals(expected, both.getFirst(), 1e-6 * expected);
      assertEquals(DataType.FLOAT, both.getSecond().dataType());
      assertWithin(
          "dlogits",
          NdArrays.values(LOSS.computeGradient(yOfDouble, wide, SOFTMAX, null)),
          NdArrays.values(both.getSecond()),
          1e-6);
      assertClose(
          "losses",
          NdArrays.values(LOSS.computeScoreArray(yOfDouble, wide, SOFTMAX, null)),
          NdArrays.values(LOSS.computeScoreArray(yOfFloat, logits, SOFTMAX, null)),
          1e-6);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {27, 50_000})
  void refusesInfiniteLogitsInEitherType(int V) {
    for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
      for (double value : new double[] {Double.NEGATIVE_INFINITY, 1 / 0.0, Double.NaN}) {
        for (int column : new int[] {0, V / 2, V - 1}) {
          INDArray logits = random(1, -1e4, 1e4, 3, V).castTo(type);
          logits.putScalar(2, column, value);
          String message = "logits[2, %d] must be a finite number, was %s".formatted(column, value);
          refused(column(0, 1, V / 3), logits, null, message);
          refused(random(3, 0, 1, 3, V), logits, null, message);
          LOSS.computeScore(column(0, 1, V / 3), logits, SOFTMAX, column(1, 1, 0), true);
        }
      }
    }
  }

  @Test
  void roundTripInsideANetwork() {
    MultiLayerConfiguration conf =
        stack(DataType.DOUBLE, InputType.feedForward(3), dense(6), outputLayer(Activation.SOFTMAX))
            .getLayerWiseConfigurations();
    assertEquals(conf, MultiLayerConfiguration.fromJson(conf.toJson()));
    assertEquals(conf, MultiLayerConfiguration.fromYaml(conf.toYaml()));
    OutputLayer restored =
        (OutputLayer) MultiLayerConfiguration.fromJson(conf.toJson()).getConf(1).getLayer();
    assertEquals(LOSS, restored.getLossFn());
    assertEquals(LOSS.hashCode(), restored.getLossFn().hashCode());
    assertEquals("ManualCrossEntropyLoss", restored.getLossFn().name());
  }
}
