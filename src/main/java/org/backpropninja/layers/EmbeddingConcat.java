package org.backpropninja.layers;

import java.util.List;
import java.util.Objects;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * An embedding whose vectors are laid side by side: indices in, one long row per example out.
 *
 * <pre>embcat[i, t·D + d] = C[Xb[i, t], d]</pre>
 *
 * <p>Shapes: Xb [n, T], whole numbers from 0 to V−1 in any numeric type; C [V, D], key {@code "W"};
 * embcat [n, T·D], context-major: all of the first position's vector, then all of the second's. As
 * in DL4J's embedding layers nIn is V and nOut is D; T is {@link Builder#inputLength(long)} or
 * follows from the input type {@code InputType.feedForward(T)}. Weight init, updater and
 * regularisation come from the network where the layer has none of its own. There is no activation,
 * and dropout set for the whole network passes this layer by, because it would drop indices.
 * Indices have no derivative, so the layer below, if there is one, gets zeros. Examples that a mask
 * leaves out give zeros and get no gradient, and their indices are not looked at.
 *
 * <p>An index that is not a whole number from 0 to V−1, or input of another rank or width, is
 * refused with a {@link org.deeplearning4j.exception.DL4JInvalidInputException}. Source: makemore
 * part 4, {@code emb = C[Xb]; embcat = emb.view(n, -1)}; the formulas are in {@link
 * org.backpropninja.math.Cores.Embedding}.
 */
public final class EmbeddingConcat extends ManualLayer {

  private long inputLength;

  /** For deserialisation; users take the {@link Builder}. */
  public EmbeddingConcat() {}

  private EmbeddingConcat(Builder builder) {
    super(builder);
    inputLength = builder.inputLength;
    initializeConstraints(builder);
  }

  @Override
  boolean hasActivation() {
    return false;
  }

  @Override
  List<Parameter> parameters() {
    return List.of(Parameter.weights(nIn, nOut, getWeightInitFn()));
  }

  @Override
  HandWrittenLayer<?> runtime(NeuralNetConfiguration conf, DataType dataType) {
    return new EmbeddingConcatLayer(conf, dataType);
  }

  @Override
  void validate(int layerIndex) {
    super.validate(layerIndex);
    if (inputLength < 1) {
      throw new DL4JInvalidConfigException(
          "EmbeddingConcat (layer %d, \"%s\"): inputLength (%d) must be at least 1; set it, or the network's input type"
              .formatted(layerIndex, getLayerName(), inputLength));
    }
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    super.getOutputType(layerIndex, inputType); // refuses all but feed-forward input
    if (inputLength > 0 && inputLength != width(inputType)) {
      throw new IllegalStateException(
          "EmbeddingConcat (layer %d, \"%s\"): inputLength (%d) must be the input type's size, %d"
              .formatted(layerIndex, getLayerName(), inputLength, width(inputType)));
    }
    return InputType.feedForward(nOut * width(inputType));
  }

  @Override
  public void setNIn(InputType inputType, boolean override) {
    if (inputLength <= 0 || override) {
      inputLength = width(inputType); // nIn stays: V cannot be seen in the input
    }
    getOutputType(-1, inputType); // refuses what does not fit
  }

  private static long width(InputType inputType) {
    return inputType.arrayElementsPerExample();
  }

  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
    return null; // indices are taken as they come
  }

  /**
   * Returns T, the number of indices of an example.
   *
   * @return T, or 0 where neither the builder nor an input type has set it yet
   */
  public long getInputLength() {
    return inputLength;
  }

  /**
   * Sets T; for deserialisation.
   *
   * @param inputLength number of indices of an example
   */
  public void setInputLength(long inputLength) {
    this.inputLength = inputLength;
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other)
        && other instanceof EmbeddingConcat o
        && inputLength == o.inputLength;
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), inputLength);
  }

  @Override
  public String toString() {
    return "EmbeddingConcat(super=" + super.toString() + ", inputLength=" + inputLength + ")";
  }

  /** Builds an {@link EmbeddingConcat}. */
  @SuppressWarnings("unchecked") // DL4J declares <E extends Layer> E build()
  public static final class Builder extends ManualLayer.Builder<Builder> {

    private long inputLength;

    /** Starts with nothing set: nIn (V) and nOut (D) must be. */
    public Builder() {}

    /**
     * Sets T, the number of indices of an example.
     *
     * @param inputLength at least 1
     * @return this
     * @throws IllegalArgumentException if it is less than 1
     */
    public Builder inputLength(long inputLength) {
      if (inputLength < 1) {
        throw new IllegalArgumentException("inputLength (" + inputLength + ") must be at least 1");
      }
      this.inputLength = inputLength;
      return this;
    }

    /**
     * Makes the layer.
     *
     * @return the layer
     * @throws IllegalArgumentException if an activation other than identity, or a dropout, was set
     */
    @Override
    public EmbeddingConcat build() {
      if (iDropout != null) {
        throw new IllegalArgumentException(
            "dropOut (" + iDropout + ") must not be set: it would drop indices");
      }
      return new EmbeddingConcat(this);
    }
  }
}
