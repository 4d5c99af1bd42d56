import java.util.List;
import java.util.function.Supplier;
import org.backpropninja.Backward;
import org.backpropninja.check.LossConformance;
import org.backpropninja.check.LossConformance.LabelSource;
import org.backpropninja.check.LossConformance.Labels;
import org.backpropninja.check.LossConformance.Masks;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.loss.ManualCrossEntropyLoss.Mean;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;
import org.nd4j.linalg.lossfunctions.impl.LossMSE;
import org.nd4j.linalg.lossfunctions.impl.LossSparseMCXENT;

/** The losses among the {@link ConformanceSubjects}. */
final class ConformanceLosses {

  private static final int CLASSES = 5;

  private ConformanceLosses() {}

  // This library's

  static List<ConformanceSubjects.Subject> ours() {
    return List.of(
        ours("ManualCrossEntropyLoss", ManualCrossEntropyLoss::new),
        ConformanceSubjects.Subject.ours(
            "ManualCrossEntropyLoss, softmax",
            crossEntropy(ManualCrossEntropyLoss::new).activation(new ActivationSoftmax())),
        ours(
            "ManualCrossEntropyLoss, STEPWISE",
            () -> new ManualCrossEntropyLoss().backward(Backward.STEPWISE)),
        ours(
            "ManualCrossEntropyLoss, smoothed, OVER_WEIGHTS",
            () ->
                new ManualCrossEntropyLoss()
                    .classWeights(1, 2, 0.5, 0.25, 3)
                    .labelSmoothing(0.1)
                    .mean(Mean.OVER_WEIGHTS)));
  }

  private static ConformanceSubjects.Subject ours(
      String name, Supplier<ManualCrossEntropyLoss> loss) {
    return ConformanceSubjects.Subject.ours(name, crossEntropy(loss));
  }

  private static LossConformance crossEntropy(Supplier<ManualCrossEntropyLoss> loss) {
    return refusingWrongIndices(loss)
        .labels(Labels.INDICES, Labels.ONE_HOT, Labels.PROBABILITIES)
        .activation(new ActivationIdentity())
        .shiftInvariant()
        .masks(Masks.EXAMPLES)
        .refusesMasks(Masks.OUTPUTS, Masks.WEIGHTS);
  }

  private static LossConformance refusingWrongIndices(Supplier<? extends ILossFunction> loss) {
    return LossConformance.of(loss)
        .classes(CLASSES)
        .refusesLabels("index 99", index(99))
        .refusesLabels("index -1", index(-1))
        .refusesLabels("index NaN", index(Double.NaN))
        .refusesLabels("index 2.7", index(2.7));
  }

  private static LabelSource index(double value) {
    return (random, n, classes) -> Nd4j.valueArrayOf(new long[] {n, 1}, value, DataType.DOUBLE);
  }

  // DL4J's

  static List<ConformanceSubjects.Subject> dl4js() {
    return List.of(
        ConformanceSubjects.Subject.dl4js(
            "LossMCXENT", softmax(LossMCXENT::new).labels(Labels.ONE_HOT, Labels.PROBABILITIES)),
        ConformanceSubjects.Subject.dl4js(
            "LossMCXENT, targets that sum to 2",
            softmax(LossMCXENT::new)
                .labels(
                    (random, n, classes) -> Labels.PROBABILITIES.labels(random, n, classes).muli(2))
                .only("loss.gradient")),
        ConformanceSubjects.Subject.dl4js(
            "LossSparseMCXENT",
            refusingWrongIndices(LossSparseMCXENT::new)
                .labels(Labels.INDICES)
                .activation(new ActivationSoftmax())
                .shiftInvariant()
                .masks(Masks.EXAMPLES)),
        ConformanceSubjects.Subject.dl4js(
            "LossMSE",
            LossConformance.of(LossMSE::new)
                .classes(CLASSES)
                .labels(Labels.NUMBERS)
                .masks(Masks.EXAMPLES, Masks.OUTPUTS)));
  }

  private static LossConformance softmax(Supplier<LossMCXENT> loss) {
    return LossConformance.of(loss)
        .classes(CLASSES)
        .activation(new ActivationSoftmax())
        .shiftInvariant()
        .masks(Masks.EXAMPLES);
  }
}
