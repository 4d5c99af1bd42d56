package org.backpropninja.stepwise;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.factory.ops.NDBase;

/**
 * Embedding lookup and concatenation: {@code emb = C[Xb]}, then each example's T vectors side by
 * side.
 *
 * <p>V rows in the table, D numbers in each, n examples of T indices. Source: the notebook
 * "makemore part 4: becoming a backprop ninja", steps emb and embcat.
 *
 * @param c the table C, [V, D]
 * @param xb the indices, [n, T], INT
 * @param emb the looked-up vectors, [n, T, D]
 * @param embcat the same numbers as [n, T·D]: first the vector of position 0, then of 1, …
 */
record EmbeddingSteps(INDArray c, INDArray xb, INDArray emb, INDArray embcat) {

  private static final NDBase ND = new NDBase();

  /**
   * The gradients of one backward pass.
   *
   * @param dc [V, D]
   * @param demb [n, T, D]
   */
  public record Gradients(INDArray dc, INDArray demb) {}

  /**
   * Looks up and concatenates.
   *
   * @param c the table, [V, D], FLOAT or DOUBLE
   * @param xb indices into the table, [n, T], of any numeric type
   * @return the chain with both values
   * @throws IllegalArgumentException for another rank or type, or an index that is no row of the
   *     table
   */
  public static EmbeddingSteps forward(INDArray c, INDArray xb) {
    Arrays2d.requireMatrix("C", c);
    INDArray indices = Arrays2d.requireIndices("Xb", xb, c.rows());
    long n = xb.size(0);
    INDArray emb = ND.gather(c, indices, 0); // n,T,D
    INDArray embcat = emb.reshape('c', n, xb.size(1) * c.columns()); // n,T·D
    return new EmbeddingSteps(c, indices, emb, embcat);
  }

  /**
   * Goes back through both steps.
   *
   * @param dembcat the loss's gradient with respect to embcat, [n, T·D]
   * @return the gradients; the indices have none
   * @throws IllegalArgumentException for another shape or type than embcat's
   */
  public Gradients backward(INDArray dembcat) {
    Arrays2d.requireMatrix("dembcat", dembcat, embcat.rows(), embcat.columns(), c);
    // embcat = emb as n,T·D
    INDArray demb = dembcat.reshape('c', emb.shape());
    // emb = C[Xb]: every use of a row adds to its gradient, and onehot(Xb)ᵀ·demb adds them up.
    // (ND4J's scatter_add loses some of them when it runs on several threads.)
    INDArray uses = Arrays2d.oneHot(xb, c.rows(), c.dataType()); // n·T,V
    INDArray dc =
        Nd4j.matmul(uses, demb.reshape('c', uses.rows(), c.columns()), true, false, false);
    return new Gradients(dc, demb);
  }
}
