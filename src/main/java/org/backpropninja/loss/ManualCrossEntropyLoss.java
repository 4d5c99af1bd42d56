package org.backpropninja.loss;

import java.util.Objects;
import org.backpropninja.Backward;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.NewMatrix;
import org.backpropninja.math.CrossEntropy;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * Softmax and cross entropy with a hand-written gradient.
 *
 * <pre>
 * loss[i]    = Σ_j y[i, j]·(logsumexp(logits[i]) − logits[i, j])
 * dlogits[i] = softmax(logits[i])·Σ_j y[i, j] − y[i]
 * </pre>
 *
 * <p>Shapes: logits (DL4J's preOutput) [n, V]; labels [n, 1], the class index of each example, or
 * [n, V], a row y of target weights of each, which need not sum to one. With one class labels are
 * indices. The output's activation is softmax or identity: both hand over logits, so the loss is
 * the same, and logits of ±10⁴ give finite, exact results. As DL4J wants it, the score and the
 * gradient are those of the sum over examples; {@code average} divides the score by the number of
 * examples of weight above 0.
 *
 * <p>A mask of [n, 1] weighs the examples and one of [n, V] the targets. An example of weight 0 has
 * loss 0 and gradient 0, and its logits and label are not looked at.
 *
 * <p>Refused with a {@link DL4JInvalidInputException}: logits that are not finite, a label that is
 * not a whole number from 0 to V−1, a target or mask that is negative or not finite, shapes that do
 * not fit, another activation. Source: makemore part 4, "cross entropy in one go"; the formulas are
 * in {@link CrossEntropy}.
 */
public final class ManualCrossEntropyLoss implements ILossFunction {

  private static final long serialVersionUID = 1;

  private Backward backward = Backward.FUSED;

  /** Makes the loss, computed by the closed form. */
  public ManualCrossEntropyLoss() {}

  /**
   * Sets the way that loss and gradient are computed. Default: fused.
   *
   * @param backward fused or stepwise
   * @return this
   */
  public ManualCrossEntropyLoss backward(Backward backward) {
    this.backward = Objects.requireNonNull(backward, "backward must not be null");
    return this;
  }

  /**
   * Returns the way that loss and gradient are computed.
   *
   * @return fused or stepwise
   */
  public Backward getBackward() {
    return backward;
  }

  /**
   * Sets the way that loss and gradient are computed; for deserialisation.
   *
   * @param backward fused or stepwise
   */
  public void setBackward(Backward backward) {
    backward(backward);
  }

  @Override
  public double computeScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      INDArray mask,
      boolean average) {
    return Minibatch.of(labels, preOutput, activationFn, mask, backward).score(average);
  }

  @Override
  public INDArray computeScoreArray(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    Minibatch minibatch = Minibatch.of(labels, preOutput, activationFn, mask, backward);
    INDArray loss = NewMatrix.of(preOutput.dataType(), minibatch.n, 1);
    Crossing.write(minibatch.loss(), loss);
    return loss;
  }

  @Override
  public INDArray computeGradient(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    return Minibatch.of(labels, preOutput, activationFn, mask, backward).dlogits();
  }

  @Override
  public Pair<Double, INDArray> computeGradientAndScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      INDArray mask,
      boolean average) {
    Minibatch minibatch = Minibatch.of(labels, preOutput, activationFn, mask, backward);
    INDArray dlogits = minibatch.dlogits(); // first, as it finds the losses on the way
    return new Pair<>(minibatch.score(average), dlogits);
  }

  @Override
  public String name() {
    return "ManualCrossEntropyLoss";
  }

  @Override
  public String toString() {
    return name() + "(backward=" + backward + ")";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ManualCrossEntropyLoss o && backward == o.backward;
  }

  @Override
  public int hashCode() {
    return backward.name().hashCode();
  }
}
