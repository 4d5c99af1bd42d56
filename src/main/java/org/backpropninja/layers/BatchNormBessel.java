package org.backpropninja.layers;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.backpropninja.math.Variance;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.preprocessor.FeedForwardToCnnPreProcessor;
import org.deeplearning4j.nn.params.BatchNormalizationParamInitializer;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;

/**
 * Batch norm with Bessel's correction, and with an activation of its own.
 *
 * <pre>
 * bnraw = (x − mean)·(var + ε)^−½
 * h     = activation(gain·bnraw + bias)
 * </pre>
 *
 * <p>Shapes: x, bnraw, h [n, c]; sequences [n, c, t] or [n, t, c]; images NCHW or NHWC; volumes
 * NCDHW or NDHWC. The output has the shape of the input, and no preprocessor stands between. Which
 * axis holds the channels is taken from the network's input type or set by {@code dataFormat};
 * without either it is the second one, and of volumes the one that has as many. Each channel is
 * normalised over all examples and positions. gain, bias, mean, var [c], keys {@code "gain"},
 * {@code "bias"}, {@code "mean"}, {@code "var"}.
 *
 * <p>In training mean and var are the minibatch's; in inference they are the running ones, which
 * are saved with the network. Each backward pass after a training forward pass, that is each step
 * of gradient descent, moves them by
 *
 * <pre>running = decay·running + (1 − decay)·minibatch</pre>
 *
 * <p>whatever the updater, learning rate, gradient normalisation or regularisation is; a forward
 * pass alone never changes them. The variance's divisor is chosen separately for training and for
 * the running statistics, n being the number of values of a channel:
 *
 * <table>
 * <caption>Conventions</caption>
 * <tr><th>{@code convention}</th><th>{@code variance}</th><th>{@code runningVariance}</th></tr>
 * <tr><td>MAKEMORE (the default)</td><td>UNBIASED, n − 1</td><td>UNBIASED</td></tr>
 * <tr><td>PYTORCH, its BatchNorm1d to 3d</td><td>BIASED, n</td><td>UNBIASED</td></tr>
 * <tr><td>KERAS, DL4J's BatchNormalization</td><td>BIASED</td><td>BIASED</td></tr>
 * </table>
 *
 * <p>Identity (the default, whatever the network's activation is) and tanh are computed by hand,
 * other activations by DL4J. gain starts as {@code gainInit} (1) and bias as {@code biasInit} (0);
 * as in DL4J's batch norm neither is regularised. Examples and positions that a mask leaves out
 * take no part in the statistics, give zeros and get no gradient. A mask is one value for each
 * example, [n, t] for sequences, or [n, 1, h, w] for images of either format.
 *
 * <p>Do not put it into DL4J's TimeDistributed together with a mask: DL4J 1.0.0-M2.1 numbers the
 * mask's steps there in another order than the rows. In the network itself masks are right.
 *
 * <p>Refused with a {@link org.deeplearning4j.exception.DL4JInvalidInputException}: input of
 * another rank or width, input that is not finite, a training minibatch of one value a channel
 * unless {@code onSingleValue} says what to do, one whose statistics the network's type cannot
 * hold, and training by another algorithm than gradient descent, because DL4J sets the running
 * statistics back with its steps. Sources: Ioffe and Szegedy, "Batch Normalization", 2015; makemore
 * part 4; PyTorch issue 1410. The formulas are in {@link org.backpropninja.math.Cores.BatchNorm}.
 */
public final class BatchNormBessel extends ManualLayer {

  static final String GAIN = "gain";
  static final String BIAS = "bias";
  static final String MEAN = "mean";
  static final String VAR = "var";
  static final String BATCHES = "batches";
  static final Set<String> RUNNING = Set.of(MEAN, VAR, BATCHES);

