package org.backpropninja.layers;

import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInitUtil;
import org.deeplearning4j.nn.weights.embeddings.EmbeddingInitializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * First values of an embedding table that come from outside.
 *
 * <p>DL4J's {@code WeightInitEmbedding} is not used: it fills the flat parameters row by row,
 * though a restored network reads them column by column, and it has no vectors left for a second
 * network. JSON takes the vectors if they allow it; an array does not. A table without its vectors
 * is NaN until the parameters of a saved model, or of the network that learning is transferred
 * from, take its place.
 */
@JsonAutoDetect(fieldVisibility = JsonAutoDetect.Visibility.NONE)
final class PretrainedVectors implements IWeightInit {

  private static final long serialVersionUID = 1;

  private final EmbeddingInitializer vectors; // null where JSON did not have them

  @JsonCreator
  PretrainedVectors(@JsonProperty("vectors") EmbeddingInitializer vectors) {
    this.vectors = vectors;
  }

  @JsonProperty("vectors")
  private EmbeddingInitializer inJson() {
    return areMissing() || !vectors.jsonSerializable() ? null : vectors;
  }

  boolean areMissing() {
    return vectors == null;
  }

  long rows() {
    return vectors.vocabSize();
  }

  long columns() {
    return vectors.vectorSize();
  }

  @Override
  public INDArray init(double fanIn, double fanOut, long[] shape, char order, INDArray view) {
    INDArray C = WeightInitUtil.reshapeWeights(shape, view);
    if (areMissing()) {
      return C.assign(Double.NaN);
    }
    vectors.loadWeightsInto(C);
    return C;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PretrainedVectors o
        && (areMissing() ? o.areMissing() : vectors.equals(o.vectors));
  }

  @Override
  public int hashCode() {
    return PretrainedVectors.class.getName().hashCode(); // DL4J's own change from run to run
  }

  @Override
  public String toString() {
    return areMissing()
        ? "PretrainedVectors(not in JSON)"
        : "PretrainedVectors([%d, %d])".formatted(rows(), columns());
  }
}
