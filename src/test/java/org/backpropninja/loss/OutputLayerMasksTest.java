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
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.DoublePrecision;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnLossLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The loss under each of DL4J's output layers with each kind of labels mask: right or refused.
 *
 * <p>OutputLayer and RnnOutputLayer multiply the logits by the mask before the loss sees them,
 * which the loss cannot undo; the others do not. A mask of 0 and 1 per example does no harm, as
 * nothing is looked at where it is 0.
 */
@ExtendWith(DoublePrecision.class)
class OutputLayerMasksTest {

  private static final int N = 3;
  private static final int I = 2; // features
  private static final int V = 4; // classes

  /** Where the loss stands; {@code at} are an example's places that have a loss each. */
  private enum Head {
    OUTPUT {
      @Override
      Layer[] layers(Activation activation, ManualCrossEntropyLoss loss) {
        return new Layer[] {
          dense(3, Activation.TANH),
          new OutputLayer.Builder(loss).nOut(V).activation(activation).build()
        };
      }
    },
    LOSS {
      @Override
      Layer[] layers(Activation activation, ManualCrossEntropyLoss loss) {
        return new Layer[] {
          dense(V, Activation.IDENTITY), new LossLayer.Builder(loss).activation(activation).build()
        };
      }
    },
    RNN_OUTPUT(5) {
      @Override
      Layer[] layers(Activation activation, ManualCrossEntropyLoss loss) {
        return new Layer[] {
          recurrent(3), new RnnOutputLayer.Builder(loss).nOut(V).activation(activation).build()
        };
      }
    },
    RNN_LOSS(5) {
      @Override
      Layer[] layers(Activation activation, ManualCrossEntropyLoss loss) {
        return new Layer[] {
          recurrent(V), new RnnLossLayer.Builder(loss).activation(activation).build()
        };
      }
    },
    CNN_LOSS(2, 3) {
      @Override
      Layer[] layers(Activation activation, ManualCrossEntropyLoss loss) {
        return new Layer[] {
          new ConvolutionLayer.Builder(1, 1).nOut(V).activation(Activation.TANH).build(),
          new CnnLossLayer.Builder(loss).activation(activation).build()
        };
      }
    };

    private final long[] at;

    Head(long... at) {
      this.at = at;
    }

    abstract Layer[] layers(Activation activation, ManualCrossEntropyLoss loss);

    long[] shape(long columns) {
      long[] shape = new long[2 + at.length];
      shape[0] = N;
      shape[1] = columns;
      System.arraycopy(at, 0, shape, 2, at.length);
      return shape;
    }

    int places() {
      return (int) Arrays.stream(at).reduce(1, (a, b) -> a * b);
    }

    InputType inputType() {
      return switch (at.length) {
        case 0 -> InputType.feedForward(I);
        case 1 -> InputType.recurrent(I, at[0]);
        default -> InputType.convolutional(at[0], at[1], I);
      };
    }

    /** The same parameters for the same seed, whatever the activation and the loss are. */
    MultiLayerNetwork network(Activation activation, Backward way) {
      ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().backward(way);
      return stack(settings(DataType.DOUBLE), inputType(), layers(activation, loss));
    }

    INDArray features() {
      return random(1, -2, 2, shape(I));
    }

    private static FeedForwardLayer dense(int nOut, Activation activation) {
      return new DenseLayer.Builder().nOut(nOut).activation(activation).build();
    }

    private static FeedForwardLayer recurrent(int nOut) {
      return new SimpleRnn.Builder().nOut(nOut).activation(Activation.TANH).build();
    }
  }

  /** Weights in rows of targets, or one class for each place. */
  private enum Labels {
    ROWS {
      @Override
      INDArray of(Head head) {
        return random(2, 0.1, 2, head.shape(V));
      }
    },
    CLASSES {
      @Override
      INDArray of(Head head) {
        double[] classes =
            Arrays.stream(classes(3, N * head.places(), V)).asDoubleStream().toArray();
        return Nd4j.create(classes, head.shape(1), 'c');
      }
    };

    abstract INDArray of(Head head);
  }

  /**
   * One value for each example or step, in DL4J's shape for that: with a column only if it must.
   */
  private static INDArray perPlace(Head head, double... values) {
    long[] column = head.shape(1);
    boolean steps = head.at.length == 1;
    long[] shape = steps ? new long[] {N, head.at[0]} : column;
    Random random = new Random(4);
    double[] mask =
        random
            .ints((long) N * head.places(), 0, values.length)
            .mapToDouble(k -> values[k])
            .toArray();
    for (int k = 0; k < values.length; k++) {
      mask[k] = values[k]; // each at least once
    }
    return Nd4j.create(mask, shape, 'c');
  }

  private static INDArray perOutput(Head head, double... values) {
    Random random = new Random(5);
    int length = N * V * head.places();
    double[] mask = random.ints(length, 0, values.length).mapToDouble(k -> values[k]).toArray();
    return Nd4j.create(mask, head.shape(V), 'c');
  }