  /** What DL4J calls otherwise. */
  private static final Map<String, String> DL4JS_KEYS =
      Map.of(
          BatchNormalizationParamInitializer.GAMMA, GAIN,
          BatchNormalizationParamInitializer.BETA, BIAS,
          BatchNormalizationParamInitializer.GLOBAL_LOG_STD, VAR);

  private double decay = 0.9;
  private double eps = 1e-5;
  private Variance variance = Variance.UNBIASED;
  private Variance runningVariance = Variance.UNBIASED;
  private boolean cumulativeAverage = false;
  private boolean useGain = true;
  private boolean useBias = true;
  private Double fixedBias; // biasInit would be changed by FineTuneConfiguration; null: trained
  private boolean trackRunningStatistics = true;
  private OnSingleValue onSingleValue = OnSingleValue.REFUSE;

  /** Where the variance of libraries divides by n − 1, and where by n. */
  public enum Convention {
    /** n − 1 in training and for the running variance, as in the notebooks. */
    MAKEMORE(Variance.UNBIASED, Variance.UNBIASED),
    /** n in training, n − 1 for the running variance, as in {@code torch.nn.BatchNorm1d}. */
    PYTORCH(Variance.BIASED, Variance.UNBIASED),
    /** n in both, as in Keras and in DL4J's BatchNormalization. */
    KERAS(Variance.BIASED, Variance.BIASED);

    private final Variance variance;
    private final Variance runningVariance;

    Convention(Variance variance, Variance runningVariance) {
      this.variance = variance;
      this.runningVariance = runningVariance;
    }
  }

  /** What becomes of a training minibatch of one value a channel, which has no spread. */
  public enum OnSingleValue {
    /** It is refused, as by PyTorch. */
    REFUSE,
    /** It is normalised by the running statistics, as in inference, and does not move them. */
    USE_RUNNING
  }

  /** For deserialisation; users take the {@link Builder}. */
  public BatchNormBessel() {}

  private BatchNormBessel(Builder builder) {
    super(builder);
    decay = builder.decay;
    eps = builder.eps;
    variance = builder.variance;
    runningVariance = builder.runningVariance;
    cumulativeAverage = builder.cumulativeAverage;
    useGain = builder.useGain;
    useBias = builder.useBias;
    trackRunningStatistics = builder.trackRunningStatistics;
    onSingleValue = builder.onSingleValue;
    requireRunningStatistics();
    takeNothingOfTheNetworks();
    initializeConstraints(builder);
    setConstraints(constraints);
  }

  private void takeNothingOfTheNetworks() {
    if (activationFn == null) {
      activationFn = new ActivationIdentity();
    }
    if (!useGain && Double.isNaN(gainInit)) {
      gainInit = 1;
    }
    if (!useBias && Double.isNaN(biasInit)) {
      biasInit = 0;
    }
    fixedBias = useBias ? null : biasInit;
  }

  private void requireRunningStatistics() {
    if (!trackRunningStatistics && onSingleValue == OnSingleValue.USE_RUNNING) {
      throw new IllegalArgumentException(
          "onSingleValue (USE_RUNNING) must be REFUSE where trackRunningStatistics is false: there"
              + " are no running statistics to use");
    }
    if (!trackRunningStatistics && cumulativeAverage) {
      throw new IllegalArgumentException(
          "cumulativeAverage must not be set where trackRunningStatistics is false: there are no"
              + " running statistics to average");
    }
  }

