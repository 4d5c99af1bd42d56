package org.backpropninja.stepwise;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The affine map {@code y = x·W + b}: the notebooks' hprebn and logits.
 *
 * <p>n examples of I numbers become n of O. Source: the notebook "makemore part 4: becoming a
 * backprop ninja", steps hprebn and logits; {@code docs/derivations.md} derives the products
 * element by element. The products are ND4J's operation {@code matmul}, which is SameDiff's too, so
 * that both round alike; {@code mmul} adds up in another order.
 *
 * @param x the input, [n, I]
 * @param w the weights, [I, O]
 * @param y the output, [n, O]
 */
record AffineSteps(INDArray x, INDArray w, INDArray y) {

  /**
   * The gradients of one backward pass.
   *
   * @param dx [n, I]
   * @param dw [I, O]
   * @param db [1, O]
   */
  public record Gradients(INDArray dx, INDArray dw, INDArray db) {}

  /**
   * Multiplies and adds.
   *
   * @param x the input, [n, I], FLOAT or DOUBLE
   * @param w the weights, [I, O]
   * @param b the bias, [1, O], added to each row
   * @return the chain with its output
   * @throws IllegalArgumentException if ranks, sizes or types do not fit
   */
  public static AffineSteps forward(INDArray x, INDArray w, INDArray b) {
    Arrays2d.requireMatrix("x", x);
    Arrays2d.requireMatrix("W", w);
    Arrays2d.requireMatrix("W", w, x.columns(), w.columns(), x);
    Arrays2d.requireMatrix("b", b, 1, w.columns(), x);
    INDArray y = Nd4j.matmul(x, w).addi(b); // n,O
    return new AffineSteps(x, w, y);
  }

  /**
   * Goes back through the product and the sum.
   *
   * @param dy the loss's gradient with respect to y, [n, O]
   * @return the gradients of input, weights and bias
   * @throws IllegalArgumentException for another shape or type than y's
   */
  public Gradients backward(INDArray dy) {
    Arrays2d.requireMatrix("dy", dy, y.rows(), y.columns(), y);
    // y = x·W + b
    INDArray dx = Nd4j.matmul(dy, w, false, true, false);
    INDArray dw = Nd4j.matmul(x, dy, true, false, false);
    INDArray db = dy.sum(true, 0);
    return new Gradients(dx, dw, db);
  }
}
