package org.backpropninja.layers;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.MatrixProduct;
import org.backpropninja.math.Affine;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The runtime of {@link ManualDense}: products by BLAS in the network's type, the rest in double.
 */
final class ManualDenseLayer extends HandWrittenLayer<ManualDense> {

  private final LayerActivation activation;
  private double[] h = {}; // [n, H]
  private double[] dz = {}; // [n, H]

  ManualDenseLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    activation = LayerActivation.of(layerConf().getActivationFn());
  }

  @Override
  public boolean hasBias() {
    return layerConf().isHasBias();
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    requireMatrix(input, layerConf().getNIn());
    applyDropOutIfNecessary(training, workspaceMgr);
    int n = (int) input.size(0);
    int H = (int) layerConf().getNOut();
    INDArray W = getParamWithNoise(WEIGHT_KEY, training, workspaceMgr);
    INDArray out =
        workspaceMgr.createUninitialized(
            ArrayType.ACTIVATIONS, W.dataType(), new long[] {n, H}, 'c');
    MatrixProduct.multiply(input, false, W, false, out);
    h = atLeast(n * H, h);
    Crossing.read(out, h);
    explainIfNotFinite(h, n, H);
    if (hasBias()) {
      Affine.addBias(Crossing.read(getParamWithNoise(BIAS_KEY, training, workspaceMgr)), h, n);
    }
    activation.forwardInPlace(h, n, H, training);
    maskRows(h, n, H);
    Crossing.write(h, out);
    return out;
  }

  /**
   * A product that is not finite is looked into: scanning the product is cheaper than the input.
   */
  private void explainIfNotFinite(double[] product, int n, int H) {
    for (int k = 0; k < n * H; k++) {
      if (!Double.isFinite(product[k])) {
        requireFinite(Crossing.read(input), null, n, (int) input.size(1));
        return; // the weights have diverged: not the input's fault, and the loss will say so
      }
    }
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    int n = (int) input.size(0);
    int H = (int) layerConf().getNOut();
    INDArray W = getParamWithNoise(WEIGHT_KEY, true, workspaceMgr);
    dz = atLeast(n * H, dz);
    Crossing.read(epsilon, dz);
    maskRows(dz, n, H);
    activation.backwardInPlace(h, dz, n, H);

    INDArray dy = derivativeOfProduct(epsilon, n, H, workspaceMgr);
    Gradient gradient = new DefaultGradient();
    INDArray dW = gradientViews.get(WEIGHT_KEY);
    MatrixProduct.multiply(input, true, dy, false, dW); // xᵀ·dy
    gradient.setGradientFor(WEIGHT_KEY, dW);
    if (hasBias()) {
      double[] db = new double[H];
      Affine.biasGradient(dz, n, db);
      Crossing.write(db, gradientViews.get(BIAS_KEY));
      gradient.setGradientFor(BIAS_KEY, gradientViews.get(BIAS_KEY));
    }
    INDArray dx =
        workspaceMgr.createUninitialized(
            ArrayType.ACTIVATION_GRAD, W.dataType(), new long[] {n, W.size(0)}, 'c');
    MatrixProduct.multiply(dy, false, W, true, dx); // dy·Wᵀ
    weightNoiseParams.clear();
    return new Pair<>(gradient, backpropDropOutIfPresent(dx));
  }

  /** dz as an array: epsilon itself where nothing has changed it. */
  private INDArray derivativeOfProduct(
      INDArray epsilon, int n, int H, LayerWorkspaceMgr workspaceMgr) {
    if (activation instanceof LayerActivation.Identity && maskArray == null) {
      return epsilon;
    }
    INDArray dy =
        workspaceMgr.createUninitialized(
            ArrayType.BP_WORKING_MEM, dataType, new long[] {n, H}, 'c');
    Crossing.write(dz, dy);
    return dy;
  }
}
