package org.backpropninja.layers;

import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInitUtil;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One parameter array of a layer: its key, what kind it is, its shape and its first values.
 *
 * @param key as in {@code paramTable()}
 * @param kind what regularisation, constraints and weight noise go by
 * @param length number of elements
 * @param shape gives a flat view its shape
 * @param initialise fills a flat view with first values and gives it its shape
 */
record Parameter(
    String key,
    Kind kind,
    long length,
    UnaryOperator<INDArray> shape,
    UnaryOperator<INDArray> initialise) {

  enum Kind {
    WEIGHT,
    BIAS,
    /** Neither regularised nor constrained nor noisy: DL4J's rule for batch norm. */
    PLAIN
  }

  /** A matrix [rows, columns], column-major as all of DL4J's weights are. */
  static Parameter weights(String key, long rows, long columns, IWeightInit init) {
    long[] shape = {rows, columns};
    return new Parameter(
        key,
        Kind.WEIGHT,
        rows * columns,
        view -> WeightInitUtil.reshapeWeights(shape, view),
        view -> init.init(rows, columns, shape, IWeightInit.DEFAULT_WEIGHT_INIT_ORDER, view));
  }

  /** A vector that starts with one value everywhere. */
  static Parameter vector(String key, Kind kind, long length, double value) {
    return new Parameter(key, kind, length, view -> view, view -> view.assign(value));
  }
}
