package org.backpropninja.training;

import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.dense;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/** Evaluation with class indices, against a count by hand. */
class OneHotLabelsTest {

  private static final int N = 8; // of a minibatch
  private static final int I = 3;
  private static final int V = 4;
  private static final int IGNORED = -100;

  /** Networks, and the positions of an example that have a label each. */
  private enum Kind {
    OUTPUT(InputType.feedForward(I)) {
      @Override
      Layer[] layers() {
        return new Layer[] {
          dense(6), new OutputLayer.Builder(loss()).nOut(V).activation(Activation.SOFTMAX).build()
        };
      }
    },
    LOSS(InputType.feedForward(I)) {
      @Override
      Layer[] layers() {
        return new Layer[] {
          dense(V), new LossLayer.Builder(loss()).activation(Activation.SOFTMAX).build()
        };
      }
    },
    RNN(InputType.recurrent(I, 6), 6) {
      @Override
      Layer[] layers() {
        return new Layer[] {
          new SimpleRnn.Builder().nOut(7).activation(Activation.TANH).build(),
          new RnnOutputLayer.Builder(loss()).nOut(V).activation(Activation.SOFTMAX).build()
        };
      }
    },
    IMAGES(InputType.convolutional(2, 5, I), 2, 5) {
      @Override
      Layer[] layers() {
        return new Layer[] {
          new ConvolutionLayer.Builder(1, 1).nOut(V).activation(Activation.TANH).build(),
          new CnnLossLayer.Builder(loss()).activation(Activation.SOFTMAX).build()
        };
      }
    };

    private final InputType input;
    private final long[] at;

    Kind(InputType input, long... at) {
      this.input = input;
      this.at = at;
    }

    abstract Layer[] layers();

    private static ManualCrossEntropyLoss loss() {
      return new ManualCrossEntropyLoss();
    }

    MultiLayerNetwork network(DataType type) {
      return stack(type, input, layers());
    }

    long[] shape(int n, long columns) {
      long[] shape = new long[2 + at.length];
      shape[0] = n;
      shape[1] = columns;
      System.arraycopy(at, 0, shape, 2, at.length);
      return shape;
    }

    int positions() {
      return (int) Arrays.stream(at).reduce(1, (a, b) -> a * b);
    }
  }

  private static INDArray labels(Kind kind, int n, long seed) {
    double[] labels =
        new Random(seed).ints((long) n * kind.positions(), 0, V).asDoubleStream().toArray();
    return Nd4j.create(labels, kind.shape(n, 1), 'c');
  }

  /** Minibatches of N, N and 2 examples. */
  private static List<DataSet> minibatches(Kind kind) {
    List<DataSet> minibatches = new ArrayList<>();
    for (int n : new int[] {N, N, 2}) {
      int seed = minibatches.size();
      INDArray x = random(seed, -2, 2, kind.shape(n, I)).castTo(DataType.FLOAT);
      minibatches.add(new DataSet(x, labels(kind, n, seed)));
    }
    return minibatches;
  }

  private static DataSetIterator iterator(List<DataSet> minibatches) {
    return new ListDataSetIterator<>(minibatches, 1) {
      private int at;

      @Override
      public boolean hasNext() {
        return at < minibatches.size();
      }

      @Override
      public DataSet next() {
        return minibatches.get(at++);
      }

      @Override
      public void reset() {
        at = 0;
      }
    };
  }