  static Stream<Arguments> cases() {
    return Stream.of(Head.values())
        .flatMap(
            head ->
                Stream.of(Labels.values())
                    // CnnLossLayer itself wants labels in the shape of the logits.
                    .filter(labels -> labels == Labels.ROWS || head != Head.CNN_LOSS)
                    .map(labels -> Arguments.of(head, labels)));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void withoutAMask(Head head, Labels labels) {
    check(head, labels, null);
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void oneOrZeroForEachPlace(Head head, Labels labels) {
    check(head, labels, perPlace(head, 0, 1));
  }

  /** A mask of whole examples, which CnnLossLayer gives to all pixels. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("imageMasks")
  void otherShapesForImages(INDArray mask) {
    check(Head.CNN_LOSS, Labels.ROWS, mask);
  }

  static Stream<INDArray> imageMasks() {
    INDArray perPixel = perPlace(Head.CNN_LOSS, 0, 1);
    return Stream.of(
        perPixel.reshape(N, Head.CNN_LOSS.at[0], Head.CNN_LOSS.at[1]),
        Nd4j.create(new double[] {1, 0, 1}, new long[] {N, 1}, 'c'));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void weightsForEachPlaceAreRefused(Head head, Labels labels) {
    assertNeverWrong(head, labels, perPlace(head, 0.3, 1, 0), "0.3");
    assertNeverWrong(head, labels, perPlace(head, 2, 0, 1), "2.0");
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("cases")
  void masksOfOutputsAreRefused(Head head, Labels labels) {
    String shape = "[%d, %d]".formatted(N * head.places(), V);
    assertNeverWrong(head, labels, perOutput(head, 0, 1), shape);
    assertNeverWrong(head, labels, perOutput(head, 1), shape);
    assertNeverWrong(head, labels, perOutput(head, 0.3, 2, 1), shape);
  }

  /** Refused wherever a user meets the loss, with the way to say it. */
  private static void assertNeverWrong(Head head, Labels labels, INDArray mask, String what) {
    for (Backward way : Backward.values()) {
      MultiLayerNetwork net = head.network(Activation.SOFTMAX, way);
      INDArray before = net.params().dup();
      DataSet data = new DataSet(head.features(), labels.of(head), null, mask.dup());
      String[] parts = {"ManualCrossEntropyLoss", "mask", what, "rows of targets"};
      assertRefused(() -> net.score(data), parts);
      assertRefused(() -> net.fit(data), parts);
      assertRefused(
          () -> net.calculateGradients(data.getFeatures(), data.getLabels(), null, mask.dup()),
          parts);
      assertEquals(before, net.params(), "nothing was trained");
    }
  }

  private static void check(Head head, Labels labels, INDArray mask) {
    INDArray y = labels.of(head);
    for (Backward way : Backward.values()) {
      for (Activation activation : new Activation[] {Activation.SOFTMAX, Activation.IDENTITY}) {
        MultiLayerNetwork net = head.network(activation, way);
        MultiLayerNetwork logits = head.network(Activation.IDENTITY, way);
        assertEquals(net.params(), logits.params());
        check(head, net, logits, y, mask);
      }
    }
  }

  /** Score and gradients of a network against the loss of the logits that another one computes. */
  private static void check(
      Head head, MultiLayerNetwork net, MultiLayerNetwork logits, INDArray y, INDArray mask) {
    INDArray x = head.features();
    DoubleSupplier loss = () -> loss(head, logits.output(x), y, mask);
    DataSet data = new DataSet(x, y, null, mask == null ? null : mask.dup());
    assertEquals(loss.getAsDouble() / N, net.score(data), 1e-12, "score");
    // Of the sum; the mask is a copy, because layers may keep a view of it.
    Pair<Gradient, INDArray> gradients =
        net.calculateGradients(x.dup(), y, null, mask == null ? null : mask.dup());
    net.clearLayerMaskArrays();
    for (String key : net.paramTable().keySet()) {
      double[] slopes = Differences.of(logits.getParam(key), loss, 1e-5);
      assertTrue(largest(slopes) > 1e-3, "there is something to go wrong");
      double[] gradient = elements(gradients.getFirst().getGradientFor(key));
      assertWithin(key, slopes, gradient, 1e-8 * Math.max(1, largest(slopes)));
    }
    double[] slopes = Differences.of(x, loss, 1e-5);
    assertWithin("input", slopes, elements(gradients.getSecond()), 1e-8);
  }

  /** Σ over the places that are kept of Σ_j y[j]·(logsumexp(logits) − logits[j]). */
  private static double loss(Head head, INDArray logits, INDArray y, INDArray mask) {
    double[] z = elements(logits); // [N, V, places]
    double[] labels = elements(y); // [N, V, places] or [N, 1, places]
    double[] kept = mask == null ? null : elements(mask); // [N, places] or [N]
    int places = head.places();
    double loss = 0;
    for (int k = 0; k < N * places; k++) {
      if (kept == null || kept[k * kept.length / (N * places)] != 0) {
        loss += lossAt(z, labels, k / places, k % places, places);
      }
    }
    return loss;
  }

  private static double lossAt(double[] z, double[] labels, int example, int place, int places) {
    double sum = 0;
    for (int j = 0; j < V; j++) {
      sum += Math.exp(z[(example * V + j) * places + place]);
    }
    double loss = 0;
    for (int j = 0; j < V; j++) {
      double logprob = z[(example * V + j) * places + place] - Math.log(sum);
      boolean classes = labels.length * V == z.length;
      double target =
          classes
              ? (labels[example * places + place] == j ? 1 : 0)
              : labels[(example * V + j) * places + place];
      loss -= target * logprob;
    }
    return loss;
  }
}
