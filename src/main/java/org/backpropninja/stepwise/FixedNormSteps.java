package org.backpropninja.stepwise;

import static org.nd4j.linalg.ops.transforms.Transforms.pow;

import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Batch normalisation by given statistics, as in inference: {@link BatchNormSteps} without the
 * steps through mean and variance.
 *
 * <p>{@code hpreact = bngain · (hprebn − mean) · (variance + eps)^−½ + bnbias} for each of H
 * columns over n rows. Source: Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 2.
 *
 * @param bngain the gain, [1, H]
 * @param bnvarInv (variance + eps)^−½, [1, H]
 * @param bnraw the normalised values, [n, H]
 * @param hpreact the output, [n, H]
 */
record FixedNormSteps(INDArray bngain, INDArray bnvarInv, INDArray bnraw, INDArray hpreact) {

  /**
   * The gradients of one backward pass; mean and variance are constants and get none.
   *
   * @param dhprebn the input's, [n, H]
   * @param dbngain [1, H]
   * @param dbnbias [1, H]
   */
  public record Gradients(INDArray dhprebn, INDArray dbngain, INDArray dbnbias) {}

  /**
   * Normalises.
   *
   * @param hprebn the input, [n, H], FLOAT or DOUBLE
   * @param mean [1, H]
   * @param variance [1, H]
   * @param bngain the gain, [1, H]
   * @param bnbias the bias, [1, H]
   * @param eps what is added to the variance, positive
   * @return the chain
   * @throws IllegalArgumentException if ranks, sizes or types do not fit
   */
  public static FixedNormSteps forward(
      INDArray hprebn,
      INDArray mean,
      INDArray variance,
      INDArray bngain,
      INDArray bnbias,
      double eps) {
    Arrays2d.requireMatrix("hprebn", hprebn);
    Arrays2d.requireMatrix("mean", mean, 1, hprebn.columns(), hprebn);
    Arrays2d.requireMatrix("variance", variance, 1, hprebn.columns(), hprebn);
    Arrays2d.requireMatrix("bngain", bngain, 1, hprebn.columns(), hprebn);
    Arrays2d.requireMatrix("bnbias", bnbias, 1, hprebn.columns(), hprebn);
    INDArray bnvarInv = pow(variance.add(eps), -0.5); // 1,H
    INDArray bnraw = hprebn.sub(mean).muli(bnvarInv); // n,H
    INDArray hpreact = bnraw.mul(bngain).addi(bnbias); // n,H
    return new FixedNormSteps(bngain, bnvarInv, bnraw, hpreact);
  }

  /**
   * Goes back through the steps, last one first.
   *
   * @param dhpreact the loss's gradient with respect to hpreact, [n, H]
   * @return the gradients of input and parameters
   * @throws IllegalArgumentException for another shape or type than hpreact's
   */
  public Gradients backward(INDArray dhpreact) {
    Arrays2d.requireMatrix("dhpreact", dhpreact, hpreact.rows(), hpreact.columns(), hpreact);
    // hpreact = bngain · bnraw + bnbias
    INDArray dbngain = bnraw.mul(dhpreact).sum(true, 0);
    INDArray dbnbias = dhpreact.sum(true, 0);
    INDArray dbnraw = dhpreact.mul(bngain);
    // bnraw = (hprebn − mean) · bnvarInv
    INDArray dhprebn = dbnraw.mul(bnvarInv);
    return new Gradients(dhprebn, dbngain, dbnbias);
  }
}
