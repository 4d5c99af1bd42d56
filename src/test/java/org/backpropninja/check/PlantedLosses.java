package org.backpropninja.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.backpropninja.check.LossConformance.Masks;
import org.backpropninja.check.LossConformance.OutputLayers;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** Bugs for the families {@code loss} and {@code outputLayers}. */
final class PlantedLosses {

  private PlantedLosses() {}

  static List<Planted> all() {
    return Stream.of(scores(), gradients(), inputs(), masks(), files(), outputLayers())
        .flatMap(List::stream)
        .toList();
  }

  private static Planted in(String check, String what, Supplier<? extends ILossFunction> loss) {
    return new Planted(check, what, () -> SoundLoss.kit(loss));
  }

  // Scores

  private static List<Planted> scores() {
    return List.of(
        in("loss.scoreIsSum", "the score is always the mean", Mean::new),
        in("loss.scoreIsSum", "the mean is the sum", Sum::new),
        in("loss.scoreIsSum", "the score array is [n, V]", ArrayOfOutputs::new),
        in("loss.gradientAndScore", "average is forgotten", AverageForgotten::new),
        in("loss.gradientAndScore", "the mask is forgotten", MaskForgotten::new),
        in("loss.shiftInvariance", "the largest logit is added to the loss", NotShifted::new),
        in("loss.largeLogits", "exp of logits as they are", Overflow::new),
        in("loss.largeLogits", "probabilities are clipped in the score alone", Clipped::new));
  }

  static class Mean extends SoundLoss {
    @Override
    public double computeScore(INDArray y, INDArray z, IActivation f, INDArray m, boolean average) {
      return super.computeScore(y, z, f, m, true);
    }
  }

  static class Sum extends SoundLoss {
    @Override
    public double computeScore(INDArray y, INDArray z, IActivation f, INDArray m, boolean average) {
      return super.computeScore(y, z, f, m, false);
    }
  }

  static class ArrayOfOutputs extends SoundLoss {
    @Override
    public INDArray computeScoreArray(INDArray y, INDArray z, IActivation f, INDArray m) {
      return rows(y, z, m, z.columns(), (yRow, zRow) -> new double[zRow.length]);
    }
  }

  static class AverageForgotten extends SoundLoss {
    @Override
    public Pair<Double, INDArray> computeGradientAndScore(
        INDArray y, INDArray z, IActivation f, INDArray m, boolean average) {
      return super.computeGradientAndScore(y, z, f, m, false);
    }
  }

  static class MaskForgotten extends SoundLoss {
    @Override
    public Pair<Double, INDArray> computeGradientAndScore(
        INDArray y, INDArray z, IActivation f, INDArray m, boolean average) {
      return super.computeGradientAndScore(y, z, f, null, average);
    }
  }

  static class NotShifted extends SoundLoss {
    @Override
    double loss(double[] y, double[] z) {
      return super.loss(y, z) + largest(z);
    }
  }

  static class Overflow extends SoundLoss {
    @Override
    double largest(double[] z) {
      return 0;
    }
  }

  static class Clipped extends SoundLoss {
    @Override
    double loss(double[] y, double[] z) {
      double[] p = softmax(z);
      double loss = 0;
      for (int j = 0; j < p.length; j++) {
        loss -= getFactor() * y[j] * Math.log(Math.max(p[j], 1e-10));
      }
      return loss;
    }
  }

  // Gradients

  private static List<Planted> gradients() {
    return List.of(
        in("loss.gradient", "the gradient is that of the mean", MeanGradient::new),
        in("loss.gradient", "the gradient misses the factor", NoFactor::new),
        in("loss.gradient", "a mask is applied to the score alone", UnmaskedGradient::new),
        in("loss.gradient", "there is no loss at all", Nothing::new),
        in("loss.shapeAndType", "the gradient is FLOAT always", FloatAlways::new),
        in("loss.shapeAndType", "the gradient has the labels' type", TypeOfLabels::new),
        in("loss.threads", "probabilities are kept in a field", Field::new));
  }

  static class MeanGradient extends SoundLoss {
    @Override
    public INDArray computeGradient(INDArray y, INDArray z, IActivation f, INDArray m) {
      return super.computeGradient(y, z, f, m).divi(z.rows());
    }
  }

  static class NoFactor extends SoundLoss {
    @Override
    double[] dz(double[] y, double[] z) {
      return Arrays.stream(super.dz(y, z)).map(each -> each / getFactor()).toArray();
    }
  }

