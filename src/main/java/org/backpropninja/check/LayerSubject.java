package org.backpropninja.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.backpropninja.check.LayerConformance.StateOracle;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/** The layer that is checked, what is declared of it, and data for it. */
final class LayerSubject {

  private static final long STEPS = 4; // of a sequence whose length is not given

  private final Supplier<? extends Layer> supplier;
  private final InputType input;
  private final int indices;
  private final Set<Feature> supported;
  private final Set<Feature> refused;
  private final Map<String, StateOracle> states;
  private final BiConsumer<ComputationGraph, DataSetIterator> calibration;
  private final List<String> keys; // of all parameters

  LayerSubject(
      Supplier<? extends Layer> supplier,
      InputType input,
      int indices,
      Set<Feature> supported,
      Set<Feature> refused,
      Map<String, StateOracle> states,
      BiConsumer<ComputationGraph, DataSetIterator> calibration) {
    this.supplier = supplier;
    this.input = withLength(input);
    this.indices = indices;
    this.supported = Set.copyOf(supported);
    this.refused = Set.copyOf(refused);
    this.states = Collections.unmodifiableMap(new LinkedHashMap<>(states)); // in their order
    this.calibration = calibration;
    Layer layer = Conformance.required(supplier.get(), "layer");
    if (layer == supplier.get()) {
      throw new IllegalArgumentException(
          "layer must be a new one on each call, because a network sets its sizes");
    }
    keys = keysInANetwork();
    for (String state : states.keySet()) {
      if (!keys.contains(state)) {
        throw new IllegalArgumentException(
            "parameter (%s) must be one of the layer's: %s".formatted(state, keys));
      }
    }
  }

  private List<String> keysInANetwork() {
    try {
      return new ArrayList<>(Rig.of(this, Rig.Site.FIRST).parameters().keySet());
    } catch (RuntimeException e) {
      throw new IllegalStateException(
          "layer (%s) cannot be put into a network whose input is %s: %s"
              .formatted(supplier.get(), input, e.getMessage()),
          e);
    }
  }

  private static InputType withLength(InputType input) {
    return input instanceof InputType.InputTypeRecurrent sequence
            && sequence.getTimeSeriesLength() < 1
        ? InputType.recurrent(sequence.getSize(), STEPS, sequence.getFormat())
        : input;
  }

  /** A new layer. */
  Layer layer() {
    return supplier.get();
  }

  InputType inputType() {
    return input;
  }

  boolean supports(Feature feature) {
    return supported.contains(feature)
        || feature.isExpectedUnlessDeclared() && !refused.contains(feature);
  }

  boolean refuses(Feature feature) {
    return refused.contains(feature);
  }

  /** Whether the input is made of indices, which have no gradient. */
  boolean takesIndices() {
    return indices > 0;
  }

  /**
   * Whether nIn and the format follow from the input type, whatever the layer says. The size of
   * indices says nothing about the number of classes.
   */
  boolean setsNIn() {
    return !takesIndices();
  }

  /** The keys of all parameters, in their order. */
  List<String> keys() {
    return keys;
  }

  /** The keys of the parameters that have a gradient. */
  List<String> trainedKeys() {
    return keys.stream().filter(key -> !states.containsKey(key)).toList();
  }

  Map<String, StateOracle> states() {
    return states;
  }

  BiConsumer<ComputationGraph, DataSetIterator> calibration() {
    return calibration;
  }

  /** The numbers of examples that gradients are checked with. */
  List<Integer> minibatchSizes(Integer... sizes) {
    return List.of(sizes).stream().filter(n -> n > 1 || supports(Feature.SINGLE_EXAMPLE)).toList();
  }

  long[] inputShape(long n) {
    return shape(input, n);
  }

  /** The shape of an array of n examples. */
  static long[] shape(InputType type, long n) {
    long[] shape = type.getShape(true);
    shape[0] = n;
    return shape;
  }

  /** An input of n examples in double. */
  INDArray input(int n, Random random) {
    return input(inputShape(n), random);
  }

  /** An input of any shape, in double. */
  INDArray input(long[] shape, Random random) {
    return takesIndices() ? filled(shape, () -> random.nextInt(indices)) : normal(random, shape);
  }

  /** How many classes the indices are of, 0 if the input is made of numbers. */
  int indices() {
    return indices;
  }

  /**
   * A mask of zeros and ones that keeps the first of each two neighbours at least: [n, 1] for
   * matrices, [n, t] for sequences, [n, 1, h, w] for images in either format, alike for volumes.
   */
  INDArray mask(int n, Random random) {
    int[] kept = {0};
    return filled(maskShape(n), () -> kept[0]++ % 2 == 0 || random.nextBoolean() ? 1 : 0);
  }

  long[] maskShape(long n) {
    long[] shape = input.getShape(true);
    int channels = channelAxis(input);
    if (shape.length == 2 || isFlattened()) {
      return new long[] {n, 1};
    }
    if (shape.length == 3) {
      return new long[] {n, shape[3 - channels]};
    }
    LongStream positions =
        IntStream.range(1, shape.length).filter(k -> k != channels).mapToLong(k -> shape[k]);
    return LongStream.concat(LongStream.of(n, 1), positions).toArray();
  }

  /** Whether DL4J makes a row of each image before the layer sees it. */
  private boolean isFlattened() {
    InputPreProcessor before = layer().getPreProcessorForInputType(input);
    return before != null
        && !(input instanceof InputType.InputTypeRecurrent)
        && before.getOutputType(input) instanceof InputType.InputTypeFeedForward;
  }

  /** The axis of the array that holds the channels. */
  static int channelAxis(InputType type) {
    long[] shape = type.getShape(true);
    boolean last =
        type instanceof InputType.InputTypeRecurrent rnn && rnn.getFormat() == RNNFormat.NWC
            || type instanceof InputType.InputTypeConvolutional cnn
                && cnn.getFormat() == CNN2DFormat.NHWC
            || type instanceof InputType.InputTypeConvolutional3D volume
                && volume.getDataFormat() == Convolution3D.DataFormat.NDHWC;
    return last ? shape.length - 1 : 1;
  }

  /** Normally distributed numbers. */
  static INDArray normal(Random random, long... shape) {
    return filled(shape, random::nextGaussian);
  }

  private interface Source {
    double next();
  }

  private static INDArray filled(long[] shape, Source source) {
    double[] values = new double[Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b))];
    for (int k = 0; k < values.length; k++) {
      values[k] = source.next();
    }
    return Nd4j.create(values, shape, 'c');
  }

  /** How many parameters a new layer has for such an input, −1 if it refuses that. */
  long numParams(InputType type) {
    try {
      MultiLayerConfiguration network =
          Rig.settings(DataType.DOUBLE)
              .list(layer())
              .setInputType(type)
              .validateOutputLayerConfig(false)
              .build();
      Layer layer = network.getConf(0).getLayer();
      return layer.initializer().numParams(layer);
    } catch (RuntimeException refusal) {
      return -1;
    }
  }

  /** What n examples look like, in words. */
  static String examples(int n) {
    return n == 1 ? "1 example" : n + " examples";
  }

  static INDArray cast(INDArray x, DataType type) {
    return x.dataType() == type ? x : x.castTo(type);
  }
}
