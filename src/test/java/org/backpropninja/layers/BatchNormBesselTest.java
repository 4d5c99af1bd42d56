package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.dense;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Moments;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Precision;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Golden;
import org.backpropninja.testing.GoldenBatchNorm;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.constraint.UnitNormConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** Batch norm against PyTorch, its running statistics against their definition, and its masks. */
@ExtendWith(DoublePrecision.class)
class BatchNormBesselTest {

  private static final int H = 4;

  static Stream<GoldenBatchNorm> golden() {
    return Golden.layerCases("batch_norm").stream().map(GoldenBatchNorm::new);
  }

  @ParameterizedTest
  @MethodSource
  void golden(GoldenBatchNorm golden) {
    int n = golden.n();
    Layer layer =
        instantiate(
            builder(golden.unbiased() ? Variance.UNBIASED : Variance.BIASED, Variance.BIASED)
                .nIn(golden.H())
                .eps(golden.eps())
                .decay(0)
                .build(),
            DataType.DOUBLE,
            1);
    NdArrays.assign(golden.get("gain"), layer.getParam("gain"));
    NdArrays.assign(golden.get("bias"), layer.getParam("bias"));
    golden.assertForward(NdArrays.values(forward(layer, matrix(golden.get("x"), n), true)));
    double[] dx = NdArrays.values(backward(layer, matrix(golden.get("dy"), n)));
    double[] g = gradients(layer);
    golden.assertBackward(dx, part(g, 0, golden.H()), part(g, 1, golden.H()));
    golden.assertMean(NdArrays.values(layer.getParam("mean")));
    golden.assertVar("var_biased", NdArrays.values(layer.getParam("var")));
  }

  private static BatchNormBessel.Builder builder(Variance variance, Variance runningVariance) {
    return new BatchNormBessel.Builder().variance(variance).runningVariance(runningVariance);
  }

  private static INDArray matrix(double[] x, int n) {
    return Nd4j.create(x, new long[] {n, x.length / n}, 'c');
  }

  private static double[] part(double[] x, int part, int length) {
    return Arrays.copyOfRange(x, part * length, (part + 1) * length);
  }

  /** Everything that DL4J does to gradients, updates and parameters, one by one. */
  static Stream<NeuralNetConfiguration.Builder> trainings() {
    Stream<NeuralNetConfiguration.Builder> normalised =
        Stream.of(GradientNormalization.values())
            .map(
                g ->
                    settings(DataType.DOUBLE)
                        .updater(new Sgd(0.1))
                        .gradientNormalization(g)
                        .gradientNormalizationThreshold(1e-3));
    return Stream.concat(
        normalised,
        Stream.of(
            settings(DataType.DOUBLE).updater(new Adam(0.01)),
            settings(DataType.DOUBLE).updater(new Sgd(0)),
            settings(DataType.DOUBLE).updater(new Sgd(100)),
            settings(DataType.DOUBLE).l1(0.1).l2(0.1).l1Bias(0.1).l2Bias(0.1),
            settings(DataType.DOUBLE).weightDecay(0.1).weightDecayBias(0.1),
            settings(DataType.DOUBLE).miniBatch(false),
            settings(DataType.DOUBLE).constrainAllParameters(new MaxNormConstraint(0.01, 0))));
  }

  @ParameterizedTest
  @MethodSource("trainings")
  void runningStatisticsFollowTheirDefinition(NeuralNetConfiguration.Builder settings) {
    assertRunningStatistics(settings, new BatchNormBessel.Builder());
  }

  @ParameterizedTest
  @EnumSource
  void runningVarianceIsAChoiceOfItsOwn(Variance runningVariance) {
    for (Variance variance : Variance.values()) {
      assertRunningStatistics(settings(DataType.DOUBLE), builder(variance, runningVariance));
    }
  }

