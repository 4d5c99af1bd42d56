package org.backpropninja.layers;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.backpropninja.Backward;
import org.backpropninja.internal.Layout;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.DataFormat;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
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

  private static final List<String> POSITIONS = List.of("", ", t", ", h, w", ", d, h, w");

  private Backward backward = Backward.FUSED;
  private Boolean channelsLast; // null: not set, and no input type has been seen

  ManualLayer() {}

  ManualLayer(Builder<?> builder) {
    super(builder);
    backward = builder.backward;
    channelsLast = builder.channelsLast;
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

  /**
   * The highest rank of input: 2 for matrices [n, c] only, 3 for sequences too, 5 for images and
   * volumes too.
   */
  int highestRank() {
    return 2;
  }

  /** Whether input of that type comes as it is, and not as a matrix by way of a preprocessor. */
  private boolean takes(InputType type) {
    return InputTypes.rank(type) > 2 && InputTypes.rank(type) <= highestRank();
  }

  @Override
  public void setNIn(InputType inputType, boolean override) {
    if (inputType == null || !takes(inputType)) {
      super.setNIn(inputType, override);
      setNIn(nIn);
      return;
    }
    takeFormat(inputType);
    if (nIn <= 0 || override) {
      setNIn(InputTypes.channels(inputType));
    }
  }

  private void takeFormat(InputType inputType) {
    boolean last = InputTypes.isChannelsLast(inputType);
    if (last && InputTypes.rank(inputType) == 5) {
      return; // DL4J's layers of volumes say NDHWC whatever their own format is
    }
    if (channelsLast != null && channelsLast != last) {
      throw new IllegalStateException(
          "%s: dataFormat (channels %s) must be that of the input type, %s; leave it out, and it is taken from there"
              .formatted(where(-1), channelsLast ? "last" : "first", inputType));
    }
    channelsLast = last;
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    return inputType != null && takes(inputType)
        ? InputTypes.withChannels(inputType, nOut, channelsLast)
        : super.getOutputType(layerIndex, inputType);
  }

  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
    return inputType != null && takes(inputType)
        ? null
        : super.getPreProcessorForInputType(inputType);
  }

  /** What input may be, for messages. */
  final String shapes(long channels) {
    List<String> shapes = new ArrayList<>();
    for (String positions : POSITIONS.subList(0, highestRank() - 1)) {
      String axes = isChannelsLast() ? positions + ", " + channels : ", " + channels + positions;
      shapes.add("[n" + axes + "]");
    }
    return String.join(" or ", shapes);
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
  void validate(int layerIndex, boolean inGraph) {
    if (nIn < 1 || nOut < 1) {
      throw new DL4JInvalidConfigException(
          "%s: nIn (%d) and nOut (%d) must be at least 1; set them, or the network's input type by setInputType, from which nIn follows; without one DL4J infers sizes only behind first layers of its own"
              .formatted(where(layerIndex), nIn, nOut));
    }
  }

  /** The layer's type, position and name, for messages. */
  final String where(int layerIndex) {
    String layer = layerIndex < 0 ? "" : "layer " + layerIndex + ", "; // DL4J's -1 is unknown
    return "%s (%s\"%s\")".formatted(getClass().getSimpleName(), layer, getLayerName());
  }

  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> trainingListeners,
      int layerIndex,
      INDArray layerParamsView,
      boolean initializeParams,
      DataType networkDataType) {
    boolean inGraph = trainingListeners == null; // a MultiLayerNetwork hands over its own
    validate(layerIndex, inGraph);
    return runtime(conf, networkDataType)
        .attach(trainingListeners, inGraph, layerIndex, layerParamsView, initializeParams);
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

  /** Whether the last axis of sequences, images and volumes holds their channels. */
  final boolean isChannelsLast() {
    return channelsLast != null && channelsLast;
  }

  /**
   * Returns which axis of sequences, images and volumes holds their channels.
   *
   * @return true for the last, false for the second; null if neither {@code dataFormat} nor an
   *     input type has set it, which counts as false, but for volumes, whose shape decides
   */
  public Boolean getChannelsLast() {
    return channelsLast;
  }

  /**
   * Sets which axis of sequences, images and volumes holds their channels; for deserialisation.
   *
   * @param channelsLast true for the last, false for the second, null if it is not set
   */
  public void setChannelsLast(Boolean channelsLast) {
    this.channelsLast = channelsLast;
  }

  @Override
  protected boolean canEqual(Object other) {
    return other != null && other.getClass() == getClass();
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other)
        && other instanceof ManualLayer o
        && backward == o.backward
        && Objects.equals(channelsLast, o.channelsLast);
  }

  /** Of names and sizes: DL4J's own has hashes of enums in it, which change from run to run. */
  @Override
  public int hashCode() {
    return Objects.hash(
        getClass().getName(), getLayerName(), nIn, nOut, backward.name(), channelsLast);
  }

  @Override
  public String toString() {
    return "%s(super=%s, backward=%s, channelsLast=%s)"
        .formatted(getClass().getSimpleName(), super.toString(), backward, channelsLast);
  }

  /**
   * What the layers' builders share.
   *
   * @param <T> the builder
   */
  public abstract static class Builder<T extends Builder<T>> extends FeedForwardLayer.Builder<T> {

    private Backward backward = Backward.FUSED;
    private Boolean channelsLast;

    Builder() {}

    /** Sets which axis holds the channels. */
    final T channelsLast(DataFormat format) {
      Objects.requireNonNull(format, "format must not be null");
      return channelsLast(Layout.isChannelsLast(format));
    }

    @SuppressWarnings("unchecked") // as DL4J's builders do
    final T channelsLast(boolean last) {
      channelsLast = last;
      return (T) this;
    }

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
