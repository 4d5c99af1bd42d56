package org.backpropninja.layers;

import static org.backpropninja.layers.BatchNormBessel.BIAS;
import static org.backpropninja.layers.BatchNormBessel.GAIN;
import static org.backpropninja.layers.BatchNormBessel.MEAN;
import static org.backpropninja.layers.BatchNormBessel.VAR;

import java.util.Locale;
import org.backpropninja.Backward;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.HostElements;
import org.backpropninja.arrays.NewMatrix;
import org.backpropninja.math.BatchNorm;
import org.backpropninja.math.Elements;
import org.backpropninja.math.Moments;
import org.backpropninja.math.Nonlinearity;
import org.backpropninja.math.Variance;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The runtime of {@link BatchNormBessel}. It goes back through the forward pass that ran last, and
 * reads its input again: neither another pass nor a change of the input may come between.
 */
final class BatchNormBesselLayer extends HandWrittenLayer<BatchNormBessel> implements Calibratable {

  private final int H;
  private final BatchNorm batchNorm;
  private final LayerActivation activation; // what batchNorm does not do itself
  private double[] h = {}; // [rows, H] where a mask or an activation needs them in an array
  private double[] dh = {}; // [rows, H]
  private int rows; // those that no mask leaves out
  private Moments observed; // null, but while the layer is calibrated
  private boolean statisticsAreNew; // of a training pass that no backward pass has followed yet

  BatchNormBesselLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    H = (int) layerConf().getNOut();
    double eps = layerConf().getEps();
    Variance variance = layerConf().getVariance();
    Backward way = Crossing.way(layerConf().getBackward());
    LayerActivation chosen = LayerActivation.of(layerConf().getActivationFn(), way);
    if (way == Backward.STEPWISE) {
      batchNorm = new StepwiseBatchNorm(H, eps, variance);
      activation = chosen;
    } else {
      boolean tanh = chosen instanceof LayerActivation.ByHand;
      Nonlinearity inside = tanh ? Nonlinearity.TANH : Nonlinearity.IDENTITY;
      batchNorm = new BatchNorm(H, eps, variance, inside, precision());
      activation = tanh ? new LayerActivation.Identity() : chosen;
    }
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    requireMatrix(input, H);
    requireFits(input.size(0), H);
    applyDropOutIfNecessary(training, workspaceMgr);
    int n = (int) input.size(0);
    boolean[] kept = unmaskedRows(n);
    Elements hprebn = rowsOf(input, kept);
    if (training) {
      requireEnoughRows();
    } else if (observed != null) {
      observed.add(hprebn, rows);
    }
    INDArray out = NewMatrix.of(workspaceMgr, ArrayType.ACTIVATIONS, dataType, n, H);
    if (isInPlace(out, kept)) {
      forward(hprebn, training, HostElements.of(out), kept);
    } else {
      h = atLeast(n * H, h);
      forward(hprebn, training, Elements.of(h), kept);
      activation.forwardInPlace(h, rows, H, training);
      Crossing.write(kept == null ? h : Rows.scatter(h, H, n, kept), out);
    }
    statisticsAreNew = training;
    return out;
  }

  /** The rows that are kept, where they are or copied together, and how many they are. */
  private Elements rowsOf(INDArray x, boolean[] kept) {
    rows = (int) x.size(0);
    if (kept == null) {
      return HostElements.of(x);
    }
    double[] gathered = Crossing.read(x);
    rows = Rows.gather(gathered, H, rows, kept);
    return Elements.of(gathered);
  }

  /** Whether batchNorm may write its results where they belong, as nothing is left to be done. */
  private boolean isInPlace(INDArray result, boolean[] kept) {
    return kept == null
        && activation instanceof LayerActivation.Identity
        && HostElements.reaches(result);
  }

  private void forward(Elements hprebn, boolean training, Elements to, boolean[] kept) {
    boolean finite =
        training
            ? batchNorm.forward(hprebn, rows, read(GAIN), read(BIAS), to)
            : batchNorm.forward(hprebn, rows, read(MEAN), read(VAR), read(GAIN), read(BIAS), to);
    if (!finite) {
      requireFinite(Crossing.read(input), kept, (int) input.size(0), H);
    }
  }

  private double[] read(String key) {
    return Crossing.read(getParam(key));
  }

  private void requireEnoughRows() {
    boolean unbiased =
        layerConf().getVariance() == Variance.UNBIASED
            || layerConf().getRunningVariance() == Variance.UNBIASED;
    int least = unbiased ? 2 : 1;
    if (rows < least) {
      throw refusal(
          "a training minibatch must hold at least %d examples%s, was of %d%s",
          least,
          unbiased ? ", or the unbiased variance has no value" : "",
          rows,
          maskArray == null ? "" : " after masking");
    }
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    int n = (int) input.size(0);
    requireGradient(epsilon, n, H);
    boolean[] kept = unmaskedRows(n);
    Elements hprebn = rowsOf(input, kept);
    double[] gain = read(GAIN);
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    INDArray dx = NewMatrix.of(workspaceMgr, ArrayType.ACTIVATION_GRAD, dataType, n, H);
    if (isInPlace(dx, kept)) {
      Elements to = HostElements.of(dx);
      batchNorm.backward(hprebn, HostElements.of(epsilon), gain, to, dgain, dbias);
    } else {
      dh = atLeast(n * H, dh);
      Crossing.read(epsilon, dh);
      Rows.gather(dh, H, n, kept);
      activation.backwardInPlace(h, dh, rows, H);
      batchNorm.backward(hprebn, Elements.of(dh), gain, Elements.of(dh), dgain, dbias);
      Crossing.write(kept == null ? dh : Rows.scatter(dh, H, n, kept), dx);
    }

    Gradient gradient = new DefaultGradient();
    put(gradient, GAIN, dgain);
    put(gradient, BIAS, dbias);
    put(gradient, MEAN, new double[H]);
    put(gradient, VAR, new double[H]);
    if (statisticsAreNew) {
      moveRunningStatistics();
      statisticsAreNew = false;
    }
    return new Pair<>(gradient, backpropDropOutIfPresent(dx));
  }

  private void put(Gradient gradient, String key, double[] values) {
    INDArray view = gradientViews.get(key);
    Crossing.write(values, view);
    gradient.setGradientFor(key, view);
  }

  /**
   * Moves the running statistics here and not through the gradient, as DL4J does: what clips,
   * scales or regularises gradients would spoil them. In the backward pass, once for each training
   * forward pass, so that scoring and predicting have no side effect.
   */
  private void moveRunningStatistics() {
    setRunningStatistics(batchNorm.moments(), layerConf().getDecay());
  }

  private void setRunningStatistics(Moments moments, double decay) {
    double[] mean = read(MEAN);
    double[] var = read(VAR);
    Variance variance = layerConf().getRunningVariance();
    for (int j = 0; j < H; j++) {
      mean[j] = decay * mean[j] + (1 - decay) * moments.mean(j);
      var[j] = decay * var[j] + (1 - decay) * moments.variance(j, variance);
    }
    Crossing.write(mean, getParam(MEAN));
    Crossing.write(var, getParam(VAR));
  }

  @Override
  public int columns() {
    return H;
  }

  @Override
  public void observe(Moments moments) {
    observed = moments;
  }

  @Override
  public void adopt(Moments moments) {
    if (layerConf().getRunningVariance().divisor(moments.count()) < 1) {
      throw new IllegalArgumentException(
          "moments (of %d examples) are of too few for the %s variance to have a value"
              .formatted(
                  moments.count(),
                  layerConf().getRunningVariance().name().toLowerCase(Locale.ROOT)));
    }
    setRunningStatistics(moments, 0);
  }
}
