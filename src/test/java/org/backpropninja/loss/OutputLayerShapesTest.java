package org.backpropninja.loss;

import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.backpropninja.loss.ManualCrossEntropyLoss.Mean;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.GradientChecks;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.CenterLossOutputLayer;
import org.deeplearning4j.nn.conf.layers.Cnn3DLossLayer;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnLossLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The loss under each of DL4J's output layers, in every format, with class indices and rows of
 * targets, masks and all settings: score and gradients of networks.
 *
 * <p>The referee is the loss of the logits, called directly, which CrossEntropySettingsTest holds
 * against PyTorch's figures.
 */
@ExtendWith(DoublePrecision.class)
class OutputLayerShapesTest {

  private static final IActivation IDENTITY = new ActivationIdentity();
  private static final int N = 3;
  private static final int I = 2; // features
  private static final int V = 4; // classes
  private static final int IGNORED = 1;

  /** Where the loss stands. All sizes differ, so that no axis is taken for another one. */
  private enum Head {
    OUTPUT(false, loss -> new Layer[] {tanh(), output(loss)}),
    RNN_OUTPUT(
        false,
        loss -> new Layer[] {recurrent(RNNFormat.NCW, 3), rnnOutput(RNNFormat.NCW, loss)},
        5),
    RNN_OUTPUT_NWC(
        true, loss -> new Layer[] {recurrent(RNNFormat.NWC, 3), rnnOutput(RNNFormat.NWC, loss)}, 5),
    RNN_LOSS(
        false, loss -> new Layer[] {recurrent(RNNFormat.NCW, V), rnnLoss(RNNFormat.NCW, loss)}, 5),
    CNN_LOSS(
        false,
        loss -> new Layer[] {image(CNN2DFormat.NCHW), cnnLoss(CNN2DFormat.NCHW, loss)},
        2,
        5),
    CNN_3D_LOSS(
        false,
        loss -> {
          Convolution3D.DataFormat format = Convolution3D.DataFormat.NCDHW;
          return new Layer[] {volume(format), cnn3DLoss(format, loss)};
        },
        2,
        5,
        6),
    CNN_3D_LOSS_NDHWC(
        true,
        loss -> {
          Convolution3D.DataFormat format = Convolution3D.DataFormat.NDHWC;
          return new Layer[] {volume(format), cnn3DLoss(format, loss)};
        },
        2,
        5,
        6),
    LOSS_OF_SEQUENCES(
        false,
        loss ->
            new Layer[] {
              asItIs(), recurrent(RNNFormat.NCW, V), loss(loss.dataFormat(RNNFormat.NCW))
            },
        5),
    LOSS_OF_SEQUENCES_NWC(
        true,
        loss ->
            new Layer[] {
              asItIs(), recurrent(RNNFormat.NWC, V), loss(loss.dataFormat(RNNFormat.NWC))
            },
        5),
    LOSS_OF_IMAGES(
        false,
        loss -> new Layer[] {image(CNN2DFormat.NCHW), loss(loss.dataFormat(CNN2DFormat.NCHW))},
        2,
        5),
    LOSS_OF_IMAGES_NHWC(
        true,
        loss -> new Layer[] {image(CNN2DFormat.NHWC), loss(loss.dataFormat(CNN2DFormat.NHWC))},
        2,
        5),
    LOSS_OF_VOLUMES_NDHWC(
        true,
        loss -> {
          Convolution3D.DataFormat format = Convolution3D.DataFormat.NDHWC;
          return new Layer[] {volume(format), loss(loss.dataFormat(format))};
        },
        2,
        5,
        6);

    private final boolean channelsLast;
    private final Function<ManualCrossEntropyLoss, Layer[]> layers;
    private final long[] at; // an example's positions

    Head(boolean channelsLast, Function<ManualCrossEntropyLoss, Layer[]> layers, long... at) {
      this.channelsLast = channelsLast;
      this.layers = layers;
      this.at = at;
    }