  /** How often each class was right and wrong, counted one by one. */
  private static int[][] confusion(MultiLayerNetwork network, List<DataSet> minibatches) {
    int[][] confusion = new int[V][V];
    for (DataSet minibatch : minibatches) {
      INDArray features = minibatch.getFeatures();
      double[] p = elements(network.output(features));
      double[] labels = elements(minibatch.getLabels());
      double[] mask =
          minibatch.getLabelsMaskArray() == null ? null : elements(minibatch.getLabelsMaskArray());
      int positions = labels.length / (int) features.size(0);
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] != IGNORED && (mask == null || mask[i] != 0)) {
          confusion[(int) labels[i]][best(p, i / positions, i % positions, positions)]++;
        }
      }
    }
    return confusion;
  }

  private static int best(double[] p, int example, int position, int positions) {
    int best = 0;
    for (int j = 1; j < V; j++) {
      if (p[(example * V + j) * positions + position]
          > p[(example * V + best) * positions + position]) {
        best = j;
      }
    }
    return best;
  }

  private static void assertCounts(int[][] expected, Evaluation actual) {
    int total = 0;
    int right = 0;
    for (int label = 0; label < V; label++) {
      for (int guess = 0; guess < V; guess++) {
        assertEquals(expected[label][guess], actual.getConfusionMatrix().getCount(label, guess));
        total += expected[label][guess];
        right += label == guess ? expected[label][guess] : 0;
      }
    }
    assertTrue(right > 0 && right < total, "there is something to count");
    assertEquals(total, actual.getNumRowCounter());
    assertEquals((double) right / total, actual.accuracy(), 1e-12);
  }

  private static void check(Kind kind, List<DataSet> minibatches, OneHotLabels oneHot) {
    check(kind.network(DataType.FLOAT), minibatches, oneHot);
  }

  private static void check(
      MultiLayerNetwork network, List<DataSet> minibatches, OneHotLabels oneHot) {
    int[][] expected = confusion(network, minibatches);
    for (int time = 0; time < 2; time++) { // it is reset by evaluate
      assertCounts(expected, network.evaluate(oneHot));
      assertCounts(expected, network.toComputationGraph().evaluate(oneHot));
    }
  }

  @ParameterizedTest
  @EnumSource
  void evaluatesInOneLine(Kind kind) {
    List<DataSet> minibatches = minibatches(kind);
    check(kind, minibatches, new OneHotLabels(iterator(minibatches), V));
  }

  @ParameterizedTest
  @EnumSource(names = {"OUTPUT", "LOSS"})
  void labelsMayBeVectors(Kind kind) {
    List<DataSet> minibatches = minibatches(kind);
    for (DataSet minibatch : minibatches) {
      INDArray labels = minibatch.getLabels();
      minibatch.setLabels(labels.reshape(labels.length()).castTo(DataType.INT32));
    }
    check(kind, minibatches, new OneHotLabels(iterator(minibatches), V));
  }

  @ParameterizedTest
  @EnumSource(names = {"OUTPUT", "LOSS", "RNN"})
  void whatAMaskLeavesOutDoesNotCount(Kind kind) {
    List<DataSet> minibatches = masked(kind);
    check(kind, minibatches, new OneHotLabels(iterator(minibatches), V));
  }

  /** Labels there are no classes. */
  private static List<DataSet> masked(Kind kind) {
    List<DataSet> minibatches = minibatches(kind);
    for (DataSet minibatch : minibatches) {
      INDArray labels = minibatch.getLabels();
      double[] mask = new double[(int) labels.length()];
      for (int i = 0; i < mask.length; i++) {
        mask[i] = i % 3 == 1 ? 0 : 1;
      }
      double[] label = elements(labels);
      label[1] = 99;
      label[mask.length > 4 ? 4 : 1] = Double.NaN;
      minibatch.setLabels(Nd4j.create(label, labels.shape(), 'c'));
      long[] shape = {labels.size(0), labels.length() / labels.size(0)};
      minibatch.setLabelsMaskArray(Nd4j.create(mask, shape, 'c').castTo(DataType.FLOAT));
    }
    return minibatches;
  }

  @ParameterizedTest
  @EnumSource(names = {"OUTPUT", "LOSS", "RNN"})
  void ignoredLabelsDoNotCount(Kind kind) {
    List<DataSet> minibatches = minibatches(kind);
    minibatches.addAll(masked(kind)); // both at once
    for (DataSet minibatch : minibatches.subList(1, 6)) { // the first has none
      INDArray labels = minibatch.getLabels();
      labels.putScalar(0, IGNORED);
      labels.putScalar(labels.length() - 1, IGNORED);
    }
    check(kind, minibatches, new OneHotLabels(iterator(minibatches), V, IGNORED));
  }

  /** LossLayer wants a mask of the network's type. */
  @ParameterizedTest
  @EnumSource(names = {"OUTPUT", "LOSS", "RNN"})
  void networksOfDoubles(Kind kind) {
    List<DataSet> minibatches = minibatches(kind);
    for (DataSet minibatch : minibatches) {
      minibatch.setFeatures(minibatch.getFeatures().castTo(DataType.DOUBLE));
      minibatch.getLabels().putScalar(1, IGNORED);
    }
    OneHotLabels oneHot = new OneHotLabels(iterator(minibatches), V, IGNORED);
    check(kind.network(DataType.DOUBLE), minibatches, oneHot);
  }

  /** All of a minibatch, and one of a single example. */
  @ParameterizedTest
  @EnumSource(names = {"OUTPUT", "LOSS", "RNN"})
  void wholeMinibatchesMayBeIgnored(Kind kind) {
    List<DataSet> minibatches = minibatches(kind);
    for (int n : new int[] {N, 1}) {
      INDArray x = random(n, -2, 2, kind.shape(n, I)).castTo(DataType.FLOAT);
      INDArray ignored = Nd4j.valueArrayOf(kind.shape(n, 1), (double) IGNORED);
      minibatches.add(new DataSet(x, ignored));
    }
    check(kind, minibatches, new OneHotLabels(iterator(minibatches), V, IGNORED));
  }

  @Test
  void imagesCannotHaveIgnoredLabels() {
    List<DataSet> minibatches = minibatches(Kind.IMAGES);
    OneHotLabels oneHot = new OneHotLabels(iterator(minibatches), V, IGNORED);
    oneHot.next();
    minibatches.get(1).getLabels().putScalar(7, IGNORED);
    assertRefused(oneHot::next, "OneHotLabels: labels of images must not be ignored");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-100, -1, 1.5, 4, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesLabels(double label) {
    List<DataSet> minibatches = minibatches(Kind.RNN);
    minibatches.get(0).getLabels().putScalar(2, 0, 3, label);
    assertRefused(
        () -> new OneHotLabels(iterator(minibatches), V, 99).next(),
        "OneHotLabels: labels[2, 0, 3] must be a whole number from 0 to 3, was " + label);
  }

  static Stream<INDArray> otherShapes() {
    return Stream.of(Nd4j.zeros(N, V), Nd4j.zeros(N, V, 6), Nd4j.zeros(N, 1, 2, 5, 6));
  }

  @ParameterizedTest(autoCloseArguments = false)
  @MethodSource("otherShapes")
  void refusesOtherShapes(INDArray labels) {
    DataSetIterator wrapped = iterator(List.of(new DataSet(Nd4j.zeros(N, I), labels)));
    assertRefused(
        () -> new OneHotLabels(wrapped, V).next(),
        "OneHotLabels: labels must be class indices of shape [n], [n, 1], [n, 1, t] or"
            + " [n, 1, h, w], was "
            + Arrays.toString(labels.shape()));
  }

  /** DL4J's evaluation would count along the wrong axis, and not say so. */
  @Test
  void saysWhatToDoWithTheChannelsLast() {
    for (INDArray labels : List.of(Nd4j.zeros(N, 5, 1), Nd4j.zeros(N, 5, 6, 1))) {
      DataSetIterator wrapped = iterator(List.of(new DataSet(Nd4j.zeros(N, I), labels)));
      assertRefused(
          () -> new OneHotLabels(wrapped, V).next(),
          "[n, 1, h, w], was " + Arrays.toString(labels.shape()) + "; network.evaluate takes",
          "an Evaluation with setAxis to network.doEvaluation");
    }
  }

  @Test
  void refusesMasksOfOtherShapes() {
    DataSet minibatch = minibatches(Kind.OUTPUT).get(0);
    minibatch.setLabelsMaskArray(Nd4j.ones(N, V));
    assertRefused(
        () -> new OneHotLabels(iterator(List.of(minibatch)), V).next(),
        "OneHotLabels: labels mask must be one value per example or position",
        "[8, 1], was [8, 4]");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1})
  void refusesNumbersOfClasses(int number) {
    assertRefused(
        IllegalArgumentException.class,
        () -> new OneHotLabels(iterator(List.of()), number),
        "V (" + number + ") must be at least 1");
  }

  /** Nothing but the labels is new. */
  @Test
  void leavesTheWrappedMinibatchesAlone() {
    DataSet minibatch = masked(Kind.RNN).get(0);
    minibatch.setFeaturesMaskArray(Nd4j.ones(N, 6));
    minibatch.setLabelNames(List.of("a", "b", "c", "d"));
    minibatch.setExampleMetaData(List.of("1", "2", "3", "4", "5", "6", "7", "8"));
    minibatch.getLabels().putScalar(0, IGNORED);
    INDArray labels = minibatch.getLabels();
    INDArray mask = minibatch.getLabelsMaskArray();
    double[] before = elements(labels);
    double[] maskBefore = elements(mask);
    DataSet oneHot = new OneHotLabels(iterator(List.of(minibatch)), V, IGNORED).next();
    assertSame(labels, minibatch.getLabels());
    assertArrayEquals(before, elements(labels));
    assertSame(mask, minibatch.getLabelsMaskArray());
    assertArrayEquals(maskBefore, elements(mask));
    assertSame(minibatch.getFeatures(), oneHot.getFeatures());
    assertSame(minibatch.getFeaturesMaskArray(), oneHot.getFeaturesMaskArray());
    assertEquals(minibatch.getLabelNamesList(), oneHot.getLabelNamesList());
    assertEquals(minibatch.getExampleMetaData(), oneHot.getExampleMetaData());
    assertEquals(0, oneHot.getLabelsMaskArray().getDouble(0, 0));
    assertEquals(1, oneHot.getLabelsMaskArray().getDouble(0, 2));
  }

  @Test
  void withoutLabelsThereIsNothingToDo() {
    DataSet minibatch = new DataSet(Nd4j.zeros(N, I), null);
    assertNull(new OneHotLabels(iterator(List.of(minibatch)), V).next().getLabels());
  }

  /** An iterator whose every answer tells it apart. */
  private static final class Wrapped extends ListDataSetIterator<DataSet> {
    private DataSetPreProcessor preProcessor;
    private boolean answer;

    Wrapped(List<DataSet> examples) {
      super(examples, 3);
    }

    @Override
    public boolean asyncSupported() {
      return answer;
    }

    @Override
    public boolean resetSupported() {
      return !answer;
    }

    @Override
    public void setPreProcessor(DataSetPreProcessor preProcessor) {
      this.preProcessor = preProcessor;
    }

    @Override
    public DataSetPreProcessor getPreProcessor() {
      return preProcessor;
    }

    @Override
    public List<String> getLabels() {
      return List.of("a", "b", "c", "d");
    }
  }

  @Test
  void everythingElseIsTheWrappedIterators() {
    Wrapped wrapped = new Wrapped(minibatches(Kind.OUTPUT).get(0).asList());
    OneHotLabels oneHot = new OneHotLabels(wrapped, V);
    assertEquals(3, oneHot.batch());
    assertEquals(I, oneHot.inputColumns());
    assertEquals(V, oneHot.totalOutcomes());
    assertEquals(List.of("a", "b", "c", "d"), oneHot.getLabels());
    for (boolean answer : new boolean[] {true, false}) {
      wrapped.answer = answer;
      assertEquals(answer, oneHot.asyncSupported());
      assertEquals(!answer, oneHot.resetSupported());
    }
    DataSetPreProcessor preProcessor = minibatch -> {};
    oneHot.setPreProcessor(preProcessor);
    assertSame(preProcessor, wrapped.preProcessor);
    assertSame(preProcessor, oneHot.getPreProcessor());
    assertArrayEquals(new long[] {2, V}, oneHot.next(2).getLabels().shape());
    assertArrayEquals(new long[] {3, V}, oneHot.next().getLabels().shape());
    oneHot.next();
    assertFalse(oneHot.hasNext());
    oneHot.reset();
    assertTrue(oneHot.hasNext());
    assertTrue(wrapped.hasNext());
  }
}