  @Test
  void constraintsOfTheLayerPassTheRunningStatisticsBy() {
    assertRunningStatistics(
        settings(DataType.DOUBLE),
        new BatchNormBessel.Builder()
            .constrainAllParameters(
                new NonNegativeConstraint(),
                new MaxNormConstraint(0.01, 0),
                new UnitNormConstraint(0)));
    var constrained =
        new BatchNormBessel.Builder().constrainAllParameters(new NonNegativeConstraint());
    MultiLayerNetwork net = network(settings(DataType.DOUBLE), constrained);
    net.fit(minibatch(1));
    assertTrue(net.getParam("1_gain").minNumber().doubleValue() >= 0);
    assertTrue(net.getParam("1_bias").minNumber().doubleValue() >= 0);
  }

  /** Trains a few steps on minibatches of different sizes and keeps the books by hand. */
  private static void assertRunningStatistics(
      NeuralNetConfiguration.Builder settings, BatchNormBessel.Builder builder) {
    BatchNormBessel conf = builder.decay(0.7).build();
    MultiLayerNetwork net = network(settings, builder.decay(0.7));
    double[] mean = NdArrays.values(net.getParam("1_mean"));
    double[] var = NdArrays.values(net.getParam("1_var"));
    for (int step = 0; step < 4; step++) {
      DataSet minibatch = minibatch(step);
      double[] below = NdArrays.values(net.feedForwardToLayer(0, minibatch.getFeatures()).get(1));
      MomentsAccumulator accumulator = new MomentsAccumulator(H, Precision.DOUBLE);
      accumulator.add(Matrix.of(below, below.length / H, H));
      Moments moments = accumulator.moments();
      for (int j = 0; j < H; j++) {
        mean[j] = 0.7 * mean[j] + (1 - 0.7) * moments.mean()[j];
        var[j] = 0.7 * var[j] + (1 - 0.7) * moments.variance(j, conf.getRunningVariance());
      }
      net.fit(minibatch);
      assertWithin("mean", mean, NdArrays.values(net.getParam("1_mean")), 1e-15);
      assertWithin("var", var, NdArrays.values(net.getParam("1_var")), 1e-15);
    }
  }

  private static MultiLayerNetwork network(
      NeuralNetConfiguration.Builder settings, BatchNormBessel.Builder builder) {
    return stack(settings, InputType.feedForward(3), dense(H), builder.build(), output(3));
  }

  private static DataSet minibatch(int step) {
    int n = 5 + step;
    return new DataSet(random(step, -3, 3, n, 3), oneHot(DataType.DOUBLE, 3, classes(step, n, 3)));
  }

  @Test
  void forwardPassesDoNotMoveThem() {
    MultiLayerNetwork net = network(settings(DataType.DOUBLE), new BatchNormBessel.Builder());
    INDArray before = net.params().dup();
    DataSet data = minibatch(1);
    net.score(data, true);
    net.score(data, false);
    net.output(data.getFeatures());
    net.feedForward(data.getFeatures(), true);
    net.feedForward(data.getFeatures(), false);
    assertEquals(before, net.params());
  }

  @Test
  void aSecondBackwardPassDoesNotMoveThemAgain() {
    Layer layer = layer(new BatchNormBessel.Builder());
    INDArray x = random(1, -2, 2, 3, H);
    double[] start = NdArrays.values(layer.params());
    forward(layer, x, true);
    backward(layer, x);
    double[] once = NdArrays.values(layer.params());
    assertFalse(Arrays.equals(start, once));
    backward(layer, x);
    assertArrayEquals(once, NdArrays.values(layer.params()));
  }

  @Test
  void startsNeutralUnlessTold() {
    assertStart(new BatchNormBessel.Builder(), 1, 0);
    assertStart(new BatchNormBessel.Builder().gainInit(0.9).biasInit(0.1), 0.9, 0.1);
  }

