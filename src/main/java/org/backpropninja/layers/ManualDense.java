package org.backpropninja.layers;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.backpropninja.Backward;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.LayerValidation;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.params.DefaultParamInitializer;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A dense layer with a hand-written backward pass.
 *
 * <pre>h = activation(x·W + b)</pre>
 *
 * <p>Shapes: x [n, nIn]; W [nIn, nOut], key {@code "W"}; b [nOut], key {@code "b"}, optional; h [n,
 * nOut]. Identity and tanh are computed by hand, other activations by DL4J. As for DL4J's {@code
 * DenseLayer}, nIn follows from the input type, and activation, weight init, updater and
 * regularisation come from the network where the layer has none of its own (DL4J's default
 * activation is sigmoid). Examples that a mask leaves out give zeros and get no gradient.
 *
 * <p>Input of another rank or width, or that is not finite, is refused with a {@link
 * org.deeplearning4j.exception.DL4JInvalidInputException}. Source: makemore part 4, {@code hprebn =
 * embcat @ W1 + b1}; the formulas are in {@link org.backpropninja.math.Affine}.
 */
public final class ManualDense extends FeedForwardLayer {

  private static final Parameters<ManualDense> PARAMETERS =
      new Parameters<>(ManualDense.class, ManualDense::parameters);

  private boolean hasBias = true;

  private Backward backward = Backward.FUSED;

  /** For deserialisation; users take the {@link Builder}. */
  public ManualDense() {}

  private ManualDense(Builder builder) {
    super(builder);
    hasBias = builder.hasBias;
    backward = builder.backward;
    initializeConstraints(builder);
  }

  private List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>();
    parameters.add(Parameter.weights(nIn, nOut, getWeightInitFn()));
    if (hasBias) {
      parameters.add(Parameter.vector(DefaultParamInitializer.BIAS_KEY, nOut, getBiasInit()));
    }
    return parameters;
  }

  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> trainingListeners,
      int layerIndex,
      INDArray layerParamsView,
      boolean initializeParams,
      DataType networkDataType) {
    LayerValidation.assertNInNOutSet("ManualDense", getLayerName(), layerIndex, nIn, nOut);
    return new ManualDenseLayer(conf, networkDataType)
        .attach(trainingListeners, layerIndex, layerParamsView, initializeParams);
  }

  @Override
  public ParamInitializer initializer() {
    return PARAMETERS;
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType inputType) {
    return PARAMETERS.memoryReport(this, inputType, getOutputType(-1, inputType));
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

  /**
   * Returns the way that forward and backward pass are computed.
   *
   * @return fused or stepwise
   */
  public Backward getBackward() {
    return backward;
  }

  /**
   * Sets the way that forward and backward pass are computed; for deserialisation.
   *
   * @param backward fused or stepwise
   */
  public void setBackward(Backward backward) {
    this.backward = Objects.requireNonNull(backward, "backward must not be null");
  }

  @Override
  protected boolean canEqual(Object other) {
    return other instanceof ManualDense;
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other)
        && other instanceof ManualDense o
        && hasBias == o.hasBias
        && backward == o.backward;
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), hasBias, backward.name());
  }

  @Override
  public String toString() {
    return "ManualDense(super="
        + super.toString()
        + ", hasBias="
        + hasBias
        + ", backward="
        + backward
        + ")";
  }

  /** Builds a {@link ManualDense}. */
  @SuppressWarnings("unchecked") // DL4J declares <E extends Layer> E build()
  public static final class Builder extends FeedForwardLayer.Builder<Builder> {

    private boolean hasBias = true;
    private Backward backward = Backward.FUSED;

    /** Starts with a bias, and with sizes still to be set or inferred. */
    public Builder() {}

    /**
     * Sets the way that forward and backward pass are computed. Default: fused.
     *
     * @param backward fused or stepwise
     * @return this
     */
    public Builder backward(Backward backward) {
      this.backward = Objects.requireNonNull(backward, "backward must not be null");
      return this;
    }

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

    @Override
    public ManualDense build() {
      return new ManualDense(this);
    }
  }
}