  /**
   * Makes the layer that computes what DL4J's does.
   *
   * <p>It has DL4J's name, sizes, format, decay, ε, updater, gradient normalisation and
   * constraints, and the convention KERAS. Locked gamma and beta become a fixed gain and bias. DL4J
   * ignores them unless both differ from 1 and 0, and so they are ignored here. What DL4J's layer
   * ignores always is left out: activation, dropout, weight noise, {@code minibatch}. Unlike DL4J's
   * the layer takes sequences, leaves out what a mask leaves out, and refuses to train on one value
   * a channel. {@code training.Migration} converts whole networks, parameters included.
   *
   * @param theirs DL4J's layer; it is not changed
   * @return this library's
   * @throws IllegalArgumentException if decay or ε is none that this layer takes
   */
  public static BatchNormBessel from(BatchNormalization theirs) {
    boolean isLocked = theirs.isLockGammaBeta();
    boolean isIgnored = isLocked && (theirs.getGamma() == 1 || theirs.getBeta() == 0);
    Builder builder =
        new Builder()
            .convention(Convention.KERAS)
            .decay(theirs.getDecay())
            .eps(theirs.getEps())
            .useGain(!isLocked)
            .useBias(!isLocked)
            .gainInit(isIgnored ? 1 : theirs.getGamma())
            .biasInit(isIgnored ? 0 : theirs.getBeta())
            .name(theirs.getLayerName())
            .nIn(theirs.getNIn())
            .nOut(theirs.getNOut())
            .updater(theirs.getIUpdater())
            .gradientNormalization(theirs.getGradientNormalization())
            .gradientNormalizationThreshold(theirs.getGradientNormalizationThreshold());
    if (theirs.getCnn2DFormat() == CNN2DFormat.NHWC) { // NCHW is also what is not set
      builder.dataFormat(CNN2DFormat.NHWC);
    }
    BatchNormBessel ours = builder.build();
    ours.setConstraints(renamed(theirs.getConstraints()));
    return ours;
  }

  private static List<LayerConstraint> renamed(List<LayerConstraint> theirs) {
    return theirs == null
        ? null
        : theirs.stream().map(BatchNormBessel::renamed).collect(Collectors.toList());
  }

  private static LayerConstraint renamed(LayerConstraint theirs) {
    LayerConstraint ours = theirs.clone();
    ours.setParams(
        theirs.getParams().stream()
            .map(key -> DL4JS_KEYS.getOrDefault(key, key))
            .collect(Collectors.toSet()));
    return ours;
  }