    long[] shape(long columns) {
      long[] shape = new long[2 + at.length];
      shape[0] = N;
      System.arraycopy(at, 0, shape, channelsLast ? 1 : 2, at.length);
      shape[channelsLast ? 1 + at.length : 1] = columns;
      return shape;
    }

    int positions() {
      return (int) Arrays.stream(at).reduce(1, (a, b) -> a * b);
    }

    /** With sizes, because DL4J would put a preprocessor before a LossLayer for an input type. */
    MultiLayerNetwork network(ManualCrossEntropyLoss loss) {
      return stack(settings(DataType.DOUBLE), null, layers.apply(loss));
    }

    /** It flattens no labels but those of matrices, so they must come flat. */
    boolean isLossLayer() {
      return name().startsWith("LOSS_OF");
    }
  }

  /** From a first layer that is recurrent DL4J would infer an input type. */
  private static Layer asItIs() {
    return new ActivationLayer(Activation.IDENTITY);
  }

  private static Layer tanh() {
    return new DenseLayer.Builder().nIn(I).nOut(3).activation(Activation.TANH).build();
  }

  private static Layer recurrent(RNNFormat format, int nOut) {
    return new SimpleRnn.Builder()
        .nIn(I)
        .nOut(nOut)
        .dataFormat(format)
        .activation(Activation.TANH)
        .build();
  }

  private static Layer image(CNN2DFormat format) {
    return new ConvolutionLayer.Builder(1, 1)
        .nIn(I)
        .nOut(V)
        .dataFormat(format)
        .activation(Activation.TANH)
        .build();
  }

  private static Layer volume(Convolution3D.DataFormat format) {
    return new Convolution3D.Builder(1, 1, 1)
        .nIn(I)
        .nOut(V)
        .dataFormat(format)
        .activation(Activation.TANH)
        .build();
  }

  private static Layer output(ManualCrossEntropyLoss loss) {
    return new OutputLayer.Builder(loss).nIn(3).nOut(V).activation(Activation.IDENTITY).build();
  }

