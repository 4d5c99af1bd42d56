package org.backpropninja.stepwise;

import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.backpropninja.internal.NdArrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The hand-written steps against SameDiff and against the closed forms. */
class RefereeTest {

  @Property(tries = 60)
  void stepwiseSameDiffAndFusedAgreeWhateverTheSizes(
      @ForAll @IntRange(min = 2, max = 40) int n,
      @ForAll @IntRange(min = 1, max = 8) int t,
      @ForAll @IntRange(min = 1, max = 16) int d,
      @ForAll @IntRange(min = 1, max = 70) int h,
      @ForAll @IntRange(min = 2, max = 60) int v,
      @ForAll long seed) {
    assertAgree(RandomStep.of(n, t, d, h, v, DataType.DOUBLE, seed));
  }

  @ParameterizedTest
  @ValueSource(strings = {GoldenStep.ONE_GENERATOR, GoldenStep.TWO_GENERATORS})
  void everyRowOfTheNotebooksTableIsApproximateInFloat(String folder) {
    GoldenStep golden = new GoldenStep(folder, DataType.FLOAT);

    assertAgree(new RandomStep(golden.parameters(), golden.xb(), golden.yb()));
  }

  @ParameterizedTest
  @ValueSource(doubles = {1000, -1000})
  void farOffLogitsMakeNoDifference(double offset) {
    RandomStep step = RandomStep.of(8, 3, 4, 5, 7, DataType.DOUBLE, 1);
    double loss = step.forward().loss();
    step.parameters().b2().addi(offset);

    assertAgree(step);
    assertEquals(loss, step.forward().loss(), 1e-10);
  }

  @Test
  void tiedLogitsMakeNoDifference() {
    RandomStep step = RandomStep.of(8, 3, 4, 5, 7, DataType.DOUBLE, 1);
    INDArray twice = Nd4j.createFromArray(0, 1, 2, 2, 1, 0, 2).reshape(7, 1);
    step.parameters().w2().assign(columns(step.parameters().w2(), twice));
    step.parameters().b2().assign(columns(step.parameters().b2(), twice));

    assertAgree(step);
  }

  /** The matrix of the chosen columns. */
  private static INDArray columns(INDArray x, INDArray chosen) {
    return x.mmul(Arrays2d.oneHot(chosen, x.columns(), x.dataType()).transpose());
  }

  private static void assertAgree(RandomStep step) {
    StepwiseMlp byHand = step.forward();
    Referee referee = step.judge();
    GradientComparison gradients = GradientComparison.of(byHand.gradients(), referee.gradients());
    GradientComparison values = GradientComparison.of(byHand.values(), referee.values());
    assertEquals(26, gradients.rows().size());
    assertTrue(gradients.allApproximate(), gradients::table);
    assertTrue(values.allApproximate(), values::table);
    assertEquals(referee.loss(), byHand.loss(), 1e-6 * Math.abs(referee.loss()));
    if (step.parameters().c().dataType() == DataType.DOUBLE) {
      assertFusedAgrees(step, byHand);
    }
  }

  /** Of terms as large as dhprebn's, b1's gradient is zero but for rounding. */
  private static void assertFusedAgrees(RandomStep step, StepwiseMlp byHand) {
    FusedStep fused = new FusedStep(step);
    assertEquals(fused.loss, byHand.loss(), 1e-12 * fused.loss);
    double term = Math.max(1, largest(NdArrays.values(byHand.gradients().get("hprebn"))));
    fused.gradients.forEach(
        (name, gradient) ->
            assertWithin(
                name,
                gradient,
                NdArrays.values(byHand.gradients().get(name)),
                1e-12 * Math.max(term, largest(gradient))));
  }
}
