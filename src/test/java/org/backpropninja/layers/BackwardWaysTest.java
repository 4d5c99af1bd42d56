package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.GradientChecks;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;

/** Fused against stepwise: outputs, every gradient, running statistics, masks, whole networks. */
@ExtendWith(DoublePrecision.class)
class BackwardWaysTest {

  private static final int WIDTH = 6;

  private static Arguments layer(String name, Function<Backward, FeedForwardLayer> of) {
    return Arguments.of(name, of);
  }

  static Stream<Arguments> layers() {
    return Stream.of(
        layer("dense", way -> dense(way, true, Activation.IDENTITY)),
        layer("dense, tanh", way -> dense(way, true, Activation.TANH)),
        layer("dense without bias, elu", way -> dense(way, false, Activation.ELU)),
        layer("embedding", BackwardWaysTest::embedding),
        layer("batch norm", way -> batchNorm(way, Variance.UNBIASED, Activation.IDENTITY)),
        layer("biased batch norm, tanh", way -> batchNorm(way, Variance.BIASED, Activation.TANH)));
  }

  private static FeedForwardLayer dense(Backward way, boolean bias, Activation activation) {
    return new ManualDense.Builder()
        .nIn(WIDTH)
        .nOut(5)
        .hasBias(bias)
        .activation(activation)
        .backward(way)
        .build();
  }

  private static FeedForwardLayer embedding(Backward way) {
    return new EmbeddingConcat.Builder().nIn(9).nOut(3).inputLength(WIDTH).backward(way).build();
  }

  private static FeedForwardLayer batchNorm(
      Backward way, Variance variance, Activation activation) {
    return new BatchNormBessel.Builder()
        .nOut(WIDTH)
        .variance(variance)
        .activation(activation)
        .backward(way)
        .build();
  }

  private static INDArray input(FeedForwardLayer layer, int n, long seed) {
    Random random = new Random(seed);
    double[] x =
        layer instanceof EmbeddingConcat
            ? random.ints((long) n * WIDTH, 0, 9).asDoubleStream().toArray()
            : random.doubles((long) n * WIDTH, -2, 2).toArray();
    return Nd4j.create(x, new long[] {n, WIDTH}, 'c');
  }

  /** The same two layers throughout, so that nothing of the pass before may be left in them. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("layers")
  void waysAgree(String name, Function<Backward, FeedForwardLayer> of) {
    Layer fused = Layers.instantiate(of.apply(Backward.FUSED), DataType.DOUBLE, 1);
    Layer stepwise = Layers.instantiate(of.apply(Backward.STEPWISE), DataType.DOUBLE, 1);
    for (int n : new int[] {2, 40, 3, 1001, 17}) { // the fused way takes 1001 in blocks
      INDArray x = input(of.apply(Backward.FUSED), n, n);
      for (boolean training : new boolean[] {true, false}) {
        compare(fused, stepwise, x, training, null);
      }
    }
    INDArray x = input(of.apply(Backward.FUSED), 5, 5);
    INDArray mask = Nd4j.create(new double[] {1, 0, 1, 1, 0}, new long[] {5, 1}, 'c');
    compare(fused, stepwise, x, true, mask);
  }

  private static void compare(
      Layer fused, Layer stepwise, INDArray x, boolean training, INDArray mask) {
    fused.setMaskArray(mask);
    stepwise.setMaskArray(mask);
    INDArray y = Layers.forward(fused, x, training);
    assertAlike("output", y, Layers.forward(stepwise, x, training));
    INDArray epsilon = Layers.random(x.size(0) + 1, -1, 1, y.shape());
    INDArray dx = Layers.backward(fused, epsilon);
    assertAlike("dx", dx, Layers.backward(stepwise, epsilon));
    assertAlike("gradient", fused.getGradientsViewArray(), stepwise.getGradientsViewArray());
    assertAlike("parameters", fused.params(), stepwise.params()); // running statistics too
  }

  /**
   * With two rows all but ε cancels in dx, so its rounding is that of the terms, which are near 1.
   */
  private static void assertAlike(String what, INDArray expected, INDArray actual) {
    double[] x = NdArrays.values(expected);
    assertWithin(what, x, NdArrays.values(actual), 1e-12 * Math.max(1, largest(x)));
  }

