package org.backpropninja.loss;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.util.Arrays;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.backpropninja.Backward;
import org.backpropninja.internal.LabelledLogits;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.NewMatrix;
import org.backpropninja.internal.Ways;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
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
 * <p>A mask of [n, 1] leaves out the examples where it is 0: they have loss 0 and gradient 0, and
 * their logits and labels are not looked at. Rows of targets carry weights; a mask cannot, because
 * DL4J's OutputLayer and RnnOutputLayer multiply the logits by it before the loss sees them.
 *
 * <p>Refused with a {@link DL4JInvalidInputException}: logits that are not finite, a label that is
 * not a whole number from 0 to V−1, a target that is negative or not finite, a mask that is neither
 * 0 nor 1 or has a value for each class, shapes that do not fit, another activation. Source:
 * makemore part 4, "cross entropy in one go"; the formulas are in {@link
 * org.backpropninja.math.Cores.CrossEntropy}.
 */
public final class ManualCrossEntropyLoss implements ILossFunction {

  private static final long serialVersionUID = 1;

  private Backward backward = Backward.FUSED;

  /** As many as there were threads at once. */
  private transient Queue<Core> idle = new ConcurrentLinkedQueue<>();

  private record Core(int V, DataType type, Backward way, Cores.CrossEntropy crossEntropy) {}

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
    LabelledLogits minibatch = minibatch(labels, preOutput, activationFn, mask);
    return score(minibatch, evaluate(minibatch, preOutput, null), average);
  }

  private static LabelledLogits minibatch(
      INDArray labels, INDArray preOutput, IActivation activation, INDArray mask) {
    LabelledLogits.requireLogits(activation);
    LabelledLogits.requireMatrix(preOutput);
    DataType type = NdArrays.workingType(preOutput.dataType());
    return LabelledLogits.of(labels, NdArrays.in(preOutput, type), mask);
  }

  private static double score(LabelledLogits minibatch, double[] loss, boolean average) {
    double sum = Arrays.stream(loss).sum();
    long examples = minibatch.examples();
    return average && examples > 0 ? sum / examples : sum;
  }

  @Override
  public INDArray computeScoreArray(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    LabelledLogits minibatch = minibatch(labels, preOutput, activationFn, mask);
    double[] losses = evaluate(minibatch, preOutput, null);
    INDArray scores = NewMatrix.of(preOutput.dataType(), losses.length, 1);
    NdArrays.assign(losses, scores);
    return scores;
  }

  @Override
  public INDArray computeGradient(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    return computeGradientAndScore(labels, preOutput, activationFn, mask, false).getSecond();
  }

  @Override
  public Pair<Double, INDArray> computeGradientAndScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      INDArray mask,
      boolean average) {
    LabelledLogits minibatch = minibatch(labels, preOutput, activationFn, mask);
    INDArray dlogits = NewMatrix.of(preOutput.dataType(), preOutput.size(0), preOutput.size(1));
    NdArrays.Out out = NdArrays.out(dlogits);
    double[] losses = evaluate(minibatch, preOutput, out.matrix());
    out.done();
    return new Pair<>(score(minibatch, losses, average), dlogits);
  }

  /** With a core that no other thread uses meanwhile: one loss serves all copies of a network. */
  private double[] evaluate(LabelledLogits minibatch, INDArray preOutput, Matrix dlogits) {
    int V = (int) preOutput.size(1);
    DataType type = preOutput.dataType();
    Core core = idle.poll();
    if (core == null || core.V != V || core.type != type || core.way != backward) {
      core = new Core(V, type, backward, Ways.cores(backward, type).crossEntropy(V));
    }
    double[] losses = minibatch.evaluate(core.crossEntropy, dlogits);
    idle.add(core);
    return losses;
  }

  private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
    in.defaultReadObject();
    idle = new ConcurrentLinkedQueue<>();
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
