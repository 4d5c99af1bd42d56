package org.backpropninja.layers;

import java.util.Arrays;
import java.util.Collection;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.math.Precision;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What the runtimes share: how they are attached to a network, what they refuse, how they treat a
 * mask.
 *
 * @param <C> the layer's configuration
 */
abstract class HandWrittenLayer<C extends org.deeplearning4j.nn.conf.layers.BaseLayer>
    extends BaseLayer<C> {

  private static final int MOST_ELEMENTS = Integer.MAX_VALUE - (1 << 16);

  HandWrittenLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  /** Does what every DL4J configuration does with the runtime that it has just made. */
  Layer attach(
      Collection<TrainingListener> listeners, int index, INDArray params, boolean initialise) {
    setListeners(listeners);
    setIndex(index);
    setParamsViewArray(params);
    setParamTable(layerConf().initializer().init(conf, params, initialise));
    return this;
  }

  /** What the loops over elements compute in: float where the network does. */
  Precision precision() {
    return dataType == DataType.FLOAT ? Precision.SINGLE : Precision.DOUBLE;
  }

  @Override
  public boolean isPretrainLayer() {
    return false;
  }

  /** An exception that starts with the layer's type, position and name. */
  DL4JInvalidInputException refusal(String message, Object... values) {
    String name = layerConf().getLayerName();
    String layer = layerConf().getClass().getSimpleName() + " (layer " + index;
    return new DL4JInvalidInputException(
        layer + (name == null ? "" : ", \"" + name + "\"") + "): " + message.formatted(values));
  }

  void requireMatrix(INDArray input, long width) {
    if (input.rank() != 2 || input.size(1) != width) {
      throw refusal(
          "input must be a matrix [n, %d], was rank %d with shape %s",
          width, input.rank(), Arrays.toString(input.shape()));
    }
  }

  void requireGradient(INDArray epsilon, long n, long width) {
    if (epsilon.rank() != 2 || epsilon.size(0) != n || epsilon.size(1) != width) {
      throw refusal(
          "epsilon must be a matrix [%d, %d], as the output, was of shape %s",
          n, width, Arrays.toString(epsilon.shape()));
    }
  }

  /**
   * Java arrays, and so the buffers, end at 2³¹ − 1 elements, and a loop over blocks counts one
   * block further.
   */
  void requireFits(long n, long width) {
    if (n * width > MOST_ELEMENTS) {
      throw refusal(
          "a minibatch must hold at most %d elements, was of %d × %d", MOST_ELEMENTS, n, width);
    }
  }

  /** Refuses what is not finite in the rows that are kept, all of them if {@code kept} is null. */
  void requireFinite(double[] x, boolean[] kept, int n, int width) {
    for (int k = 0; k < n * width; k++) {
      if (!Double.isFinite(x[k]) && (kept == null || kept[k / width])) {
        throw refusal("input[%d, %d] must be a finite number, was %s", k / width, k % width, x[k]);
      }
    }
  }

  /** A buffer of at least that length: the one given if it will do. */
  static double[] atLeast(int length, double[] buffer) {
    return buffer.length >= length ? buffer : new double[length];
  }

  /** Which rows the mask keeps, null without a mask: those where it is not 0. */
  boolean[] unmaskedRows(int n) {
    if (maskArray == null) {
      return null;
    }
    if (maskArray.length() != n) {
      throw refusal(
          "mask must hold one value for each of the %d examples, was of shape %s",
          n, Arrays.toString(maskArray.shape()));
    }
    double[] mask = Crossing.read(maskArray);
    boolean[] kept = new boolean[n];
    for (int i = 0; i < n; i++) {
      kept[i] = mask[i] != 0;
    }
    return kept;
  }

  /** Sets the rows that the mask leaves out to zero. */
  void maskRows(double[] x, int n, int width) {
    boolean[] kept = unmaskedRows(n);
    for (int i = 0; kept != null && i < n; i++) {
      if (!kept[i]) {
        Arrays.fill(x, i * width, (i + 1) * width, 0);
      }
    }
  }
}
