package org.backpropninja.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.backpropninja.check.LossConformance.LabelSource;
import org.backpropninja.check.LossConformance.Masks;
import org.backpropninja.check.LossConformance.OutputLayers;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** The loss that is checked, what is declared of it, and data for it. */
record LossSubject(
    Supplier<? extends ILossFunction> supplier,
    int classes,
    List<LabelSource> labels,
    Map<String, LabelSource> refusedLabels,
    IActivation activation,
    boolean shiftInvariant,
    Set<Masks> masks,
    Set<Masks> refusedMasks,
    Set<OutputLayers> outputLayers) {

  /** A loss that was not used before. */
  ILossFunction loss() {
    return supplier.get();
  }

  /**
   * A kind of minibatch.
   *
   * @param mask null for none
   */
  record Case(LabelSource labels, int n, Masks mask) {

    @Override
    public String toString() {
      String name = labels instanceof Enum ? labels.toString() : "labels of your own";
      return "%s, %s%s"
          .formatted(name, LayerSubject.examples(n), mask == null ? "" : " with " + mask);
    }
  }

  /** Each kind of labels with each number of examples. */
  List<Case> unmasked(int... sizes) {
    List<Case> cases = new ArrayList<>();
    for (LabelSource each : labels) {
      for (int n : sizes) {
        cases.add(new Case(each, n, null));
      }
    }
    return cases;
  }

  /** The same with each of some masks. */
  List<Case> masked(Set<Masks> masks, int... sizes) {
    return unmasked(sizes).stream()
        .flatMap(each -> masks.stream().map(mask -> new Case(each.labels, each.n, mask)))
        .toList();
  }

  /** The same without a mask and with each mask that the loss takes. */
  List<Case> cases(int... sizes) {
    List<Case> cases = unmasked(sizes);
    cases.addAll(masked(masks, sizes));
    return cases;
  }

  /** A random minibatch. */
  LossInput draw(Case kind, Random random) {
    return new LossInput(
        kind.labels.labels(random, kind.n, classes),
        matrix(kind.n, classes, random::nextGaussian),
        kind.mask == null ? null : mask(kind.mask, kind.n, random));
  }

  /** A random mask; one of zeros and ones keeps the first of two and leaves out the second. */
  private INDArray mask(Masks kind, int n, Random random) {
    int[] k = {0};
    return switch (kind) {
      case EXAMPLES -> matrix(n, 1, () -> zeroOrOne(k[0]++, random));
      case OUTPUTS -> matrix(n, classes, () -> zeroOrOne(k[0]++, random));
      case WEIGHTS -> matrix(n, 1, () -> 1.25 + random.nextDouble());
    };
  }

  private static double zeroOrOne(int k, Random random) {
    return k == 0 ? 1 : k == 1 ? 0 : random.nextInt(2);
  }

  static INDArray matrix(int rows, int columns, DoubleSupplier source) {
    double[] values = new double[rows * columns];
    for (int k = 0; k < values.length; k++) {
      values[k] = source.getAsDouble();
    }
    return Nd4j.create(values, new long[] {rows, columns}, 'c');
  }
}
