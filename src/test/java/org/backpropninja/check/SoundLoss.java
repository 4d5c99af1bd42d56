package org.backpropninja.check;

import java.util.Arrays;
import java.util.function.Supplier;
import org.backpropninja.check.LossConformance.Labels;
import org.backpropninja.check.LossConformance.Masks;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * A loss without a fault, which planted bugs start from: softmax and cross entropy.
 *
 * <pre>
 * nll[i, j]  = log Σ_k exp z[i, k] − z[i, j]
 * loss[i]    = factor·Σ_j y[i, j]·nll[i, j]
 * dz[i]      = factor·(softmax(z[i])·Σ_j y[i, j] − y[i])
 * </pre>
 *
 * <p>Shapes: z and y [n, V]; masks [n, 1] of zeros and ones, others are refused.
 */
public class SoundLoss implements ILossFunction {

  private static final long serialVersionUID = 1;

  private double factor = 2;

  public double getFactor() {
    return factor;
  }

  public void setFactor(double factor) {
    this.factor = factor;
  }

  /** The kit for this loss or one that has a planted bug in it. */
  static LossConformance kit(Supplier<? extends ILossFunction> loss) {
    return LossConformance.of(loss)
        .classes(4)
        .labels(Labels.ONE_HOT, Labels.PROBABILITIES)
        .refusesLabels("NaN", (random, n, width) -> LossSubject.matrix(n, width, () -> Double.NaN))
        .shiftInvariant()
        .masks(Masks.EXAMPLES)
        .refusesMasks(Masks.OUTPUTS, Masks.WEIGHTS);
  }

  static LossConformance kit() {
    return kit(SoundLoss::new);
  }

  // The steps, on rows of doubles

  void check(INDArray labels, INDArray logits) {
    if (!labels.equalShapes(logits)) {
      throw new IllegalArgumentException(
          "labels %s must have the shape of the logits %s"
              .formatted(Arrays.toString(labels.shape()), Arrays.toString(logits.shape())));
    }
  }

  void checkMask(INDArray mask, long n) {
    if (!Arrays.equals(mask.shape(), new long[] {n, 1})
        || Arrays.stream(Slopes.elements(mask)).anyMatch(each -> each != 0 && each != 1)) {
      throw new IllegalArgumentException("mask %s must be [%d, 1] of 0 or 1".formatted(mask, n));
    }
  }

  void checkLabels(double[] y) {
    if (!Arrays.stream(y).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("labels %s must be numbers".formatted(Arrays.toString(y)));
    }
  }

  double[] values(INDArray x) {
    return Slopes.elements(x);
  }

  double largest(double[] z) {
    return Arrays.stream(z).max().orElseThrow();
  }

  double loss(double[] y, double[] z) {
    double largest = largest(z);
    double sum = Arrays.stream(z).map(each -> Math.exp(each - largest)).sum();
    double loss = 0;
    for (int j = 0; j < z.length; j++) {
      loss += y[j] == 0 ? 0 : factor * y[j] * (Math.log(sum) + largest - z[j]);
    }
    return loss;
  }

  double[] softmax(double[] z) {
    double largest = largest(z);
    double sum = Arrays.stream(z).map(each -> Math.exp(each - largest)).sum();
    return Arrays.stream(z).map(each -> Math.exp(each - largest) / sum).toArray();
  }

  double[] dz(double[] y, double[] z) {
    double weight = Arrays.stream(y).sum();
    double[] dz = softmax(z);
    for (int j = 0; j < dz.length; j++) {
      dz[j] = factor * (dz[j] * weight - y[j]);
    }
    return dz;
  }

  /** What is computed for each row that the mask keeps; the others get zeros. */
  interface PerRow {
    double[] of(double[] y, double[] z);
  }

  INDArray rows(INDArray labels, INDArray logits, INDArray mask, int columns, PerRow formula) {
    check(labels, logits);
    int n = logits.rows();
    if (mask != null) {
      checkMask(mask, n);
    }
    double[] y = values(labels);
    double[] z = values(logits);
    double[] m = mask == null ? null : values(mask);
    int width = logits.columns();
    double[] all = new double[n * columns];
    for (int i = 0; i < n; i++) {
      if (m == null || m[i] != 0) {
        double[] row = Arrays.copyOfRange(y, i * width, (i + 1) * width);
        checkLabels(row);
        double[] of = formula.of(row, Arrays.copyOfRange(z, i * width, (i + 1) * width));
        System.arraycopy(of, 0, all, i * columns, columns);
      }
    }
    return result(all, n, columns, labels, logits);
  }

  INDArray result(double[] all, long n, long columns, INDArray labels, INDArray logits) {
    INDArray result = Nd4j.create(all, new long[] {n, columns}, 'c');
    return LayerSubject.cast(result, logits.dataType());
  }

  // DL4J's methods

  @Override
  public double computeScore(
      INDArray labels, INDArray preOutput, IActivation f, INDArray mask, boolean average) {
    double sum = computeScoreArray(labels, preOutput, f, mask).sumNumber().doubleValue();
    return average ? sum / preOutput.size(0) : sum;
  }

  @Override
  public INDArray computeScoreArray(
      INDArray labels, INDArray preOutput, IActivation f, INDArray mask) {
    return rows(labels, preOutput, mask, 1, (y, z) -> new double[] {loss(y, z)});
  }

  @Override
  public INDArray computeGradient(
      INDArray labels, INDArray preOutput, IActivation f, INDArray mask) {
    return rows(labels, preOutput, mask, preOutput.columns(), this::dz);
  }

  @Override
  public Pair<Double, INDArray> computeGradientAndScore(
      INDArray labels, INDArray preOutput, IActivation f, INDArray mask, boolean average) {
    return new Pair<>(
        computeScore(labels, preOutput, f, mask, average),
        computeGradient(labels, preOutput, f, mask));
  }

  @Override
  public String name() {
    return getClass().getSimpleName();
  }

  @Override
  public String toString() {
    return "%s(factor=%s)".formatted(name(), factor);
  }

  @Override
  public boolean equals(Object other) {
    return other != null && other.getClass() == getClass() && ((SoundLoss) other).factor == factor;
  }

  @Override
  public int hashCode() {
    return Double.hashCode(factor);
  }
}