  static class Nothing extends SoundLoss {
    @Override
    double loss(double[] y, double[] z) {
      return 0;
    }

    @Override
    double[] dz(double[] y, double[] z) {
      return new double[z.length];
    }
  }

  static class UnmaskedGradient extends SoundLoss {
    @Override
    public INDArray computeGradient(INDArray y, INDArray z, IActivation f, INDArray m) {
      return super.computeGradient(y, z, f, null);
    }
  }

  static class FloatAlways extends SoundLoss {
    @Override
    INDArray result(double[] all, long n, long columns, INDArray labels, INDArray logits) {
      INDArray result = super.result(all, n, columns, labels, logits);
      return columns == 1 ? result : LayerSubject.cast(result, DataType.FLOAT);
    }
  }

  static class TypeOfLabels extends SoundLoss {
    @Override
    INDArray result(double[] all, long n, long columns, INDArray labels, INDArray logits) {
      return super.result(all, n, columns, labels, labels);
    }
  }

  static class Field extends SoundLoss {
    private transient double[] kept;

    @Override
    double[] softmax(double[] z) {
      kept = super.softmax(z);
      Thread.yield();
      return kept;
    }
  }

  // What it is given

  private static List<Planted> inputs() {
    return List.of(
        in("loss.leavesAlone", "softmax is computed in the logits", InPlace::new),
        in("loss.leavesAlone", "labels are smoothed in place", SmoothedInPlace::new),
        in("loss.layouts", "memory is read as if it were row-major", RawMemory::new),
        in("loss.badLabels", "labels are never checked", LabelsUnchecked::new),
        in("loss.badLabels", "labels are checked in the gradient alone", CheckedOnce::new),
        in("loss.badShapes", "shapes are never checked", ShapesUnchecked::new));
  }

  static class InPlace extends SoundLoss {
    @Override
    public INDArray computeGradient(INDArray y, INDArray z, IActivation f, INDArray m) {
      INDArray gradient = super.computeGradient(y, z, f, m);
      return z.assign(gradient);
    }
  }

  static class SmoothedInPlace extends SoundLoss {
    @Override
    public INDArray computeScoreArray(INDArray y, INDArray z, IActivation f, INDArray m) {
      return super.computeScoreArray(y.muli(0.9).addi(0.025), z, f, m);
    }
  }

  static class RawMemory extends SoundLoss {
    @Override
    double[] values(INDArray x) {
      return Arrays.copyOf(x.data().asDouble(), Math.toIntExact(x.length()));
    }
  }

  static class LabelsUnchecked extends SoundLoss {
    @Override
    void checkLabels(double[] y) {
      // anything goes
    }
  }

  static class CheckedOnce extends SoundLoss {
    @Override
    public INDArray computeScoreArray(INDArray y, INDArray z, IActivation f, INDArray m) {
      return rows(y, z, m, 1, (yRow, zRow) -> new double[] {loss(yRow, zRow)});
    }

    @Override
    public INDArray computeGradient(INDArray y, INDArray z, IActivation f, INDArray m) {
      Arrays.stream(values(y)).filter(Double::isNaN).findAny().ifPresent(this::refuse);
      return super.computeGradient(y, z, f, m);
    }

    private void refuse(double label) {
      throw new IllegalArgumentException("label (%s) must be a number".formatted(label));
    }

    @Override
    void checkLabels(double[] y) {
      // computeGradient does
    }
  }

  static class ShapesUnchecked extends SoundLoss {
    @Override
    void check(INDArray labels, INDArray logits) {
      // anything goes
    }

    @Override
    double[] values(INDArray x) {
      return Arrays.copyOf(super.values(x), 200);
    }
  }

  // Masks

  private static List<Planted> masks() {
    return List.of(
        in("loss.masks", "the mask makes no difference", NoMask::new),
        in("loss.masks", "what is left out gets a gradient", UnmaskedGradient::new),
        in("loss.masks", "where no mask comes the last one is kept", LastMask::new),
        in("loss.masks", "zeros are kept, ones are left out", Inverted::new),
        in("loss.maskedNaN", "the mask is multiplied", Multiplied::new),
        in("loss.refusedMasks", "weights are taken for a mask", TakesWeights::new));
  }

  static class NoMask extends SoundLoss {
    @Override
    INDArray rows(INDArray y, INDArray z, INDArray m, int columns, PerRow formula) {
      return super.rows(y, z, null, columns, formula);
    }
  }

