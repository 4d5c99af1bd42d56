package org.backpropninja.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.check.LossConformance.LabelSource;
import org.backpropninja.check.LossConformance.Labels;
import org.backpropninja.check.LossConformance.Masks;
import org.backpropninja.check.LossConformance.OutputLayers;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.loss.ManualCrossEntropyLoss.Mean;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.activations.impl.ActivationTanH;
import org.nd4j.linalg.lossfunctions.impl.LossMAE;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;
import org.nd4j.linalg.lossfunctions.impl.LossMSE;

class LossConformanceTest {

  private static final int V = 5;

  private static LossConformance kit(Supplier<ManualCrossEntropyLoss> loss) {
    return LossConformance.of(loss)
        .classes(V)
        .labels(Labels.INDICES, Labels.ONE_HOT, Labels.PROBABILITIES)
        .refusesLabels("index 99", index(99))
        .refusesLabels("index -1", index(-1))
        .refusesLabels("index NaN", index(Double.NaN))
        .refusesLabels("index 2.7", index(2.7))
        .shiftInvariant()
        .masks(Masks.EXAMPLES)
        .refusesMasks(Masks.OUTPUTS, Masks.WEIGHTS);
  }

  private static LabelSource index(double value) {
    return (random, n, classes) -> LossSubject.matrix(n, 1, () -> value);
  }

  // Our loss

  @TestFactory
  Stream<DynamicTest> theLossConforms() {
    return tests(kit(ManualCrossEntropyLoss::new).atLeast(30));
  }

  @TestFactory
  Stream<DynamicTest> theLossConformsStepwise() {
    return tests(kit(() -> new ManualCrossEntropyLoss().backward(Backward.STEPWISE)).only("loss"));
  }

  @TestFactory
  Stream<DynamicTest> theLossConformsWithSettings() {
    return tests(
        kit(
            () ->
                new ManualCrossEntropyLoss()
                    .classWeights(1, 2, 0.5, 0.25, 3)
                    .labelSmoothing(0.1)
                    .mean(Mean.OVER_WEIGHTS)));
  }

  @TestFactory
  Stream<DynamicTest> theLossConformsWithSoftmaxBehindIt() {
    return tests(kit(ManualCrossEntropyLoss::new).activation(new ActivationSoftmax()));
  }

  private static Stream<DynamicTest> tests(LossConformance kit) {
    return kit.checks().map(check -> dynamicTest(check.name(), check::run));
  }

  // What it says of others

  private static List<String> failed(LossConformance kit) {
    return kit.run().results().stream()
        .filter(each -> each.verdict().isBad())
        .map(ConformanceReport.Result::name)
        .toList();
  }

  @Test
  void weightsAreRightBehindLossLayersAlone() {
    LossConformance kit =
        LossConformance.of(LossMSE::new)
            .classes(V)
            .labels(Labels.NUMBERS)
            .masks(Masks.OUTPUTS, Masks.WEIGHTS)
            .only("outputLayers");
    assertEquals(
        List.of("outputLayers.outputLayerMasks", "outputLayers.rnnOutputLayerMasks"), failed(kit));
    kit.outputLayers(
        OutputLayers.LOSS, OutputLayers.RNN_LOSS, OutputLayers.CNN_LOSS, OutputLayers.CNN_3D_LOSS);
    kit.run().assertPassed();
  }

  /** Its score array is divided by its own number of columns, which is 1. */
  @Test
  void aScoreArrayWithoutTheScoresDivisorIsFound() {
    LossConformance kit =
        LossConformance.of(LossMAE::new).classes(V).labels(Labels.NUMBERS).only("loss.scoreIsSum");
    assertEquals(List.of("loss.scoreIsSum"), failed(kit));
  }

  @Test
  void aClippedScoreIsFound() {
    LossConformance kit =
        LossConformance.of(LossMCXENT::new)
            .activation(new ActivationSoftmax())
            .labels(Labels.ONE_HOT)
            .only("loss.gradient", "loss.largeLogits");
    assertEquals(List.of("loss.largeLogits"), failed(kit));
  }

  /** DL4J's activations write what backprop gives over their argument. */
  @Test
  void anActivationThatWorksInPlaceIsFound() {
    LossConformance kit =
        LossConformance.of(LossMSE::new)
            .activation(new ActivationTanH())
            .labels(Labels.NUMBERS)
            .only("loss.leavesAlone", "outputLayers.outputLayer", "outputLayers.lossLayer");
    assertEquals(List.of("loss.leavesAlone", "outputLayers.lossLayer"), failed(kit));
  }

  @Test
  void whatIsNotDeclaredIsNotChecked() {
    ConformanceReport report =
        LossConformance.of(ManualCrossEntropyLoss::new)
            .labels(Labels.INDICES)
            .outputLayers(OutputLayers.CNN_LOSS)
            .only(
                "loss.shiftInvariance",
                "loss.badLabels",
                "loss.masks",
                "loss.maskedNaN",
                "loss.refusedMasks",
                "outputLayers")
            .run();
    assertEquals(0, report.ran(), report::text);
    assertTrue(
        report.text().contains("DL4J's CnnLossLayer takes labels of the logits' shape only"),
        report::text);
  }

  // Refusals of the builder

  private static void refused(Class<? extends Exception> type, String message, Runnable action) {
    String found = assertThrows(type, action::run).getMessage();
    assertTrue(found.contains(message), found);
  }

  @Test
  void settingsThatAreNoneAreRefused() {
    LossConformance kit = LossConformance.of(ManualCrossEntropyLoss::new);
    refused(NullPointerException.class, "loss", () -> LossConformance.of(null));
    refused(IllegalArgumentException.class, "classes (0)", () -> kit.classes(0));
    refused(NullPointerException.class, "labels", () -> kit.labels((LabelSource) null));
    refused(NullPointerException.class, "activation", () -> kit.activation(null));
    refused(NullPointerException.class, "what", () -> kit.refusesLabels(null, Labels.NUMBERS));
    refused(NullPointerException.class, "labels", () -> kit.refusesLabels("NaN", null));
  }

  @Test
  void labelsMustBeSet() {
    LossConformance kit = LossConformance.of(ManualCrossEntropyLoss::new);
    refused(IllegalStateException.class, ".labels(", kit::run);
  }

  @ParameterizedTest
  @EnumSource
  void aMaskIsEitherTakenOrRefused(Masks mask) {
    LossConformance taken = LossConformance.of(ManualCrossEntropyLoss::new).masks(mask);
    refused(IllegalArgumentException.class, mask.name(), () -> taken.refusesMasks(mask));
    LossConformance refused = LossConformance.of(ManualCrossEntropyLoss::new).refusesMasks(mask);
    refused(IllegalArgumentException.class, mask.name(), () -> refused.masks(mask));
  }

  @ParameterizedTest
  @EnumSource
  void labelsHaveARowForEachExample(Labels labels) {
    double[] values = Slopes.elements(labels.labels(new java.util.Random(1), 4, V));
    assertEquals(labels == Labels.INDICES ? 4 : 4 * V, values.length);
    assertTrue(Arrays.stream(values).allMatch(Double::isFinite));
  }
}
