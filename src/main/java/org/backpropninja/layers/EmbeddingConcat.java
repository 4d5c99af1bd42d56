package org.backpropninja.layers;

import java.util.List;
import java.util.Objects;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.embeddings.ArrayEmbeddingInitializer;
import org.deeplearning4j.nn.weights.embeddings.EmbeddingInitializer;
import org.deeplearning4j.nn.weights.embeddings.WeightInitEmbedding;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * An embedding whose vectors are laid side by side: indices in, one long row per example out.
 *
 * <pre>embcat[i, t·D + d] = C[Xb[i, t], d]</pre>
 *
 * <p>Shapes: Xb [n, T], [n, 1, T] or [n, T, 1], whole numbers from 0 to V−1 in any numeric type; C
 * [V, D], key {@code "W"}; embcat [n, T·D], context-major: all of the first position's vector, then
 * all of the second's. With {@link Builder#concat concat(false)} the vectors stay a sequence [n, D,
 * T] or [n, T, D], as in DL4J's {@code EmbeddingSequenceLayer}. As in DL4J's embedding layers nIn
 * is V and nOut is D; T is {@link Builder#inputLength(long)} or follows from the input type {@code
 * InputType.feedForward(T)}, {@code InputType.recurrent(1, T)} or, as for DL4J's layer, {@code
 * InputType.recurrent(V, T)}, and is free in sequences. Weight init, updater and regularisation
 * come from the network where the layer has none of its own. There is no activation, and dropout
 * set for the whole network passes this layer by, because it would drop indices.
 *
 * <p>Positions and examples that a mask leaves out give zeros and get no gradient, and their
 * indices are not looked at. A mask of positions ends here unless the output is a sequence. With a
 * {@link Builder#paddingIndex(int)}, the gradient of its row of C is zero; that of a {@link
 * Builder#frozen(boolean)} table is zero throughout. Indices have no derivative, so no layer may be
 * below; in a ComputationGraph what is below gets zeros.
 *
 * <p>{@code TransferLearning.nOutReplace} gives the layer above nOut inputs, where vectors side by
 * side are T·nOut: in a MultiLayerNetwork follow it with {@code nInReplace} of that layer.
 *
 * <p>An index that is not a whole number from 0 to V−1, or input of another shape, is refused with
 * a {@link org.deeplearning4j.exception.DL4JInvalidInputException}. Source: makemore part 4, {@code
 * emb = C[Xb]; embcat = emb.view(n, -1)}; the formulas are in {@link
 * org.backpropninja.math.Cores.Embedding}.
 */
public final class EmbeddingConcat extends ManualLayer {

  private long inputLength;
  private Integer paddingIndex; // null for none
  private boolean frozen;
  private boolean concat = true;

  /** For deserialisation; users take the {@link Builder}. */
  public EmbeddingConcat() {}

  private EmbeddingConcat(Builder builder) {
    super(builder);
    inputLength = builder.inputLength;
    paddingIndex = builder.paddingIndex;
    frozen = builder.frozen;
    concat = builder.concat;
    takeSizesOfPretrained();
    initializeConstraints(builder);
  }

  /** Where V and D are not set they follow from the vectors. */
  private void takeSizesOfPretrained() {
    if (weightInitFn instanceof WeightInitEmbedding) {
      throw new IllegalArgumentException(
          "weightInit (WeightInitEmbedding) must not be set: give its vectors to pretrained(...)");
    }
    if (weightInitFn instanceof PretrainedVectors vectors) {
      nIn = nIn > 0 ? nIn : vectors.rows();
      nOut = nOut > 0 ? nOut : vectors.columns();
      if (nIn != vectors.rows() || nOut != vectors.columns()) {
        throw new IllegalArgumentException(
            "nIn (%d) and nOut (%d) must be those of pretrained, %d and %d; leave them out, or give other vectors"
                .formatted(nIn, nOut, vectors.rows(), vectors.columns()));
      }
    }
  }

  @Override
  boolean hasActivation() {
    return false;
  }

  @Override
  List<Parameter> parameters() {
    return List.of(Parameter.weights(nIn, nOut, this::firstValues));
  }

  /** Those of the weight init, but zeros for padding unless it is pretrained too, as PyTorch's. */
  private INDArray firstValues(
      double fanIn, double fanOut, long[] shape, char order, INDArray view) {
    IWeightInit init = getWeightInitFn();
    INDArray C = init.init(fanIn, fanOut, shape, order, view);
    if (paddingIndex != null && !(init instanceof PretrainedVectors)) {
      C.getRow(paddingIndex).assign(0);
    }
    return C;
  }

  @Override
  HandWrittenLayer<?> runtime(NeuralNetConfiguration conf, DataType dataType) {
    return new EmbeddingConcatLayer(conf, dataType);
  }

  @Override
  void validate(int layerIndex, boolean inGraph) {
    if (!inGraph && layerIndex > 0) { // a graph's indices do not tell what is below
      throw new DL4JInvalidConfigException(
          "%s: must be the first layer, because indices have no derivative and nothing below could learn; in a ComputationGraph it can stand beside others"
              .formatted(where(layerIndex)));
    }
    if (nIn < 1 || nOut < 1) {
      throw new DL4JInvalidConfigException(
          "%s: nIn (%d) and nOut (%d) must be at least 1: set V and D, or pretrained(...), from which they follow"
              .formatted(where(layerIndex), nIn, nOut));
    }
    if (concat && inputLength < 1) {
      throw new DL4JInvalidConfigException(
          "%s: inputLength (%d) must be at least 1; set it, or the network's input type, or concat(false)"
              .formatted(where(layerIndex), inputLength));
    }
    if (paddingIndex != null && paddingIndex >= nIn) {
      throw new DL4JInvalidConfigException(
          "%s: paddingIndex (%d) must be an index, from 0 to %d"
              .formatted(where(layerIndex), paddingIndex, nIn - 1));
    }
  }

  /** A frozen table stays as it is, whatever the network's updater and regularisation are. */
  @Override
  public IUpdater getUpdaterByParam(String paramName) {
    return frozen ? new NoOp() : super.getUpdaterByParam(paramName);
  }

  @Override
  public List<Regularization> getRegularizationByParam(String paramName) {
    return frozen ? null : super.getRegularizationByParam(paramName);
  }

  @Override
  public InputType getOutputType(int layerIndex, InputType inputType) {
    if (!isOfIndices(inputType)) {
      throw new IllegalStateException(
          "%s: input type (%s) must be InputType.feedForward(T), or InputType.recurrent(1, T) for one index a step, or InputType.recurrent(nIn, T) as EmbeddingSequenceLayer has it, with nIn = %d"
              .formatted(where(layerIndex), inputType, nIn));
    }
    long length = length(inputType);
    if (inputLength > 0 && length > 0 && inputLength != length) {
      throw new IllegalStateException(
          "%s: inputLength (%d) must be the input type's length, %d"
              .formatted(where(layerIndex), inputLength, length));
    }
    length = Math.max(length, inputLength);
    if (!concat) {
      RNNFormat format = isChannelsLast() ? RNNFormat.NWC : RNNFormat.NCW;
      return InputType.recurrent(nOut, length > 0 ? length : -1, format);
    }
    if (length < 1) {
      throw new IllegalStateException(
          "%s: inputLength must be set, because the input type (%s) has no length; or set concat(false)"
              .formatted(where(layerIndex), inputType));
    }
    return InputType.feedForward(nOut * length);
  }

  /** DL4J's EmbeddingSequenceLayer is told V as the size of a step, though a step is one index. */
  private boolean isOfIndices(InputType type) {
    return type instanceof InputType.InputTypeFeedForward
        || type instanceof InputType.InputTypeRecurrent steps
            && (steps.getSize() == 1 || steps.getSize() == nIn);
  }

  /** The number of indices of an example; not positive if the type does not tell. */
  private static long length(InputType type) {
    return type instanceof InputType.InputTypeRecurrent steps
        ? steps.getTimeSeriesLength()
        : ((InputType.InputTypeFeedForward) type).getSize();
  }

  /** Takes T and the format, and V where it is not set and the type tells it. */
  @Override
  public void setNIn(InputType inputType, boolean override) {
    if (nIn <= 0
        && inputType instanceof InputType.InputTypeRecurrent steps
        && steps.getSize() > 1) {
      nIn = steps.getSize();
    }
    if (!isOfIndices(inputType)) {
      return; // DL4J asks for the output type next, and that refusal can name the layer's index
    }
    long length = length(inputType);
    if (concat && length > 0 && (inputLength <= 0 || override)) {
      inputLength = length;
    }
    if (getChannelsLast() == null && inputType instanceof InputType.InputTypeRecurrent steps) {
      setChannelsLast(InputTypes.isChannelsLast(steps));
    }
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

  /**
   * Returns the index whose vector is not trained.
   *
   * @return from 0 to V−1, or null for none
   */
  public Integer getPaddingIndex() {
    return paddingIndex;
  }

  /**
   * Sets the index whose vector is not trained; for deserialisation.
   *
   * @param paddingIndex from 0 to V−1, or null for none
   */
  public void setPaddingIndex(Integer paddingIndex) {
    this.paddingIndex = paddingIndex;
  }

  /**
   * Tells whether the table stays as it is.
   *
   * @return whether no vector is trained
   */
  public boolean isFrozen() {
    return frozen;
  }

  /**
   * Sets whether the table stays as it is; for deserialisation.
   *
   * @param frozen whether no vector is trained
   */
  public void setFrozen(boolean frozen) {
    this.frozen = frozen;
  }

  /**
   * Tells whether the vectors of an example are laid side by side.
   *
   * @return true for [n, T·D], false for a sequence [n, D, T] or [n, T, D]
   */
  public boolean isConcat() {
    return concat;
  }

  /**
   * Sets whether the vectors of an example are laid side by side; for deserialisation.
   *
   * @param concat true for [n, T·D], false for a sequence
   */
  public void setConcat(boolean concat) {
    this.concat = concat;
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other)
        && other instanceof EmbeddingConcat o
        && inputLength == o.inputLength
        && Objects.equals(paddingIndex, o.paddingIndex)
        && frozen == o.frozen
        && concat == o.concat;
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), inputLength, paddingIndex, frozen, concat);
  }

  @Override
  public String toString() {
    return "EmbeddingConcat(super=%s, inputLength=%d, paddingIndex=%d, frozen=%s, concat=%s)"
        .formatted(super.toString(), inputLength, paddingIndex, frozen, concat);
  }

  /** Builds an {@link EmbeddingConcat}. */
  @SuppressWarnings("unchecked") // DL4J declares <E extends Layer> E build()
  public static final class Builder extends ManualLayer.Builder<Builder> {

    private long inputLength;
    private Integer paddingIndex;
    private boolean frozen;
    private boolean concat = true;

    /** Starts with nothing set: nIn (V) and nOut (D) must be, or {@code pretrained}. */
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
     * Sets the index that fills short contexts up, as PyTorch's {@code padding_idx}: its vector is
     * read as it is and gets no gradient, and it starts as zeros unless it is pretrained. Default:
     * none.
     *
     * @param paddingIndex from 0 to V−1
     * @return this
     * @throws IllegalArgumentException if it is negative
     */
    public Builder paddingIndex(int paddingIndex) {
      if (paddingIndex < 0) {
        throw new IllegalArgumentException(
            "paddingIndex (" + paddingIndex + ") must be an index, from 0 to nIn - 1");
      }
      this.paddingIndex = paddingIndex;
      return this;
    }

    /**
     * Sets the vectors that the table starts with, and V and D where nIn and nOut are not set.
     *
     * @param vectors [V, D] of any type and order; read each time that a network is initialised,
     *     and not written into JSON
     * @return this
     */
    public Builder pretrained(INDArray vectors) {
      return pretrained(new ArrayEmbeddingInitializer(vectors));
    }

    /**
     * Sets where the vectors come from that the table starts with, and V and D where nIn and nOut
     * are not set.
     *
     * @param vectors for instance those of DL4J's Word2Vec; asked each time that a network is
     *     initialised, and written into JSON if they allow it
     * @return this
     */
    public Builder pretrained(EmbeddingInitializer vectors) {
      return weightInit(
          new PretrainedVectors(Objects.requireNonNull(vectors, "vectors must not be null")));
    }

    /**
     * Sets whether the table stays as it is: no gradient is computed, and no updater,
     * regularisation or constraint moves it. Default: false.
     *
     * @param frozen whether no vector is trained
     * @return this
     */
    public Builder frozen(boolean frozen) {
      this.frozen = frozen;
      return this;
    }

    /**
     * Sets whether the vectors of an example are laid side by side. Default: true.
     *
     * @param concat true for [n, T·D]; false for sequences, as DL4J's EmbeddingSequenceLayer gives
     *     them, of any length where {@code inputLength} is not set
     * @return this
     */
    public Builder concat(boolean concat) {
      this.concat = concat;
      return this;
    }

    /**
     * Sets the format of the sequences that {@code concat(false)} gives. Default: that of the input
     * type, or NCW where it has none.
     *
     * @param format NCW for [n, D, T], NWC for [n, T, D]
     * @return this
     */
    public Builder dataFormat(RNNFormat format) {
      return channelsLast(format);
    }

    /**
     * Makes the layer.
     *
     * @return the layer
     * @throws IllegalArgumentException if an activation other than identity, a dropout, or DL4J's
     *     WeightInitEmbedding was set, or nIn or nOut differ from the pretrained vectors'
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