  @Override
  List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>();
    if (useGain) {
      parameters.add(Parameter.vector(GAIN, nOut, getGainInit()));
    }
    if (useBias) {
      parameters.add(Parameter.vector(BIAS, nOut, getBiasInit()));
    }
    if (trackRunningStatistics) {
      parameters.add(Parameter.vector(MEAN, nOut, 0));
      parameters.add(Parameter.vector(VAR, nOut, 1));
    }
    if (cumulativeAverage) {
      parameters.add(Parameter.vector(BATCHES, 1, 0));
    }
    return parameters;
  }

  @Override
  HandWrittenLayer<?> runtime(NeuralNetConfiguration conf, DataType dataType) {
    return new BatchNormBesselLayer(conf, dataType);
  }

  @Override
  boolean keepsWidth() {
    return true;
  }

  @Override
  int highestRank() {
    return 5;
  }

  /**
   * Returns the preprocessor before this layer.
   *
   * @param inputType input type of this layer
   * @return one that gives flat images their shape, otherwise none
   */
  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
    return inputType instanceof InputType.InputTypeConvolutionalFlat flat
        ? new FeedForwardToCnnPreProcessor(flat.getHeight(), flat.getWidth(), flat.getDepth())
        : super.getPreProcessorForInputType(inputType);
  }

  /**
   * The running statistics are no trained parameters: their gradient is zero and nothing moves it.
   */
  @Override
  public IUpdater getUpdaterByParam(String paramName) {
    return RUNNING.contains(paramName) ? new NoOp() : getIUpdater();
  }

  /**
   * Sets the constraints, those on "all parameters" without the running statistics.
   *
   * @param constraints may be null
   */
  @Override
  public void setConstraints(List<LayerConstraint> constraints) {
    if (constraints != null) {
      for (LayerConstraint constraint : constraints) {
        Set<String> params = new HashSet<>(constraint.getParams());
        params.removeAll(RUNNING);
        constraint.setParams(params);
      }
    }
    super.setConstraints(constraints);
  }

  /**
   * Returns the weight of the past in the running statistics.
   *
   * @return decay, from 0 to 1
   */
  public double getDecay() {
    return decay;
  }

  /**
   * Sets the weight of the past in the running statistics; for deserialisation.
   *
   * @param decay from 0 to 1
   */
  public void setDecay(double decay) {
    this.decay = requireDecay(decay);
  }

  /**
   * Returns ε, which is added to the variance.
   *
   * @return ε
   */
  public double getEps() {
    return eps;
  }

  /**
   * Sets ε; for deserialisation.
   *
   * @param eps added to the variance
   */
  public void setEps(double eps) {
    this.eps = requireEps(eps);
  }

  /**
   * Returns the variance that training normalises by.
   *
   * @return biased or unbiased
   */
  public Variance getVariance() {
    return variance;
  }

  /**
   * Sets the variance that training normalises by; for deserialisation.
   *
   * @param variance biased or unbiased
   */
  public void setVariance(Variance variance) {
    this.variance = Objects.requireNonNull(variance, "variance must not be null");
  }

  /**
   * Returns the variance that is averaged for inference.
   *
   * @return biased or unbiased
   */
  public Variance getRunningVariance() {
    return runningVariance;
  }

  /**
   * Sets the variance that is averaged for inference; for deserialisation.
   *
   * @param runningVariance biased or unbiased
   */
  public void setRunningVariance(Variance runningVariance) {
    this.runningVariance =
        Objects.requireNonNull(runningVariance, "runningVariance must not be null");
  }

  /**
   * Tells whether the running statistics are the plain mean over all minibatches.
   *
   * @return whether they are
   */
  public boolean isCumulativeAverage() {
    return cumulativeAverage;
  }

  /**
   * Sets whether the running statistics are the plain mean over all minibatches; for
   * deserialisation.
   *
   * @param cumulativeAverage whether they are
   */
  public void setCumulativeAverage(boolean cumulativeAverage) {
    this.cumulativeAverage = cumulativeAverage;
  }

  /**
   * Tells whether the gain is trained.
   *
   * @return false for a gain that stays {@code gainInit}
   */
  public boolean isUseGain() {
    return useGain;
  }

  /**
   * Sets whether the gain is trained; for deserialisation.
   *
   * @param useGain false for a gain that stays {@code gainInit}
   */
  public void setUseGain(boolean useGain) {
    this.useGain = useGain;
  }

  /**
   * Tells whether the bias is trained.
   *
   * @return false for a bias that stays {@code biasInit}
   */
  public boolean isUseBias() {
    return useBias;
  }

  /**
   * Sets whether the bias is trained; for deserialisation.
   *
   * @param useBias false for a bias that stays {@code biasInit}
   */
  public void setUseBias(boolean useBias) {
    this.useBias = useBias;
  }

  /**
   * Returns the bias that stays as it is.
   *
   * @return null where it is trained, or in files that have {@code biasInit} only
   */
  public Double getFixedBias() {
    return fixedBias;
  }

  /**
   * Sets the bias that stays as it is; for deserialisation.
   *
   * @param fixedBias null where it is trained
   */
  public void setFixedBias(Double fixedBias) {
    this.fixedBias = fixedBias;
  }

  /** What is added where no bias is trained. */
  double biasWithoutTraining() {
    return fixedBias == null ? getBiasInit() : fixedBias;
  }

  /**
   * Tells whether there are running statistics.
   *
   * @return false to normalise by the minibatch in inference too
   */
  public boolean isTrackRunningStatistics() {
    return trackRunningStatistics;
  }

  /**
   * Sets whether there are running statistics; for deserialisation.
   *
   * @param trackRunningStatistics false to normalise by the minibatch in inference too
   */
  public void setTrackRunningStatistics(boolean trackRunningStatistics) {
    this.trackRunningStatistics = trackRunningStatistics;
  }

  /**
   * Returns what becomes of a training minibatch of one value a channel.
   *
   * @return whether it is refused or normalised by the running statistics
   */
  public OnSingleValue getOnSingleValue() {
    return onSingleValue;
  }

  /**
   * Sets what becomes of a training minibatch of one value a channel; for deserialisation.
   *
   * @param onSingleValue whether it is refused or normalised by the running statistics
   */
  public void setOnSingleValue(OnSingleValue onSingleValue) {
    this.onSingleValue = Objects.requireNonNull(onSingleValue, "onSingleValue must not be null");
  }

  private static double requireDecay(double decay) {
    if (!(decay >= 0 && decay <= 1)) {
      throw new IllegalArgumentException("decay (" + decay + ") must be from 0 to 1");
    }
    return decay;
  }

  private static double requireEps(double eps) {
    if (!(eps > 0 && eps < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("eps (" + eps + ") must be positive and finite");
    }
    return eps;
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other)
        && other instanceof BatchNormBessel o
        && decay == o.decay
        && eps == o.eps
        && variance == o.variance
        && runningVariance == o.runningVariance
        && cumulativeAverage == o.cumulativeAverage
        && useGain == o.useGain
        && useBias == o.useBias
        && Objects.equals(fixedBias, o.fixedBias)
        && trackRunningStatistics == o.trackRunningStatistics
        && onSingleValue == o.onSingleValue;
  }

  @Override
  public int hashCode() {
    return Objects.hash(
        super.hashCode(),
        decay,
        eps,
        variance.name(),
        runningVariance.name(),
        cumulativeAverage,
        useGain,
        useBias,
        fixedBias,
        trackRunningStatistics,
        onSingleValue.name());
  }

  @Override
  public String toString() {
    return "BatchNormBessel(super=%s, decay=%s, eps=%s, variance=%s, runningVariance=%s, cumulativeAverage=%s, useGain=%s, useBias=%s, fixedBias=%s, trackRunningStatistics=%s, onSingleValue=%s)"
        .formatted(
            super.toString(),
            decay,
            eps,
            variance,
            runningVariance,
            cumulativeAverage,
            useGain,
            useBias,
            fixedBias,
            trackRunningStatistics,
            onSingleValue);
  }

  /** Builds a {@link BatchNormBessel}. */
  @SuppressWarnings("unchecked") // DL4J declares <E extends Layer> E build()
  public static final class Builder extends ManualLayer.Builder<Builder> {

    private double decay = 0.9;
    private double eps = 1e-5;
    private Variance variance = Variance.UNBIASED;
    private Variance runningVariance = Variance.UNBIASED;
    private boolean cumulativeAverage = false;
    private boolean useGain = true;
    private boolean useBias = true;
    private boolean trackRunningStatistics = true;
    private OnSingleValue onSingleValue = OnSingleValue.REFUSE;

    /** Starts with decay 0.9, ε = 1e-5, both variances unbiased, identity. */
    public Builder() {}

    /**
     * Sets the weight of the past in the running statistics: 1 − PyTorch's momentum. Default: 0.9.
     *
     * @param decay from 0 to 1
     * @return this
     * @throws IllegalArgumentException if it is outside
     */
    public Builder decay(double decay) {
      this.decay = requireDecay(decay);
      cumulativeAverage = false;
      return this;
    }

    /**
     * Makes the running statistics the plain mean over all minibatches, as PyTorch does with
     * momentum=None, instead of letting the past decay.
     *
     * <pre>running = running + (minibatch − running)/batches</pre>
     *
     * <p>The number of minibatches is kept beside the statistics, key {@code "batches"}, and saved
     * with the network. FLOAT counts up to 2²⁴ of them; later ones weigh as much as the last one
     * that it counts. HALF cannot count so far and is refused.
     *
     * @return this
     */
    public Builder cumulativeAverage() {
      cumulativeAverage = true;
      return this;
    }

    /**
     * Sets whether there is a gain to train. Default: true.
     *
     * @param useGain false for a fixed one: 1, or this layer's {@code gainInit}
     * @return this
     */
    public Builder useGain(boolean useGain) {
      this.useGain = useGain;
      return this;
    }

    /**
     * Sets whether there is a bias to train. Default: true.
     *
     * @param useBias false for a fixed one: 0, or this layer's {@code biasInit}
     * @return this
     */
    public Builder useBias(boolean useBias) {
      this.useBias = useBias;
      return this;
    }

    /**
     * Sets whether there are running statistics. Default: true.
     *
     * @param trackRunningStatistics false to normalise by the minibatch in inference too
     * @return this
     */
    public Builder trackRunningStatistics(boolean trackRunningStatistics) {
      this.trackRunningStatistics = trackRunningStatistics;
      return this;
    }

    /**
     * Sets what becomes of a training minibatch of one value a channel. Default: it is refused.
     *
     * @param onSingleValue whether it is refused or normalised by the running statistics
     * @return this
     */
    public Builder onSingleValue(OnSingleValue onSingleValue) {
      this.onSingleValue = Objects.requireNonNull(onSingleValue, "onSingleValue must not be null");
      return this;
    }

    /**
     * Sets both variances as a library has them; decay and ε stay.
     *
     * @param convention the library's
     * @return this
     */
    public Builder convention(Convention convention) {
      Objects.requireNonNull(convention, "convention must not be null");
      variance = convention.variance;
      runningVariance = convention.runningVariance;
      return this;
    }

    /**
     * Sets the format of sequences. Default: that of the input type, or NCW without one.
     *
     * @param format NCW for [n, c, t], NWC for [n, t, c]
     * @return this
     */
    public Builder dataFormat(RNNFormat format) {
      return channelsLast(format);
    }

    /**
     * Sets the format of images. Default: that of the input type, or NCHW without one.
     *
     * @param format NCHW for [n, c, h, w], NHWC for [n, h, w, c]
     * @return this
     */
    public Builder dataFormat(CNN2DFormat format) {
      return channelsLast(format);
    }

    /**
     * Sets the format of volumes. Default: NCDHW if the input type says so; otherwise the channels
     * are the axis, second or last, that has as many, and where both have, the volume is refused.
     *
     * <p>An input type of NDHWC is not trusted, because DL4J 1.0.0-M2.1's layers of volumes say so
     * whatever their own format is.
     *
     * @param format NCDHW for [n, c, d, h, w], NDHWC for [n, d, h, w, c]
     * @return this
     */
    public Builder dataFormat(Convolution3D.DataFormat format) {
      return channelsLast(format);
    }

    /**
     * Sets ε, which is added to the variance. Default: 1e-5.
     *
     * @param eps positive
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder eps(double eps) {
      this.eps = requireEps(eps);
      return this;
    }

    /**
     * Sets the variance that training normalises by. Default: unbiased.
     *
     * @param variance biased or unbiased
     * @return this
     */
    public Builder variance(Variance variance) {
      this.variance = Objects.requireNonNull(variance, "variance must not be null");
      return this;
    }

    /**
     * Sets the variance that is averaged for inference. Default: unbiased.
     *
     * @param runningVariance biased or unbiased
     * @return this
     */
    public Builder runningVariance(Variance runningVariance) {
      this.runningVariance =
          Objects.requireNonNull(runningVariance, "runningVariance must not be null");
      return this;
    }

    /**
     * Makes the layer.
     *
     * @return the layer
     * @throws IllegalArgumentException if nIn and nOut are both set and differ, or something needs
     *     running statistics where there are none
     */
    @Override
    public BatchNormBessel build() {
      return new BatchNormBessel(this);
    }
  }
}
