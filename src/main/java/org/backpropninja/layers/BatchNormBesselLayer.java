package org.backpropninja.layers;

import static org.backpropninja.layers.BatchNormBessel.BIAS;
import static org.backpropninja.layers.BatchNormBessel.GAIN;
import static org.backpropninja.layers.BatchNormBessel.MEAN;
import static org.backpropninja.layers.BatchNormBessel.VAR;

import java.util.Locale;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.internal.Pass;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Moments;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Statistics;
import org.backpropninja.math.Variance;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;

/** The runtime of {@link BatchNormBessel}. */
final class BatchNormBesselLayer extends HandWrittenLayer<BatchNormBessel> implements Calibratable {

  private static final double LARGEST_HALF = 65504;

  private final int H;
  private final LayerActivation activation;
  private final Cores.BatchNorm batchNorm;
  private final double largest; // that the network's type holds
  private MomentsAccumulator observed; // null, but while the layer is calibrated
  private Moments newMoments; // of a training pass that no backward pass has followed yet, or null

  BatchNormBesselLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    H = (int) layerConf().getNOut();
    activation = new LayerActivation(layerConf().getActivationFn(), matrixType());
    batchNorm = cores().batchNorm(H, layerConf().getEps(), activation.inside());
    largest =
        switch (dataType) {
          case DOUBLE -> Double.MAX_VALUE;
          case HALF -> LARGEST_HALF;
          default -> Float.MAX_VALUE;
        };
  }

  @Override
  boolean readsInputAgain() {
    return false; // bnraw and h are kept
  }

  @Override
  public void forward(Matrix hprebn, Pass pass, Matrix h) {
    newMoments = pass.trains() ? measure(hprebn) : null;
    Statistics statistics =
        pass.trains()
            ? newMoments.statistics(layerConf().getVariance())
            : runningStatistics(hprebn, pass);
    batchNorm.forward(hprebn, statistics, parameter(GAIN), parameter(BIAS), h, pass.keeps());
    activation.forward(h, pass);
  }

  private Moments measure(Matrix hprebn) {
    requireDescent();
    requireEnoughRows(hprebn.rows());
    Moments moments = batchNorm.measure(hprebn);
    for (int j = 0; j < H; j++) {
      double var = moments.variance(j, layerConf().getRunningVariance());
      if (!(fits(moments.mean()[j]) && fits(var))) { // so too if they are NaN
        requireFinite(hprebn);
        throw refusal(
            "column %d's mean (%s) and variance (%s) must fit into %s; scale the input, or take a"
                + " wider type for the network",
            j, moments.mean()[j], var, dataType);
      }
    }
    return moments;
  }

  private boolean fits(double statistic) {
    return Math.abs(statistic) <= largest;
  }

  private void requireDescent() {
    OptimizationAlgorithm algorithm = conf.getOptimizationAlgo();
    if (algorithm != OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT) {
      throw refusal(
          "optimizationAlgo (%s) must be STOCHASTIC_GRADIENT_DESCENT: DL4J sets the running"
              + " statistics back with each step of the others",
          algorithm);
    }
  }

  private void requireEnoughRows(int rows) {
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
          isMasked() ? " after masking" : "");
    }
  }

  private Statistics runningStatistics(Matrix hprebn, Pass pass) {
    requireFinite(hprebn);
    if (observed != null && pass == Pass.INFERENCE) {
      observed.add(hprebn);
    }
    return Statistics.constant(values(MEAN), values(VAR));
  }

  @Override
  public void backward(Matrix dh, Matrix hprebn, Matrix dhprebn) {
    Matrix dhpreact = activation.backward(dh);
    Matrix dx = dhprebn == null ? dhpreact : dhprebn; // nobody reads dhpreact again
    batchNorm.backward(dhpreact, dx, gradient(GAIN), gradient(BIAS));
    gradient(MEAN).write(new float[H], 0, H);
    gradient(VAR).write(new float[H], 0, H);
    moveRunningStatistics();
  }

  /**
   * Moves the running statistics here and not through the gradient, as DL4J does: what clips,
   * scales or regularises gradients would spoil them. In the backward pass, once for each training
   * forward pass, so that scoring and predicting have no side effect.
   */
  private void moveRunningStatistics() {
    if (newMoments == null) {
      return;
    }
    double[] mean = values(MEAN);
    double[] var = values(VAR);
    for (int j = 0; j < H; j++) {
      mean[j] = moved(mean[j], newMoments.mean()[j]);
      var[j] = moved(var[j], newMoments.variance(j, layerConf().getRunningVariance()));
    }
    write(mean, MEAN);
    write(var, VAR);
    newMoments = null;
  }

  /** Without the past if it has no weight: 0·∞ is no number. */
  private double moved(double running, double minibatch) {
    double decay = layerConf().getDecay();
    return decay == 0 ? minibatch : decay * running + (1 - decay) * minibatch;
  }

  @Override
  public void clear() {
    super.clear();
    newMoments = null;
  }

  @Override
  public int columns() {
    return H;
  }

  @Override
  public void observe(MomentsAccumulator moments) {
    observed = moments;
  }

  @Override
  public void adopt(Moments moments) {
    Variance convention = layerConf().getRunningVariance();
    if (convention.divisor(moments.n()) < 1) {
      throw new IllegalArgumentException(
          "moments (of %d examples) are of too few for the %s variance to have a value"
              .formatted(moments.n(), convention.name().toLowerCase(Locale.ROOT)));
    }
    double[] var = moments.statistics(convention).variance();
    for (int j = 0; j < H; j++) {
      if (!(fits(moments.mean()[j]) && fits(var[j]))) {
        throw new IllegalArgumentException(
            "moments (mean %s, variance %s of column %d) must fit into %s"
                .formatted(moments.mean()[j], var[j], j, dataType));
      }
    }
    write(moments.mean(), MEAN);
    write(var, VAR);
  }
}
