package org.backpropninja.layers;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.params.DefaultParamInitializer;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * A dense layer with a hand-written backward pass.
 *
 * <pre>h = activation(x·W + b)</pre>
 *
 * <p>Shapes: x [n, nIn], h [n, nOut]; or of sequences, step by step and without a preprocessor, x
 * [n, nIn, t], h [n, nOut, t], and [n, t, …] where the input type or {@code dataFormat} is NWC; W
 * [nIn, nOut], key {@code "W"}; b [nOut], key {@code "b"}, optional. Identity and tanh are computed
 * by hand, other activations by DL4J, but for RReLU, whose gradient and inference are wrong there.
 * As for DL4J's {@code DenseLayer}, nIn follows from the input type, and activation, weight init,
 * updater and regularisation come from the network where the layer has none of its own (DL4J's
 * default activation is sigmoid). Examples and steps that a mask leaves out give zeros and get no
 * gradient.
 *
 * <p>Input of another rank or width, or that is not finite, is refused with a {@link
 * org.deeplearning4j.exception.DL4JInvalidInputException}. Source: makemore part 4, {@code hprebn =
 * embcat @ W1 + b1}; the formulas are in {@link org.backpropninja.math.Cores.Dense}.
 */
public final class ManualDense extends ManualLayer {

  private boolean hasBias = true;

  /** For deserialisation; users take the {@link Builder}. */
  public ManualDense() {}

  private ManualDense(Builder builder) {
    super(builder);
    hasBias = builder.hasBias;
    initializeConstraints(builder);
  }

  @Override
  List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>();
    parameters.add(Parameter.weights(nIn, nOut, getWeightInitFn()));
    if (hasBias) {
      parameters.add(Parameter.vector(DefaultParamInitializer.BIAS_KEY, nOut, getBiasInit()));
    }
    return parameters;
  }

  @Override
  int highestRank() {
    return 3;
  }

  @Override
  HandWrittenLayer<?> runtime(NeuralNetConfiguration conf, DataType dataType) {
    return new ManualDenseLayer(conf, dataType);
  }

  /**
   * Tells whether b is there.
   *
   * @return whether the layer has a bias
   */
  public boolean isHasBias() {
    return hasBias;
  }

  /**
   * Sets whether b is there; for deserialisation.
   *
   * @param hasBias whether the layer has a bias
   */
  public void setHasBias(boolean hasBias) {
    this.hasBias = hasBias;
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other) && other instanceof ManualDense o && hasBias == o.hasBias;
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), hasBias);
  }

  @Override
  public String toString() {
    return "ManualDense(super=" + super.toString() + ", hasBias=" + hasBias + ")";
  }

  /** Builds a {@link ManualDense}. */
  @SuppressWarnings("unchecked") // DL4J declares <E extends Layer> E build()
  public static final class Builder extends ManualLayer.Builder<Builder> {

    private boolean hasBias = true;

    /** Starts with a bias, and with sizes still to be set or inferred. */
    public Builder() {}

    /**
     * Sets whether b is added; the default is true.
     *
     * @param hasBias whether the layer has a bias
     * @return this
     */
    public Builder hasBias(boolean hasBias) {
      this.hasBias = hasBias;
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

    @Override
    public ManualDense build() {
      return new ManualDense(this);
    }
  }
}
