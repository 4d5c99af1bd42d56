package org.backpropninja.layers;

import static org.backpropninja.arrays.Crossing.matrix;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import org.backpropninja.Backward;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.HostElements;
import org.backpropninja.arrays.MatrixProduct;
import org.backpropninja.arrays.NewMatrix;
import org.backpropninja.arrays.Workspaces;
import org.backpropninja.math.Columns;
import org.backpropninja.math.FiniteCheck;
import org.backpropninja.stepwise.AffineSteps;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The runtime of {@link ManualDense}: products by BLAS, sums and checks in the network's type,
 * activations in double.
 */
final class ManualDenseLayer extends HandWrittenLayer<ManualDense> {

  private final boolean stepwise;
  private final LayerActivation activation;
  private AffineSteps steps; // null unless stepwise
  private final FiniteCheck finite = new FiniteCheck(precision());
  private final Columns columns;
  private double[] h = {}; // [n, H]
  private double[] dz = {}; // [n, H]

  ManualDenseLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    Backward way = Crossing.way(layerConf().getBackward());
    stepwise = way == Backward.STEPWISE;
    activation = LayerActivation.of(layerConf().getActivationFn(), way);
    columns = new Columns((int) layerConf().getNOut(), precision());
  }

  @Override
  public boolean hasBias() {
    return layerConf().isHasBias();
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    requireMatrix(input, layerConf().getNIn());
    requireFits(input.size(0), Math.max(layerConf().getNIn(), layerConf().getNOut()));
    applyDropOutIfNecessary(training, workspaceMgr);
    int n = (int) input.size(0);
    int H = (int) layerConf().getNOut();
    INDArray W = getParamWithNoise(WEIGHT_KEY, training, workspaceMgr);
    double[] b =
        hasBias() ? Crossing.read(getParamWithNoise(BIAS_KEY, training, workspaceMgr)) : null;
    INDArray z = NewMatrix.of(workspaceMgr, ArrayType.ACTIVATIONS, dataType, n, H);
    if (stepwise) {
      forwardStepwise(W, b == null ? new double[H] : b, z);
    } else if (b == null) {
      MatrixProduct.multiply(input, false, W, false, z);
    } else {
      Crossing.writeRows(b, z);
      MatrixProduct.multiplyAndAdd(input, false, W, false, z);
    }
    return finish(z, n, H, training);
  }

  private void forwardStepwise(INDArray W, double[] b, INDArray z) {
    Workspaces.outside(
        () -> {
          steps = AffineSteps.forward(matrix(input), matrix(W), matrix(b, 1, b.length));
          Crossing.write(Crossing.read(steps.y()), z);
        });
  }

  /** Replaces z by h, after a look whether it is finite. */
  private INDArray finish(INDArray z, int n, int H, boolean training) {
    int I = (int) input.size(1);
    if (isProductAlone() && H > I) {
      explainUnless(finite.passes(HostElements.of(input), n * I)); // narrower than z
      return z;
    }
    explainUnless(finite.passes(HostElements.of(z), n * H));
    if (!isProductAlone()) {
      h = atLeast(n * H, h);
      Crossing.read(z, h);
      activation.forwardInPlace(h, n, H, training);
      maskRows(h, n, H);
      Crossing.write(h, z);
    }
    return z;
  }

  /** Whether z is h, and dh is dz, so that neither has to be touched. */
  private boolean isProductAlone() {
    return activation instanceof LayerActivation.Identity && maskArray == null;
  }

  /** What is not finite comes from the input, or the weights have diverged. */
  private void explainUnless(boolean isFinite) {
    if (!isFinite) {
      int I = (int) input.size(1);
      requireFinite(Crossing.read(input), null, (int) input.size(0), I);
    }
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    int n = (int) input.size(0);
    int H = (int) layerConf().getNOut();
    requireGradient(epsilon, n, H);
    INDArray dx =
        NewMatrix.of(workspaceMgr, ArrayType.ACTIVATION_GRAD, dataType, n, layerConf().getNIn());
    double[] db = new double[H];
    if (stepwise) {
      backwardStepwise(derivativeOfProduct(epsilon, n, H), n, db, dx);
    } else {
      INDArray dy = epsilon;
      if (!isProductAlone()) {
        dy = NewMatrix.of(workspaceMgr, ArrayType.BP_WORKING_MEM, dataType, n, H);
        Crossing.write(derivativeOfProduct(epsilon, n, H), dy);
      }
      INDArray W = getParamWithNoise(WEIGHT_KEY, true, workspaceMgr);
      MatrixProduct.multiply(input, true, dy, false, gradientViews.get(WEIGHT_KEY)); // xᵀ·dy
      MatrixProduct.multiply(dy, false, W, true, dx); // dy·Wᵀ
      if (hasBias()) {
        columns.sum(HostElements.of(dy), n, db); // Σ_rows dy
      }
    }
    weightNoiseParams.clear();
    return new Pair<>(gradient(db), backpropDropOutIfPresent(dx));
  }

  private void backwardStepwise(double[] dz, int n, double[] db, INDArray dx) {
    Workspaces.outside(
        () -> {
          AffineSteps.Gradients gradients = steps.backward(matrix(dz, n, db.length));
          Crossing.write(Crossing.read(gradients.dw()), gradientViews.get(WEIGHT_KEY));
          Crossing.read(gradients.db(), db);
          Crossing.write(Crossing.read(gradients.dx()), dx);
        });
  }

  private Gradient gradient(double[] db) {
    Gradient gradient = new DefaultGradient();
    gradient.setGradientFor(WEIGHT_KEY, gradientViews.get(WEIGHT_KEY));
    if (hasBias()) {
      Crossing.write(db, gradientViews.get(BIAS_KEY));
      gradient.setGradientFor(BIAS_KEY, gradientViews.get(BIAS_KEY));
    }
    return gradient;
  }

  private double[] derivativeOfProduct(INDArray epsilon, int n, int H) {
    dz = atLeast(n * H, dz);
    Crossing.read(epsilon, dz);
    maskRows(dz, n, H);
    activation.backwardInPlace(h, dz, n, H);
    return dz;
  }
}