  private static Layer rnnOutput(RNNFormat format, ManualCrossEntropyLoss loss) {
    return new RnnOutputLayer.Builder(loss)
        .nIn(3)
        .nOut(V)
        .dataFormat(format)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static Layer rnnLoss(RNNFormat format, ManualCrossEntropyLoss loss) {
    return new RnnLossLayer.Builder(loss)
        .dataFormat(format)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static Layer cnnLoss(CNN2DFormat format, ManualCrossEntropyLoss loss) {
    return new CnnLossLayer.Builder(loss).format(format).activation(Activation.IDENTITY).build();
  }

  private static Layer cnn3DLoss(Convolution3D.DataFormat format, ManualCrossEntropyLoss loss) {
    return new Cnn3DLossLayer.Builder(format)
        .lossFunction(loss)
        .activation(Activation.IDENTITY)
        .build();
  }

  private static Layer loss(ManualCrossEntropyLoss loss) {
    return new LossLayer.Builder(loss).activation(Activation.IDENTITY).build();
  }

  /** In the shapes that DL4J's layers hand on. */
  private enum Labels {
    ROWS {
      @Override
      INDArray of(Head head) {
        INDArray rows = random(2, 0.1, 2, head.shape(V));
        return head.isLossLayer() ? rows.reshape('c', N, -1) : rows;
      }
    },
    CLASSES {
      @Override
      INDArray of(Head head) {
        double[] classes =
            Arrays.stream(classes(3, N * head.positions(), V)).asDoubleStream().toArray();
        long[] shape = head.isLossLayer() ? new long[] {N, head.positions()} : head.shape(1);
        return Nd4j.create(classes, shape, 'c');
      }
    };

    abstract INDArray of(Head head);
  }

  private static ManualCrossEntropyLoss everySetting() {
    return new ManualCrossEntropyLoss()
        .classWeights(0.7, 1.9, 0, 2.6)
        .ignoreIndex(IGNORED)
        .labelSmoothing(0.3)
        .mean(Mean.OVER_WEIGHTS);
  }

  static Stream<Arguments> cases() {
    return Stream.of(Head.values())
        .flatMap(head -> Stream.of(Labels.values()).map(labels -> Arguments.of(head, labels)))
        // CnnLossLayer itself wants labels in the shape of the logits.
        .filter(c -> c.get()[0] != Head.CNN_LOSS || c.get()[1] == Labels.ROWS);
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void withoutSettings(Head head, Labels labels) {
    check(head, labels, ManualCrossEntropyLoss::new, null);
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void withEverySetting(Head head, Labels labels) {
    check(head, labels, OutputLayerShapesTest::everySetting, null);
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void withEverySettingAndAMask(Head head, Labels labels) {
    check(head, labels, OutputLayerShapesTest::everySetting, mask(head));
  }

  /** Zeros and ones for each position, in DL4J's shape for that. */
  private static INDArray mask(Head head) {
    double[] mask = new double[N * head.positions()];
    for (int k = 0; k < mask.length; k++) {
      mask[k] = k % 3 == 1 ? 0 : 1;
    }
    long[] shape = head.at.length == 1 ? new long[] {N, head.at[0]} : head.shape(1);
    return Nd4j.create(mask, shape, 'c');
  }

  private static void check(
      Head head, Labels labels, Supplier<ManualCrossEntropyLoss> loss, INDArray mask) {
    MultiLayerNetwork net = head.network(loss.get());
    INDArray x = random(1, -2, 2, head.shape(I));
    INDArray y = labels.of(head);
    DoubleSupplier expected = () -> loss(head, loss.get(), net.output(x), y, mask);
    DataSet data = new DataSet(x, y, null, copy(mask));
    assertEquals(expected.getAsDouble() / N, net.score(data), 1e-12, "score");
    assertGradients(net, x, y, mask, expected);
    if (!(mask != null && head.isLossLayer())) {
      GradientChecks.check(
          new GradientCheckUtil.MLNConfig().net(net).input(x).labels(y).labelMask(copy(mask)));
    }
  }

  /** Layers may keep a view of it. */
  private static INDArray copy(INDArray mask) {
    return mask == null ? null : mask.dup();
  }

  private static void assertGradients(
      MultiLayerNetwork net, INDArray x, INDArray y, INDArray mask, DoubleSupplier loss) {
    Pair<Gradient, INDArray> gradients = net.calculateGradients(x.dup(), y, null, copy(mask));
    net.clearLayerMaskArrays();
    for (String key : net.paramTable().keySet()) {
      double[] slopes = Differences.of(net.getParam(key), loss, 1e-5);
      assertTrue(largest(slopes) > 1e-3, "there is something to go wrong");
      double[] gradient = elements(gradients.getFirst().getGradientFor(key));
      assertWithin(key, slopes, gradient, 1e-8 * Math.max(1, largest(slopes)));
    }
    double[] slopes = Differences.of(x, loss, 1e-5);
    assertWithin("input", slopes, elements(gradients.getSecond()), 5e-8);
  }

  /** Of the sum, as the loss itself computes it from the logits of the whole minibatch. */
  private static double loss(
      Head head, ManualCrossEntropyLoss loss, INDArray logits, INDArray y, INDArray mask) {
    loss.setChannelsLast(head.channelsLast);
    return loss.computeScore(y, logits, IDENTITY, mask, false);
  }

  /** DL4J divides the n·t losses by n. */
  @ParameterizedTest
  @EnumSource(names = {"RNN_OUTPUT", "RNN_OUTPUT_NWC", "RNN_LOSS"})
  void scoreOfSequencesIsTTimesTheMeanOfSteps(Head head) {
    MultiLayerNetwork net = head.network(everySetting());
    INDArray x = random(1, -2, 2, head.shape(I));
    INDArray y = Labels.CLASSES.of(head);
    ManualCrossEntropyLoss loss = everySetting();
    loss.setChannelsLast(head.channelsLast);
    double mean = loss.computeScore(y, net.output(x), IDENTITY, null, true);
    assertTrue(mean > 0.1, "there is something to go wrong");
    assertEquals(5 * mean, net.score(new DataSet(x, y)), 1e-12);
  }

  // What DL4J gets wrong

  /** Its gradient is right, but it takes the score of NHWC as if it were NCHW. */
  @Test
  void scoreOfCnnLossLayerInNhwc() {
    CNN2DFormat format = CNN2DFormat.NHWC;
    MultiLayerNetwork net = cnnLossNet(format, new ManualCrossEntropyLoss());
    INDArray x = random(1, -2, 2, N, 2, 5, I);
    INDArray y = random(2, 0.1, 2, N, 2, 5, V);
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().dataFormat(format);
    DoubleSupplier expected = () -> loss.computeScore(y, net.output(x), IDENTITY, null, false);
    assertGradients(net, x, y, null, expected);
    double wrong = net.score(new DataSet(x, y));
    assertTrue(Math.abs(wrong - expected.getAsDouble() / N) > 1, "DL4J is right: say so");
  }

  @Test
  void classWeightsGiveItAway() {
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().classWeights(0.7, 1.9, 0.4, 2.6);
    MultiLayerNetwork net = cnnLossNet(CNN2DFormat.NHWC, loss);
    INDArray x = random(1, -2, 2, N, 2, 5, I);
    DataSet data = new DataSet(x, random(2, 0.1, 2, N, 2, 5, V));
    assertRefused(() -> net.score(data), "classWeights", "each of the 2 classes, has 4");
  }

  private static MultiLayerNetwork cnnLossNet(CNN2DFormat format, ManualCrossEntropyLoss loss) {
    return stack(settings(DataType.DOUBLE), null, image(format), cnnLoss(format, loss));
  }

  /** It hands over the logits as their own labels. */
  @Test
  void scoreOfRnnLossLayerInNwcIsRefused() {
    MultiLayerNetwork net =
        stack(
            settings(DataType.DOUBLE),
            null,
            recurrent(RNNFormat.NWC, V),
            rnnLoss(RNNFormat.NWC, new ManualCrossEntropyLoss()));
    INDArray x = random(1, -2, 2, N, 5, I);
    for (INDArray y : List.of(random(2, 0.1, 2, N, 5, V), Nd4j.zeros(N, 5, 1))) {
      assertRefused(
          () -> net.score(new DataSet(x, y)), "labels must be of shape", "[15, 4]", "[12, 5]");
      assertRefused(() -> net.fit(new DataSet(x, y)), "labels must be of shape");
    }
  }

  /** It multiplies by the labels, so they have to be rows. */
  @Test
  void centerLossOutputLayer() {
    Layer output =
        new CenterLossOutputLayer.Builder(everySetting())
            .nIn(3)
            .nOut(V)
            .alpha(1) // others are no gradient
            .gradientCheck(true)
            .activation(Activation.SOFTMAX)
            .build();
    MultiLayerNetwork net = stack(settings(DataType.DOUBLE), null, tanh(), output);
    INDArray x = random(1, -2, 2, N, I);
    GradientChecks.check(net, x, random(2, 0.1, 0.9, N, V));
  }

  /** Probabilities of classes in NHWC, something else in NCHW; the loss takes logits in both. */
  @Test
  void softmaxOfALossLayerIsOverTheLastAxis() {
    for (CNN2DFormat format : CNN2DFormat.values()) {
      ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().dataFormat(format);
      Layer output = new LossLayer.Builder(loss).activation(Activation.SOFTMAX).build();
      MultiLayerNetwork net = stack(settings(DataType.DOUBLE), null, image(format), output);
      boolean last = format == CNN2DFormat.NHWC;
      INDArray p =
          net.output(random(1, -2, 2, last ? new long[] {N, 2, 5, I} : new long[] {N, I, 2, 5}));
      assertEquals(1, p.sum(3).getDouble(1, 0, 1), 1e-12);
      assertEquals(last ? V : 5, p.size(3));
    }
  }
}
