package org.backpropninja.layers;

import static org.backpropninja.layers.BatchNormBessel.BIAS;
import static org.backpropninja.layers.BatchNormBessel.GAIN;
import static org.backpropninja.layers.BatchNormBessel.MEAN;
import static org.backpropninja.layers.BatchNormBessel.VAR;

import java.util.Locale;
import org.backpropninja.Backward;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.math.BatchNorm;
import org.backpropninja.math.Moments;
import org.backpropninja.math.Variance;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The runtime of {@link BatchNormBessel}. */
final class BatchNormBesselLayer extends HandWrittenLayer<BatchNormBessel> implements Calibratable {

  private final int H;
  private final BatchNorm batchNorm;
  private final LayerActivation activation;
  private double[] h = {}; // [rows, H], rows being those that no mask leaves out
  private double[] dh = {}; // [rows, H]
  private int rows;
  private Moments observed; // null, but while the layer is calibrated
  private boolean statisticsAreNew; // of a training pass that no backward pass has followed yet

  BatchNormBesselLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    H = (int) layerConf().getNOut();
    double eps = layerConf().getEps();
    Variance variance = layerConf().getVariance();
    Backward way = Crossing.way(layerConf().getBackward());
    batchNorm =
        way == Backward.STEPWISE
            ? new StepwiseBatchNorm(H, eps, variance)
            : new BatchNorm(H, eps, variance);
    activation = LayerActivation.of(layerConf().getActivationFn(), way);
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    requireMatrix(input, H);
    requireFits(input.size(0), H);
    applyDropOutIfNecessary(training, workspaceMgr);
    int n = (int) input.size(0);
    h = atLeast(n * H, h);
    Crossing.read(input, h);
    boolean[] kept = unmaskedRows(n);
    requireFinite(h, kept, n, H);
    rows = Rows.gather(h, H, n, kept);
    if (training) {
      requireEnoughRows();
      batchNorm.forward(h, rows, read(GAIN), read(BIAS), h);
    } else {
      if (observed != null) {
        observed.add(h, rows);
      }
      batchNorm.forward(h, rows, read(MEAN), read(VAR), read(GAIN), read(BIAS), h);
    }
    statisticsAreNew = training;
    activation.forwardInPlace(h, rows, H, training);
    return spread(h, kept, n, ArrayType.ACTIVATIONS, workspaceMgr);
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

  /** Writes rows to where the mask wants them, without disturbing the buffer. */
  private INDArray spread(
      double[] x, boolean[] kept, int n, ArrayType type, LayerWorkspaceMgr workspaceMgr) {
    INDArray out = workspaceMgr.createUninitialized(type, dataType, new long[] {n, H}, 'c');
    Crossing.write(kept == null ? x : Rows.scatter(x, H, n, kept), out);
    return out;
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    int n = (int) epsilon.size(0);
    dh = atLeast(n * H, dh);
    Crossing.read(epsilon, dh);
    boolean[] kept = unmaskedRows(n);
    Rows.gather(dh, H, n, kept);
    activation.backwardInPlace(h, dh, rows, H);
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    batchNorm.backward(dh, read(GAIN), dh, dgain, dbias);

    Gradient gradient = new DefaultGradient();
    put(gradient, GAIN, dgain);
    put(gradient, BIAS, dbias);
    put(gradient, MEAN, new double[H]);
    put(gradient, VAR, new double[H]);
    if (statisticsAreNew) {
      moveRunningStatistics();
      statisticsAreNew = false;
    }
    INDArray dx = spread(dh, kept, n, ArrayType.ACTIVATION_GRAD, workspaceMgr);
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
    for (int j = 0; j < H; j++) {
      double variance = moments.variance(j, layerConf().getRunningVariance());
      mean[j] = decay * mean[j] + (1 - decay) * moments.mean(j);
      var[j] = decay * var[j] + (1 - decay) * variance;
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
