package org.backpropninja.layers;

import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.backpropninja.math.Variance;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
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
 * <p>Shapes: x, bnraw, h [n, nIn]; gain, bias, mean, var [nIn], keys {@code "gain"}, {@code
 * "bias"}, {@code "mean"}, {@code "var"}. In training mean and var are the minibatch's; in
 * inference they are the running ones, which are saved with the network. Each backward pass after a
 * training forward pass, that is each step of gradient descent, moves them by
 *
 * <pre>running = decay·running + (1 − decay)·minibatch</pre>
 *
 * <p>whatever the updater, learning rate, gradient normalisation or regularisation is; a forward
 * pass alone never changes them. The variance's divisor is chosen separately for training and for
 * the running statistics:
 *
 * <table>
 * <caption>Conventions</caption>
 * <tr><th>convention</th><th>{@code variance}</th><th>{@code runningVariance}</th></tr>
 * <tr><td>makemore (the default)</td><td>UNBIASED</td><td>UNBIASED</td></tr>
 * <tr><td>PyTorch's BatchNorm1d</td><td>BIASED</td><td>UNBIASED</td></tr>
 * <tr><td>Keras, DL4J's BatchNormalization</td><td>BIASED</td><td>BIASED</td></tr>
 * </table>
 *
 * <p>Identity (the default, whatever the network's activation is) and tanh are computed by hand,
 * other activations by DL4J. gain starts as {@code gainInit} (1) and bias as {@code biasInit} (0);
 * as in DL4J's batch norm neither is regularised. Examples that a mask leaves out take no part in
 * the statistics, give zeros and get no gradient.
 *
 * <p>Do not put it into DL4J's TimeDistributed together with a mask: DL4J 1.0.0-M2.1 numbers the
 * mask's steps there in another order than the rows. In the network itself, where a preprocessor
 * makes time steps rows, masks are right.
 *
 * <p>Refused with a {@link org.deeplearning4j.exception.DL4JInvalidInputException}: input of
 * another rank or width, input that is not finite, a training minibatch of one example where a
 * variance is unbiased, because that has no value, or whose statistics the network's type cannot
 * hold, and training by another algorithm than gradient descent, because DL4J sets the running
 * statistics back with its steps. Sources: Ioffe and Szegedy, "Batch Normalization", 2015; makemore
 * part 4; PyTorch issue 1410. The formulas are in {@link org.backpropninja.math.Cores.BatchNorm}.
 */
public final class BatchNormBessel extends ManualLayer {

  static final String GAIN = "gain";
  static final String BIAS = "bias";
  static final String MEAN = "mean";
  static final String VAR = "var";
  private static final Set<String> RUNNING = Set.of(MEAN, VAR);

  private double decay = 0.9;
  private double eps = 1e-5;
  private Variance variance = Variance.UNBIASED;
  private Variance runningVariance = Variance.UNBIASED;

  /** For deserialisation; users take the {@link Builder}. */
  public BatchNormBessel() {}

  private BatchNormBessel(Builder builder) {
    super(builder);
    decay = builder.decay;
    eps = builder.eps;
    variance = builder.variance;
    runningVariance = builder.runningVariance;
    if (activationFn == null) {
      activationFn = new ActivationIdentity(); // or the network's would be taken
    }
    initializeConstraints(builder);
    setConstraints(constraints);
  }

  @Override
  List<Parameter> parameters() {
    return List.of(
        Parameter.vector(GAIN, nOut, getGainInit()),
        Parameter.vector(BIAS, nOut, getBiasInit()),
        Parameter.vector(MEAN, nOut, 0),
        Parameter.vector(VAR, nOut, 1));
  }

  @Override
  HandWrittenLayer<?> runtime(NeuralNetConfiguration conf, DataType dataType) {
    return new BatchNormBesselLayer(conf, dataType);
  }

  @Override
  boolean keepsWidth() {
    return true;
  }

  /**
   * Returns the preprocessor before this layer: none, or the one that makes time steps rows.
   *
   * @param inputType input type of this layer
   * @return as for a dense layer
   * @throws IllegalStateException for images: DL4J would make each pixel a column with statistics
   *     of its own
   */
  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
    if (inputType instanceof InputType.InputTypeConvolutional
        || inputType instanceof InputType.InputTypeConvolutional3D) {
      throw new IllegalStateException(
          "BatchNormBessel (\"%s\"): input type (%s) must be feed-forward or recurrent"
              .formatted(getLayerName(), inputType));
    }
    return super.getPreProcessorForInputType(inputType);
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
        && runningVariance == o.runningVariance;
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), decay, eps, variance.name(), runningVariance.name());
  }

  @Override
  public String toString() {
    return "BatchNormBessel(super=%s, decay=%s, eps=%s, variance=%s, runningVariance=%s)"
        .formatted(super.toString(), decay, eps, variance, runningVariance);
  }

  /** Builds a {@link BatchNormBessel}. */
  @SuppressWarnings("unchecked") // DL4J declares <E extends Layer> E build()
  public static final class Builder extends ManualLayer.Builder<Builder> {

    private double decay = 0.9;
    private double eps = 1e-5;
    private Variance variance = Variance.UNBIASED;
    private Variance runningVariance = Variance.UNBIASED;

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
      return this;
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
     * @throws IllegalArgumentException if nIn and nOut are both set and differ
     */
    @Override
    public BatchNormBessel build() {
      return new BatchNormBessel(this);
    }
  }
}
