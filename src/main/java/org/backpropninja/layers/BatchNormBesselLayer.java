package org.backpropninja.layers;

import static org.backpropninja.layers.BatchNormBessel.BATCHES;
import static org.backpropninja.layers.BatchNormBessel.BIAS;
import static org.backpropninja.layers.BatchNormBessel.GAIN;
import static org.backpropninja.layers.BatchNormBessel.MEAN;
import static org.backpropninja.layers.BatchNormBessel.VAR;

import java.util.Arrays;
import java.util.Locale;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.internal.Pass;
import org.backpropninja.layers.BatchNormBessel.OnSingleValue;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Moments;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Statistics;
import org.backpropninja.math.Variance;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;

/** The runtime of {@link BatchNormBessel}. */
final class BatchNormBesselLayer extends HandWrittenLayer<BatchNormBessel> implements Calibratable {

  private static final double LARGEST_HALF = 65504;

  private final int H;
  private final LayerActivation activation;
  private final Cores.BatchNorm batchNorm;
  private final Matrix fixedGain; // where none is trained
  private final Matrix fixedBias;
  private final Matrix unwanted; // takes the gradient of what is not there
  private final double largest; // that the network's type holds
  private MomentsAccumulator observed; // null, but while the layer is calibrated
  private Moments newMoments; // of a training pass that no backward pass has followed yet, or null

  BatchNormBesselLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    requireCount(dataType);
    H = (int) layerConf().getNOut();
    fixedGain = everywhere(layerConf().getGainInit());
    fixedBias = everywhere(layerConf().biasWithoutTraining());
    unwanted = everywhere(0);
    activation = new LayerActivation(layerConf().getActivationFn(), matrixType());
    batchNorm = cores().batchNorm(H, layerConf().getEps(), activation.inside());
    largest =
        switch (dataType) {
          case DOUBLE -> Double.MAX_VALUE;
          case HALF -> LARGEST_HALF;
          default -> Float.MAX_VALUE;
        };
  }

  private Matrix everywhere(double value) {
    double[] row = new double[H];
    Arrays.fill(row, value);
    return Matrix.of(row, 1, H);
  }

  private void requireCount(DataType dataType) {
    boolean countsFar = dataType == DataType.FLOAT || dataType == DataType.DOUBLE;
    if (layerConf().isCumulativeAverage() && !countsFar) {
      throw new DL4JInvalidConfigException(
          "BatchNormBessel (\"%s\"): cumulativeAverage needs a FLOAT or DOUBLE network, was %s, which counts no further than some 2,000 minibatches; set decay, or take a wider type"
              .formatted(layerConf().getLayerName(), dataType));
    }
  }

  @Override
  boolean readsInputAgain() {
    return false; // bnraw and h are kept
  }

  @Override
  public void forward(Matrix hprebn, Pass pass, Matrix h) {
    newMoments = null;
    Matrix gain = layerConf().isUseGain() ? parameter(GAIN) : fixedGain;
    Matrix bias = layerConf().isUseBias() ? parameter(BIAS) : fixedBias;
    batchNorm.forward(hprebn, statistics(hprebn, pass), gain, bias, h, pass.keeps());
    activation.forward(h, pass);
  }

  private Statistics statistics(Matrix hprebn, Pass pass) {
    boolean byItsOwn = pass.trains() || !hasRunningStatistics();
    if (byItsOwn && hprebn.rows() == 1 && layerConf().getOnSingleValue() == OnSingleValue.REFUSE) {
      throw refusal(
          "a%s minibatch must hold at least 2 values a channel%s, was of 1, which has no spread;"
              + " leave it out, join it with another, or set onSingleValue(USE_RUNNING)",
          pass.trains() ? " training" : "", isMasked() ? " after masking" : "");
    }
    if (!byItsOwn || hprebn.rows() == 1) {
      return runningStatistics(hprebn, pass);
    }
    if (hasRunningStatistics()) {
      requireDescent();
    }
    Moments moments = measure(hprebn);
    newMoments = hasRunningStatistics() ? moments : null;
    return moments.statistics(layerConf().getVariance());
  }

  private Moments measure(Matrix hprebn) {
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
    Matrix dgain = layerConf().isUseGain() ? gradient(GAIN) : unwanted;
    Matrix dbias = layerConf().isUseBias() ? gradient(BIAS) : unwanted;
    batchNorm.backward(dhpreact, dx, dgain, dbias);
    for (String key : BatchNormBessel.RUNNING) {
      if (gradientViews.containsKey(key)) {
        Matrix none = gradient(key);
        none.write(new float[none.length()], 0, none.length());
      }
    }
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
    double decay =
        layerConf().isCumulativeAverage() ? 1 - 1 / countMinibatch() : layerConf().getDecay();
    double[] mean = values(MEAN);
    double[] var = values(VAR);
    for (int j = 0; j < H; j++) {
      mean[j] = moved(mean[j], newMoments.mean()[j], decay);
      var[j] = moved(var[j], newMoments.variance(j, layerConf().getRunningVariance()), decay);
    }
    write(mean, MEAN);
    write(var, VAR);
    newMoments = null;
  }

  /** The number of minibatches, this one included. */
  private double countMinibatch() {
    double[] batches = values(BATCHES);
    batches[0]++;
    write(batches, BATCHES);
    return batches[0];
  }

  /** Without the past if it has no weight: 0·∞ is no number. */
  private static double moved(double running, double minibatch, double decay) {
    return decay == 0 ? minibatch : decay * running + (1 - decay) * minibatch;
  }

  @Override
  public void clear() {
    super.clear();
    newMoments = null;
  }

  @Override
  public boolean hasRunningStatistics() {
    return layerConf().isTrackRunningStatistics();
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