  private static void assertStart(BatchNormBessel.Builder builder, double gain, double bias) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            settings(DataType.DOUBLE)
                .list()
                .layer(builder.nIn(1).build())
                .layer(output(3))
                .setInputType(InputType.feedForward(1))
                .build());
    net.init();
    assertArrayEquals(new double[] {gain, bias, 0, 1}, NdArrays.values(net.getLayer(0).params()));
  }

  @Test
  void inferenceUsesThem() {
    Layer layer = layer(new BatchNormBessel.Builder());
    INDArray x = random(1, -2, 2, 3, H);
    double[] mean = NdArrays.values(layer.getParam("mean"));
    double[] var = NdArrays.values(layer.getParam("var"));
    double[] gain = NdArrays.values(layer.getParam("gain"));
    double[] bias = NdArrays.values(layer.getParam("bias"));
    double[] expected =
        IntStream.range(0, 3 * H)
            .mapToDouble(
                k -> {
                  int j = k % H;
                  double bnraw = (x.getDouble(k / H, j) - mean[j]) / Math.sqrt(var[j] + 1e-5);
                  return gain[j] * bnraw + bias[j];
                })
            .toArray();
    assertClose("h", expected, NdArrays.values(forward(layer, x, false)), 1e-14);
    backward(layer, x); // after an inference pass this does not move them
    assertArrayEquals(mean, NdArrays.values(layer.getParam("mean")));
    assertArrayEquals(var, NdArrays.values(layer.getParam("var")));
  }

  private static Layer layer(BatchNormBessel.Builder builder) {
    return instantiate(builder.nIn(H).build(), DataType.DOUBLE, 2);
  }

  @ParameterizedTest
  @MethodSource("freezers")
  void frozenNothingMoves(UnaryOperator<org.deeplearning4j.nn.conf.layers.Layer> freezer) {
    MultiLayerNetwork net =
        stack(
            DataType.DOUBLE,
            InputType.feedForward(3),
            freezer.apply(new ManualDense.Builder().nOut(H).build()),
            freezer.apply(new BatchNormBessel.Builder().build()),
            output(3));
    INDArray frozen = frozenParameters(net).dup();
    INDArray last = net.getParam("2_W").dup();
    net.fit(minibatch(1));
    net.fit(minibatch(2));
    assertEquals(frozen, frozenParameters(net));
    assertFalse(last.equals(net.getParam("2_W")));
  }

  private static INDArray frozenParameters(MultiLayerNetwork net) {
    return Nd4j.concat(0, net.getLayer(0).params().ravel(), net.getLayer(1).params().ravel());
  }

  static List<UnaryOperator<org.deeplearning4j.nn.conf.layers.Layer>> freezers() {
    return List.of(FrozenLayer::new, FrozenLayerWithBackprop::new);
  }

  /** What comes below a frozen batch norm gets the gradient with constant statistics. */
  @Test
  void frozenWithBackpropHandsDownTheInferenceGradient() {
    MultiLayerNetwork net =
        stack(
            DataType.DOUBLE,
            InputType.feedForward(3),
            dense(H),
            new FrozenLayerWithBackprop(new BatchNormBessel.Builder().build()),
            output(3));
    DataSet data = minibatch(1);
    net.setInput(data.getFeatures());
    net.setLabels(data.getLabels());
    net.computeGradientAndScore();
    double[] gradient = NdArrays.values(net.gradient().getGradientFor("0_W"));
    assertWithin("dW", numericalWeightGradient(net, data), gradient, 1e-7);
  }

  /** Central differences of the sum over examples with respect to the first layer's weights. */
  private static double[] numericalWeightGradient(MultiLayerNetwork net, DataSet data) {
    INDArray W = net.getParam("0_W");
    double[] values = NdArrays.values(W);
    double[] gradient = new double[values.length];
    for (int k = 0; k < values.length; k++) {
      gradient[k] =
          (scoreWith(net, data, values, k, 1e-6) - scoreWith(net, data, values, k, -1e-6))
              * data.numExamples()
              / 2e-6;
    }
    return gradient;
  }

  private static double scoreWith(
      MultiLayerNetwork net, DataSet data, double[] values, int at, double step) {
    double[] moved = values.clone();
    moved[at] += step;
    NdArrays.assign(moved, net.getParam("0_W"));
    double score = net.score(data, true);
    NdArrays.assign(values, net.getParam("0_W"));
    return score;
  }

  @Test
  void maskedExamplesTakeNoPart() {
    for (boolean training : new boolean[] {true, false}) {
      for (Activation a : new Activation[] {Activation.TANH, Activation.SIGMOID}) {
        maskedExamplesTakeNoPart(training, a);
      }
    }
  }

  private static void maskedExamplesTakeNoPart(boolean training, Activation activation) {
    INDArray x = random(1, -2, 2, 5, H);
    INDArray epsilon = random(2, -1, 1, 5, H);
    int[] kept = {0, 2, 3};
    Layer without = layer(new BatchNormBessel.Builder().activation(activation));
    double[] h = NdArrays.values(forward(without, x.getRows(kept), training));
    double[] dx = NdArrays.values(backward(without, epsilon.getRows(kept)));

    Layer masked = layer(new BatchNormBessel.Builder().activation(activation));
    masked.setMaskArray(Nd4j.create(new double[] {1, 0, 1, 1, 0}, 5, 1));
    x.getRow(1).assign(Double.NaN); // nobody looks
    INDArray out = forward(masked, x, training);
    assertArrayEquals(h, NdArrays.values(out.getRows(kept)), 1e-15);
    assertEquals(0, largest(NdArrays.values(out.getRows(1, 4))));
    INDArray dxMasked = backward(masked, epsilon);
    assertArrayEquals(dx, NdArrays.values(dxMasked.getRows(kept)), 1e-15);
    assertEquals(0, largest(NdArrays.values(dxMasked.getRows(1, 4))));
    assertArrayEquals(gradients(without), gradients(masked), 1e-15);
    assertArrayEquals(NdArrays.values(without.params()), NdArrays.values(masked.params()), 1e-15);
  }

  @ParameterizedTest
  @EnumSource(names = {"IDENTITY", "TANH", "SIGMOID"})
  void everythingMaskedInInferenceGivesZeros(Activation activation) {
    Layer layer = layer(new BatchNormBessel.Builder().activation(activation));
    layer.setMaskArray(Nd4j.zeros(3, 1));
    assertEquals(0, largest(NdArrays.values(forward(layer, random(1, -2, 2, 3, H), false))));
    assertEquals(0, largest(NdArrays.values(backward(layer, random(2, -1, 1, 3, H)))));
  }

  /** Padded time steps of a sequence are masked rows once DL4J has flattened it. */
  @ParameterizedTest
  @EnumSource
  void paddedSequences(RNNFormat format) {
    MultiLayerNetwork net =
        stack(
            settings(DataType.DOUBLE),
            InputType.recurrent(H, 5, format),
            new BatchNormBessel.Builder().decay(0).build(),
            new RnnOutputLayer.Builder(LossFunctions.LossFunction.MSE)
                .nOut(2)
                .dataFormat(format)
                .activation(Activation.IDENTITY)
                .build());
    INDArray x = random(1, -2, 2, 2, H, 5); // [n, H, T]
    INDArray y = random(2, -1, 1, 2, 2, 5);
    INDArray mask = Nd4j.create(new double[][] {{1, 1, 1, 0, 0}, {1, 1, 1, 1, 1}});
    boolean timeLast = format == RNNFormat.NCW;
    net.fit(
        new DataSet(
            timeLast ? x : x.permute(0, 2, 1).dup(),
            timeLast ? y : y.permute(0, 2, 1).dup(),
            mask,
            mask));
    MomentsAccumulator accumulator = new MomentsAccumulator(H, Precision.DOUBLE);
    for (int i = 0; i < 2; i++) {
      for (int t = 0; t < mask.getRow(i).sumNumber().intValue(); t++) {
        accumulator.add(Matrix.of(NdArrays.values(x.slice(i).getColumn(t)), 1, H));
      }
    }
    Moments moments = accumulator.moments();
    double[] mean = moments.mean();
    double[] var =
        IntStream.range(0, H).mapToDouble(j -> moments.variance(j, Variance.UNBIASED)).toArray();
    assertClose("mean", mean, NdArrays.values(net.getParam("0_mean")), 1e-13);
    assertClose("var", var, NdArrays.values(net.getParam("0_var")), 1e-13);
  }

  @ParameterizedTest
  @EnumSource(BatchNormBessel.Convention.class)
  void oneValueAChannelHasNoSpread(BatchNormBessel.Convention convention) {
    INDArray one = random(1, -1, 1, 1, H);
    Layer layer = layer(new BatchNormBessel.Builder().convention(convention));
    assertRefused(
        () -> forward(layer, one, true),
        "BatchNormBessel (layer 3)",
        "a training minibatch must hold at least 2 values a channel, was of 1",
        "onSingleValue(USE_RUNNING)");
    forward(layer, one, false);
  }

  @Test
  void oneValueAChannelAfterMaskingHasNoSpread() {
    Layer masked = layer(new BatchNormBessel.Builder());
    masked.setMaskArray(Nd4j.create(new double[] {0, 1, 0}, 3, 1));
    assertRefused(
        () -> forward(masked, random(1, -1, 1, 3, H), true), "a channel after masking, was of 1");
  }

  @Test
  void refusesWhatIsNotFinite() {
    Layer layer = layer(new BatchNormBessel.Builder().name("norm"));
    INDArray x = random(1, -1, 1, 3, H);
    for (double value : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
      x.putScalar(2, 1, value);
      for (boolean training : new boolean[] {true, false}) {
        assertRefused(
            () -> forward(layer, x, training),
            "BatchNormBessel (layer 3, \"norm\")",
            "input[2, 1] must be a finite number, was " + value);
      }
    }
    layer.setMaskArray(Nd4j.create(new double[] {0, 1, 1}, 3, 1));
    assertRefused(() -> forward(layer, x, true), "input[2, 1]");
  }

  @Test
  void refusesOtherShapes() {
    Layer layer = layer(new BatchNormBessel.Builder());
    assertRefused(() -> forward(layer, Nd4j.zeros(3, H + 1), true), "[n, 4] or ", "[3, 5]");
    assertRefused(() -> forward(layer, Nd4j.zeros(3, 2, H), true), "[n, 4, t]", "[3, 2, 4]");
    assertRefused(() -> forward(layer, Nd4j.zeros(3, 2, H, 2), true), "[n, 4, h, w]", "rank 4");
    assertRefused(() -> forward(layer, Nd4j.zeros(2, 2, H, 2, 2), true), "[n, 4, d, h, w]");
    assertRefused(() -> forward(layer, Nd4j.zeros(2, H, 2, 2, 2, 2), true), "rank 6");
    assertRefused(() -> forward(layer, Nd4j.zeros(H), true), "rank 1");
    layer.setMaskArray(Nd4j.ones(2, 1));
    assertRefused(() -> forward(layer, Nd4j.zeros(3, H), true), "mask", "3 examples", "[2, 1]");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void refusesDecay(double decay) {
    assertRefused(
        IllegalArgumentException.class,
        () -> new BatchNormBessel.Builder().decay(decay),
        "decay (" + decay + ") must be from 0 to 1");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1e-5, 0, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesEps(double eps) {
    assertRefused(
        IllegalArgumentException.class,
        () -> new BatchNormBessel.Builder().eps(eps),
        "eps (" + eps + ") must be positive and finite");
  }

  @Test
  void refusesOtherSettings() {
    var b = new BatchNormBessel.Builder();
    assertRefused(NullPointerException.class, () -> b.variance(null), "variance");
    assertRefused(NullPointerException.class, () -> b.runningVariance(null), "runningVariance");
    assertRefused(
        IllegalArgumentException.class, () -> b.nIn(3).nOut(4).build(), "nOut (4)", "nIn (3)");
    BatchNormBessel layer = new BatchNormBessel();
    assertRefused(NullPointerException.class, () -> layer.setVariance(null), "variance");
    assertRefused(NullPointerException.class, () -> layer.setRunningVariance(null), "running");
    assertRefused(NullPointerException.class, () -> layer.setBackward(null), "backward");
    assertRefused(IllegalArgumentException.class, () -> layer.setDecay(2), "decay (2.0)");
    assertRefused(IllegalArgumentException.class, () -> layer.setEps(0), "eps (0.0)");
  }
}
