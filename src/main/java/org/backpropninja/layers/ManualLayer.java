package org.backpropninja.layers;

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
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What the layers of this package share: the way they compute, and what DL4J asks of a
 * configuration.
 *
 * <p>It is public because they are, and not meant to be extended elsewhere.
 */
public abstract class ManualLayer extends FeedForwardLayer {

  private Backward backward = Backward.FUSED;

  ManualLayer() {}

  ManualLayer(Builder<?> builder) {
    super(builder);
    backward = builder.backward;
    if (keepsWidth()) {
      takeWidth();
    }
    if (!hasActivation()) {
      takeNoActivation();
    }
  }

  private void takeWidth() {
    if (nIn > 0 && nOut > 0 && nIn != nOut) {
      throw new IllegalArgumentException(
          "nOut (%d) must be nIn (%d): %s keeps the width"
              .formatted(nOut, nIn, getClass().getSimpleName()));
    }
    nIn = Math.max(nIn, nOut); // either will do
    nOut = nIn;
  }

  private void takeNoActivation() {
    if (activationFn != null && !(activationFn instanceof ActivationIdentity)) {
      throw new IllegalArgumentException(
          "activation (%s) must be identity or not set: %s has none"
              .formatted(activationFn, getClass().getSimpleName()));
    }
    activationFn = new ActivationIdentity(); // or the network's would be taken
  }

  /** Whether an activation follows inside the layer. */
  boolean hasActivation() {
    return true;
  }

  /** Whether the output is as wide as the input, so that nOut follows nIn. */
  boolean keepsWidth() {
    return false;
  }

  @Override
  public void setNIn(InputType inputType, boolean override) {
    super.setNIn(inputType, override);
    setNIn(nIn);
  }

  @Override
  public void setNIn(long nIn) {
    this.nIn = nIn;
    nOut = keepsWidth() ? nIn : nOut;
  }

  @Override
  public void setNOut(long nOut) {
    this.nOut = nOut;
    nIn = keepsWidth() ? nOut : nIn;
  }

  /** The parameters in the order of the flat arrays. */
  abstract List<Parameter> parameters();

  /** A runtime that is not attached to a network yet. */
  abstract HandWrittenLayer<?> runtime(NeuralNetConfiguration conf, DataType dataType);

  /** Refuses sizes that are not set. */
  void validate(int layerIndex) {
    LayerValidation.assertNInNOutSet(
        getClass().getSimpleName(), getLayerName(), layerIndex, nIn, nOut);
  }

  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> trainingListeners,
      int layerIndex,
      INDArray layerParamsView,
      boolean initializeParams,
      DataType networkDataType) {
    validate(layerIndex);
    return runtime(conf, networkDataType)
        .attach(trainingListeners, layerIndex, layerParamsView, initializeParams);
  }

  @Override
  public ParamInitializer initializer() {
    return Parameters.INSTANCE;
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType inputType) {
    return Parameters.INSTANCE.memoryReport(this, inputType, getOutputType(-1, inputType));
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
    return other != null && other.getClass() == getClass();
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other) && other instanceof ManualLayer o && backward == o.backward;
  }

  /** Of names and sizes: DL4J's own has hashes of enums in it, which change from run to run. */
  @Override
  public int hashCode() {
    return Objects.hash(getClass().getName(), getLayerName(), nIn, nOut, backward.name());
  }

  @Override
  public String toString() {
    return "%s(super=%s, backward=%s)"
        .formatted(getClass().getSimpleName(), super.toString(), backward);
  }

  /**
   * What the layers' builders share.
   *
   * @param <T> the builder
   */
  public abstract static class Builder<T extends Builder<T>> extends FeedForwardLayer.Builder<T> {

    private Backward backward = Backward.FUSED;

    Builder() {}

    /**
     * Sets the way that forward and backward pass are computed. Default: fused.
     *
     * @param backward fused or stepwise
     * @return this
     */
    @SuppressWarnings("unchecked") // as DL4J's builders do
    public T backward(Backward backward) {
      this.backward = Objects.requireNonNull(backward, "backward must not be null");
      return (T) this;
    }
  }
}
