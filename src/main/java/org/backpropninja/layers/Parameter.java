package org.backpropninja.layers;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInitUtil;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One parameter array of a layer: its key, its shape and its first values.
 *
 * <p>DL4J's keys tell what regularisation, constraints and weight noise go by: {@code "W"} is a
 * weight, {@code "b"} a bias, and any other neither, which is DL4J's rule for batch norm.
 *
 * @param key as in {@code paramTable()}
 * @param length number of elements
 * @param shape gives a flat view its shape
 * @param initialise fills a flat view with first values and gives it its shape
 */
record Parameter(
    String key, long length, UnaryOperator<INDArray> shape, UnaryOperator<INDArray> initialise) {

  /** A matrix [rows, columns] of weights, column-major as all of DL4J's are. */
  static Parameter weights(long rows, long columns, IWeightInit init) {
    long[] shape = {rows, columns};
    return new Parameter(
        WEIGHT_KEY,
        rows * columns,
        view -> WeightInitUtil.reshapeWeights(shape, view),
        view -> init.init(rows, columns, shape, IWeightInit.DEFAULT_WEIGHT_INIT_ORDER, view));
  }

  /** A vector that starts with one value everywhere. */
  static Parameter vector(String key, long length, double value) {
    return new Parameter(key, length, view -> view, view -> view.assign(value));
  }
}
