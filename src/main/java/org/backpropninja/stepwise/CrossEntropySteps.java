package org.backpropninja.stepwise;

import static org.nd4j.linalg.ops.transforms.Transforms.exp;
import static org.nd4j.linalg.ops.transforms.Transforms.log;
import static org.nd4j.linalg.ops.transforms.Transforms.pow;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Softmax and cross entropy in the notebooks' steps, logitMaxes to the loss.
 *
 * <p>{@code loss = −(1/n) Σ targets · log(softmax(logits))} over n rows and V classes. A class
 * index is the same as a row of targets with a single 1; a row of zeros is ignored but for being
 * counted in n.
 *
 * <p>Two steps differ from the notebooks' in rounding only, so that logits thousands apart stay
 * exact: a count gets the least number that no other count can feel, and logprobs, which is
 * log(probs), is computed as normLogits − log(countsSum). Source: the notebook "makemore part 4:
 * becoming a backprop ninja".
 *
 * @param targets the wanted probabilities, [n, V]; rows need not sum to one
 * @param firstMax 1 at each row's first largest logit and 0 elsewhere, [n, V]
 * @param logitMaxes each row's largest logit, [n, 1]
 * @param normLogits logits − logitMaxes, [n, V]
 * @param counts exp(normLogits), [n, V]
 * @param countsSum each row's sum, [n, 1]
 * @param countsSumInv countsSum^−1, [n, 1]
 * @param probs counts · countsSumInv, [n, V]
 * @param logprobs log(probs), [n, V]
 * @param rowLosses each row's −Σ targets · logprobs, [n, 1]
 * @param loss their mean
 */
record CrossEntropySteps(
    INDArray targets,
    INDArray firstMax,
    INDArray logitMaxes,
    INDArray normLogits,
    INDArray counts,
    INDArray countsSum,
    INDArray countsSumInv,
    INDArray probs,
    INDArray logprobs,
    INDArray rowLosses,
    double loss) {

  /**
   * The gradients of one backward pass, each in the shape of its value.
   *
   * @param dlogits the input's, [n, V]
   * @param dlogitMaxes [n, 1]
   * @param dnormLogits [n, V]
   * @param dcounts [n, V]
   * @param dcountsSum [n, 1]
   * @param dcountsSumInv [n, 1]
   * @param dprobs [n, V]
   * @param dlogprobs [n, V]
   */
  public record Gradients(
      INDArray dlogits,
      INDArray dlogitMaxes,
      INDArray dnormLogits,
      INDArray dcounts,
      INDArray dcountsSum,
      INDArray dcountsSumInv,
      INDArray dprobs,
      INDArray dlogprobs) {}

  /**
   * The loss of class indices.
   *
   * @param logits [n, V], FLOAT or DOUBLE
   * @param classes the right class of each row, [n, 1], of any numeric type
   * @return the chain with every intermediate
   * @throws IllegalArgumentException if ranks, sizes or types do not fit, or a class is not one of
   *     0 to V − 1
   */
  public static CrossEntropySteps ofClasses(INDArray logits, INDArray classes) {
    Arrays2d.requireMatrix("logits", logits);
    INDArray indices = Arrays2d.requireIndices("classes", classes, logits.columns());
    if (classes.rows() != logits.rows() || classes.columns() != 1) {
      throw new IllegalArgumentException(
          "classes %s must be [%d, 1]".formatted(Arrays2d.shape(classes), logits.rows()));
    }
    return ofTargets(logits, Arrays2d.oneHot(indices, logits.columns(), logits.dataType()));
  }

  /**
   * The loss of rows of target probabilities.
   *
   * @param logits [n, V], FLOAT or DOUBLE
   * @param targets the wanted probabilities, [n, V]
   * @return the chain with every intermediate
   * @throws IllegalArgumentException if ranks, sizes or types do not fit
   */
  public static CrossEntropySteps ofTargets(INDArray logits, INDArray targets) {
    Arrays2d.requireMatrix("logits", logits);
    Arrays2d.requireMatrix("targets", targets, logits.rows(), logits.columns(), logits);
    INDArray firstMax = Arrays2d.oneHot(logits.argMax(1), logits.columns(), logits.dataType());
    INDArray logitMaxes = logits.max(true, 1); // n,1
    INDArray normLogits = logits.sub(logitMaxes); // n,V
    INDArray counts = exp(normLogits).addi(leastCount(logits.dataType())); // n,V
    INDArray countsSum = counts.sum(true, 1); // n,1
    INDArray countsSumInv = pow(countsSum, -1); // n,1
    INDArray probs = counts.mul(countsSumInv); // n,V
    // log(probs), from probs' two factors: a logit 2000 below the maximum has no count left to take
    // the logarithm of.
    INDArray logprobs = normLogits.sub(log(countsSum)); // n,V
    INDArray rowLosses = targets.mul(logprobs).sum(true, 1).negi(); // n,1
    return new CrossEntropySteps(
        targets,
        firstMax,
        logitMaxes,
        normLogits,
        counts,
        countsSum,
        countsSumInv,
        probs,
        logprobs,
        rowLosses,
        rowLosses.meanNumber().doubleValue());
  }

  /**
   * Goes back through the steps, last one first.
   *
   * @param dloss the gradient of what is minimised with respect to this loss: 1 for the mean over
   *     the rows, n for their sum
   * @return the gradients of logits and intermediates; the targets' is not taken
   */
  public Gradients backward(double dloss) {
    // loss = −(1/n) Σ targets · logprobs
    INDArray dlogprobs = targets.mul(-dloss / targets.rows());
    // logprobs = log(probs)
    INDArray dprobs = dlogprobs.div(probs);
    // probs = counts · countsSumInv
    INDArray dcountsSumInv = counts.mul(dprobs).sum(true, 1);
    INDArray dcounts = dprobs.mul(countsSumInv);
    // countsSumInv = countsSum^−1
    INDArray dcountsSum = pow(countsSum, -2).negi().muli(dcountsSumInv);
    // countsSum = Σ over columns of counts
    dcounts.addi(dcountsSum);
    // counts = exp(normLogits)
    INDArray dnormLogits = counts.mul(dcounts);
    // normLogits = logits − logitMaxes
    INDArray dlogits = dnormLogits.dup();
    INDArray dlogitMaxes = dnormLogits.sum(true, 1).negi();
    // logitMaxes = the row's maximum; where several tie, the first one alone is it
    dlogits.addi(firstMax.mul(dlogitMaxes));
    return new Gradients(
        dlogits, dlogitMaxes, dnormLogits, dcounts, dcountsSum, dcountsSumInv, dprobs, dlogprobs);
  }

  /**
   * Added to every count, so that none is 0 and the chain never divides 0 by 0. It vanishes in
   * rounding beside any count above 1e-284 (double) or 1e-22 (float), and its own reciprocal is
   * still finite.
   */
  private static double leastCount(DataType type) {
    return type == DataType.DOUBLE ? 1e-300 : 1e-30;
  }
}
