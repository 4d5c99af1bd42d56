package org.backpropninja.stepwise;

import static org.nd4j.linalg.ops.transforms.Transforms.pow;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Batch normalisation in the notebooks' seven steps, bnmeani to hpreact.
 *
 * <p>{@code hpreact = bngain · (hprebn − mean) · (variance + eps)^−½ + bnbias} for each of H
 * columns over n rows. Sources: Ioffe and Szegedy, "Batch Normalization" (2015); the notebook
 * "makemore part 4: becoming a backprop ninja", which divides by n − 1.
 *
 * @param bngain the gain, [1, H]
 * @param correction what is taken from n in the variance's denominator, 1 or 0
 * @param eps what is added to the variance
 * @param bnmeani the columns' means, [1, H]
 * @param bndiff deviations from the mean, [n, H]
 * @param bndiff2 their squares, [n, H]
 * @param bnvar the columns' variances, [1, H]
 * @param bnvarInv (bnvar + eps)^−½, [1, H]
 * @param bnraw the normalised values, [n, H]
 * @param hpreact the output, [n, H]
 */
record BatchNormSteps(
    INDArray bngain,
    int correction,
    double eps,
    INDArray bnmeani,
    INDArray bndiff,
    INDArray bndiff2,
    INDArray bnvar,
    INDArray bnvarInv,
    INDArray bnraw,
    INDArray hpreact) {

  /** Bessel's correction: the variance divides by n − 1. */
  public static final int UNBIASED = 1;

  /** No correction: the variance divides by n. */
  public static final int BIASED = 0;

  /** What the notebooks add to the variance. */
  public static final double EPS = 1e-5;

  /**
   * The gradients of one backward pass, each in the shape of its value.
   *
   * @param dhprebn the input's, [n, H]
   * @param dbngain [1, H]
   * @param dbnbias [1, H]
   * @param dbnmeani [1, H]
   * @param dbndiff [n, H]
   * @param dbndiff2 [n, H]
   * @param dbnvar [1, H]
   * @param dbnvarInv [1, H]
   * @param dbnraw [n, H]
   */
  public record Gradients(
      INDArray dhprebn,
      INDArray dbngain,
      INDArray dbnbias,
      INDArray dbnmeani,
      INDArray dbndiff,
      INDArray dbndiff2,
      INDArray dbnvar,
      INDArray dbnvarInv,
      INDArray dbnraw) {}

  /**
   * Normalises as the notebooks do, with the unbiased variance and eps = 1e-5.
   *
   * @param hprebn the input, [n, H], FLOAT or DOUBLE, n ≥ 2
   * @param bngain the gain, [1, H]
   * @param bnbias the bias, [1, H]
   * @return the chain with every intermediate
   * @throws IllegalArgumentException if ranks, sizes or types do not fit, or n is 1
   */
  public static BatchNormSteps forward(INDArray hprebn, INDArray bngain, INDArray bnbias) {
    return forward(hprebn, bngain, bnbias, UNBIASED, EPS);
  }

  /**
   * Normalises.
   *
   * @param hprebn the input, [n, H], FLOAT or DOUBLE
   * @param bngain the gain, [1, H]
   * @param bnbias the bias, [1, H]
   * @param correction {@link #UNBIASED} or {@link #BIASED}
   * @param eps what is added to the variance, positive
   * @return the chain with every intermediate
   * @throws IllegalArgumentException if ranks, sizes or types do not fit, correction or eps is out
   *     of range, or n ≤ correction
   */
  public static BatchNormSteps forward(
      INDArray hprebn, INDArray bngain, INDArray bnbias, int correction, double eps) {
    requireArguments(hprebn, bngain, bnbias, correction, eps);
    long n = hprebn.rows();
    INDArray bnmeani = hprebn.sum(true, 0).muli(1.0 / n); // 1,H
    // Mean first, then squared deviations: Σx² − (Σx)²/n would lose the digits of a large offset.
    INDArray bndiff = hprebn.sub(bnmeani); // n,H
    INDArray bndiff2 = bndiff.mul(bndiff); // n,H
    INDArray bnvar = bndiff2.sum(true, 0).muli(1.0 / (n - correction)); // 1,H
    INDArray bnvarInv = pow(bnvar.add(eps), -0.5); // 1,H
    INDArray bnraw = bndiff.mul(bnvarInv); // n,H
    INDArray hpreact = bnraw.mul(bngain).addi(bnbias); // n,H
    return new BatchNormSteps(
        bngain, correction, eps, bnmeani, bndiff, bndiff2, bnvar, bnvarInv, bnraw, hpreact);
  }

  /**
   * Goes back through the seven steps, last one first.
   *
   * @param dhpreact the loss's gradient with respect to hpreact, [n, H]
   * @return the gradients of input, parameters and intermediates
   * @throws IllegalArgumentException for another shape or type than hpreact's
   */
  public Gradients backward(INDArray dhpreact) {
    Arrays2d.requireMatrix("dhpreact", dhpreact, hpreact.rows(), hpreact.columns(), hpreact);
    long n = hpreact.rows();
    // hpreact = bngain · bnraw + bnbias
    INDArray dbngain = bnraw.mul(dhpreact).sum(true, 0);
    INDArray dbnbias = dhpreact.sum(true, 0);
    INDArray dbnraw = dhpreact.mul(bngain);
    // bnraw = bndiff · bnvarInv
    INDArray dbnvarInv = bndiff.mul(dbnraw).sum(true, 0);
    INDArray dbndiff = dbnraw.mul(bnvarInv);
    // bnvarInv = (bnvar + eps)^−½
    INDArray dbnvar = pow(bnvar.add(eps), -1.5).muli(-0.5).muli(dbnvarInv);
    // bnvar = 1/(n − correction) · Σ over rows of bndiff2
    INDArray dbndiff2 = Nd4j.onesLike(bndiff2).muli(1.0 / (n - correction)).muli(dbnvar);
    // bndiff2 = bndiff²
    dbndiff.addi(bndiff.mul(2).muli(dbndiff2));
    // bndiff = hprebn − bnmeani
    INDArray dhprebn = dbndiff.dup();
    INDArray dbnmeani = dbndiff.sum(true, 0).negi();
    // bnmeani = 1/n · Σ over rows of hprebn
    dhprebn.addi(dbnmeani.mul(1.0 / n));
    return new Gradients(
        dhprebn, dbngain, dbnbias, dbnmeani, dbndiff, dbndiff2, dbnvar, dbnvarInv, dbnraw);
  }

  private static void requireArguments(
      INDArray hprebn, INDArray bngain, INDArray bnbias, int correction, double eps) {
    Arrays2d.requireMatrix("hprebn", hprebn);
    Arrays2d.requireMatrix("bngain", bngain, 1, hprebn.columns(), hprebn);
    Arrays2d.requireMatrix("bnbias", bnbias, 1, hprebn.columns(), hprebn);
    if (correction != UNBIASED && correction != BIASED) {
      throw new IllegalArgumentException("correction (%d) must be 0 or 1".formatted(correction));
    }
    if (hprebn.rows() <= correction) {
      throw new IllegalArgumentException(
          "hprebn's rows (%d) must be at least 2 for the unbiased variance"
              .formatted(hprebn.rows()));
    }
    if (!(eps > 0)) {
      throw new IllegalArgumentException("eps (%s) must be positive".formatted(eps));
    }
  }
}