  static class Inverted extends SoundLoss {
    @Override
    INDArray rows(INDArray y, INDArray z, INDArray m, int columns, PerRow formula) {
      return super.rows(y, z, m == null ? null : m.rsub(1), columns, formula);
    }
  }

  static class Multiplied extends SoundLoss {
    @Override
    INDArray rows(INDArray y, INDArray z, INDArray m, int columns, PerRow formula) {
      INDArray all = super.rows(y, z, null, columns, formula);
      return m == null ? all : all.muliColumnVector(LayerSubject.cast(m, all.dataType()));
    }

    @Override
    void checkLabels(double[] y) {
      // NaN is looked at, too
    }
  }

  static class TakesWeights extends Multiplied {
    @Override
    void checkMask(INDArray mask, long n) {
      // any numbers
    }
  }

  // Files

  private static List<Planted> files() {
    return List.of(
        in("loss.equals", "there is no equals", NoEquals::new),
        in("loss.equals", "hashCode is the object's own", NoHashCode::new),
        in("loss.equals", "equals forgets the factor", FactorForgotten::new),
        in("loss.json", "the setting has no setter", () -> new Unsaved(3)),
        in("loss.yaml", "the setting has no setter", () -> new Unsaved(3)),
        in("loss.java", "the setting is transient", () -> new Forgotten(3)));
  }

  static class NoEquals extends SoundLoss {
    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return 1;
    }
  }

  static class NoHashCode extends SoundLoss {
    @Override
    public boolean equals(Object other) {
      return super.equals(other);
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  static class Unsaved extends SoundLoss {
    private double times = 1;

    Unsaved() {}

    Unsaved(double times) {
      this.times = times;
    }

    @Override
    double loss(double[] y, double[] z) {
      return times * super.loss(y, z);
    }

    @Override
    double[] dz(double[] y, double[] z) {
      return Arrays.stream(super.dz(y, z)).map(each -> times * each).toArray();
    }
  }

  static class Forgotten extends SoundLoss {
    private transient double times;

    Forgotten(double times) {
      this.times = times;
    }

    @Override
    double loss(double[] y, double[] z) {
      return times * super.loss(y, z);
    }
  }

  // Output layers

  private static List<Planted> outputLayers() {
    List<Planted> all = new ArrayList<>();
    for (OutputLayers each : OutputLayers.values()) {
      String check = LossOutputLayers.name(each);
      all.add(
          in(check, "the gradient is divided by the examples, as DL4J does", MeanGradient::new));
      all.add(in(check + "Masks", "a mask is applied to the score alone", UnmaskedGradient::new));
    }
    for (String check :
        List.of("outputLayers.outputLayerMasks", "outputLayers.rnnOutputLayerMasks")) {
      String what = "weights are taken for a mask; the logits come multiplied by them";
      all.add(new Planted(check, what, () -> weighted(TakesWeights::new)));
    }
    all.add(in("outputLayers.workspaces", "an array for all times is made once", Cached::new));
    all.add(in("outputLayers.lossLayer", "the gradient is written over the logits", InPlace::new));
    all.add(in("outputLayers.rnnLossLayer", "memory is read as if row-major", RawMemory::new));
    return all;
  }

  static class Cached extends SoundLoss {
    private transient INDArray twos; // made in whatever workspace is open

    @Override
    public INDArray computeGradient(INDArray y, INDArray z, IActivation f, INDArray m) {
      twos =
          twos == null ? Nd4j.valueArrayOf(new long[] {1, z.columns()}, 2.0, z.dataType()) : twos;
      return super.computeGradient(y, z, f, m).muliRowVector(twos).divi(2);
    }
  }

  private static LossConformance weighted(Supplier<? extends ILossFunction> loss) {
    return LossConformance.of(loss)
        .labels(LossConformance.Labels.ONE_HOT)
        .masks(Masks.EXAMPLES, Masks.WEIGHTS);
  }

  static class LastMask extends SoundLoss {
    private transient INDArray last;

    @Override
    INDArray rows(INDArray y, INDArray z, INDArray m, int columns, PerRow formula) {
      last = m == null ? last : m;
      return super.rows(y, z, last != null && last.rows() == z.rows() ? last : m, columns, formula);
    }
  }

  static class FactorForgotten extends SoundLoss {
    @Override
    public boolean equals(Object other) {
      return other != null && other.getClass() == getClass();
    }

    @Override
    public int hashCode() {
      return 1;
    }
  }
}