  private static MultiLayerNetwork network(Backward way, boolean classes) {
    NeuralNetConfiguration.ListBuilder list =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.DOUBLE)
            .seed(5)
            .updater(classes ? new NoOp() : new Sgd(0.1))
            .list()
            .layer(embedding(way))
            .layer(
                new ManualDense.Builder().nOut(4).activation(Activation.TANH).backward(way).build())
            .layer(batchNorm(way).activation(Activation.TANH).build())
            .layer(
                new OutputLayer.Builder(new ManualCrossEntropyLoss().backward(way))
                    .nOut(3)
                    .activation(Activation.SOFTMAX)
                    .build());
    MultiLayerNetwork network =
        new MultiLayerNetwork(list.setInputType(InputType.feedForward(WIDTH)).build());
    network.init();
    network.getParam("1_b").addi(0.3); // never neutral
    network.getParam("2_gain").addi(0.4);
    network.getParam("2_bias").subi(0.2);
    return network;
  }

  private static BatchNormBessel.Builder batchNorm(Backward way) {
    return new BatchNormBessel.Builder().backward(way);
  }

  @Test
  void gradientCheckOfAStepwiseNetwork() {
    INDArray x = input(embedding(Backward.FUSED), 7, 1);
    INDArray labels = Nd4j.create(new double[] {0, 1, 2, 2, 1, 0, 2}, new long[] {7, 1}, 'c');
    GradientChecks.check(network(Backward.STEPWISE, true), x, labels, "2_mean", "2_var");
  }

  @Test
  void trainingIsTheSame() {
    INDArray x = input(embedding(Backward.FUSED), 7, 1);
    INDArray rows = Layers.random(2, 0, 1, 7, 3);
    MultiLayerNetwork fused = network(Backward.FUSED, false);
    MultiLayerNetwork stepwise = network(Backward.STEPWISE, false);
    for (int step = 0; step < 20; step++) {
      fused.fit(x, rows);
      stepwise.fit(x, rows);
      assertEquals(fused.score(), stepwise.score(), 1e-10);
    }
    assertClose(
        "params", NdArrays.values(fused.params()), NdArrays.values(stepwise.params()), 1e-10);
  }

  @Test
  void lossesAgreeWithMasksAndLargeLogits() {
    IActivation softmax = Activation.SOFTMAX.getActivationFunction();
    ManualCrossEntropyLoss fused = new ManualCrossEntropyLoss();
    ManualCrossEntropyLoss stepwise = new ManualCrossEntropyLoss().backward(Backward.STEPWISE);
    INDArray classes = Nd4j.create(new double[] {0, 3, 2, 1, -100}, new long[] {5, 1}, 'c');
    INDArray mask = Nd4j.create(new double[] {1, 1, 1, 1, 0}, new long[] {5, 1}, 'c');
    INDArray rows = Layers.random(4, 0, 1, 5, 4);
    INDArray weights = Nd4j.create(new double[] {1, 2, 1, 0.5, 0}, new long[] {5, 1}, 'c');
    INDArray weighted =
        Networks.oneHot(DataType.DOUBLE, 4, 0, 3, 2, 1, 0).muliColumnVector(weights);
    for (double scale : new double[] {1, 30, 1000, 10_000}) {
      INDArray logits = Layers.random(3, -scale, scale, 5, 4);
      logits.putScalar(4, 1, Double.NaN); // a row that is left out
      for (INDArray labels : new INDArray[] {classes, rows, weighted}) {
        INDArray labelMask = labels == weighted ? null : mask; // its last row is 0
        assertAlike(
            "loss",
            fused.computeScoreArray(labels, logits, softmax, labelMask),
            stepwise.computeScoreArray(labels, logits, softmax, labelMask));
        assertAlike(
            "dlogits",
            fused.computeGradient(labels, logits, softmax, labelMask),
            stepwise.computeGradient(labels, logits, softmax, labelMask));
      }
    }
  }

  @Test
  void bothLossesRefuseMasksThatAreWeights() {
    IActivation softmax = Activation.SOFTMAX.getActivationFunction();
    INDArray logits = Layers.random(3, -1, 1, 2, 4);
    INDArray classes = Nd4j.create(new double[] {0, 3}, new long[] {2, 1}, 'c');
    INDArray weights = Nd4j.create(new double[] {1, 0.5}, new long[] {2, 1}, 'c');
    for (Backward way : Backward.values()) {
      ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().backward(way);
      assertRefused(
          () -> loss.computeGradient(classes, logits, softmax, weights),
          "mask[1, 0] must be 0 or 1, was 0.5");
      assertRefused(
          () -> loss.computeGradient(classes, logits, softmax, Nd4j.ones(2, 4)),
          "mask must be one value per example or position, of shape [2, 1], was [2, 4]");
    }
  }
}
