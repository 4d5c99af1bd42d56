package org.backpropninja.stepwise;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Cross entropy where it is hard: ties, huge logits, targets that are no single class. */
class CrossEntropyStepsTest {

  @ParameterizedTest
  @EnumSource(names = {"FLOAT", "DOUBLE"})
  void ofTiedMaximaOnlyTheFirstGetsAGradient(DataType type) {
    INDArray logits = matrix(type, new double[][] {{1, 3, 3, 3}, {2, 2, 2, 2}, {0, -1, 5, 5}});

    CrossEntropySteps step = CrossEntropySteps.ofClasses(logits, column(3, 0, 1));

    INDArray expected = matrix(type, new double[][] {{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 1, 0}});
    assertEquals(expected, step.firstMax());
  }

  /** The row maximum's gradient is 0 but for rounding, so the comparison has to be exact. */
  @ParameterizedTest
  @EnumSource(names = {"FLOAT", "DOUBLE"})
  void theFirstMaximumGetsTheWholeGradientOfTheRowMaximum(DataType type) {
    Random random = new Random(4);
    INDArray logits = Transforms.round(RandomStep.normal(random, type, 60, 9).muli(2)).divi(2);
    CrossEntropySteps step =
        CrossEntropySteps.ofClasses(logits, RandomStep.indices(random, 9, 60, 1));

    CrossEntropySteps.Gradients d = step.backward(1);

    INDArray expected = d.dnormLogits().dup();
    for (int i = 0; i < 60; i++) {
      int first = 0;
      for (int j = 1; j < 9; j++) {
        first = logits.getDouble(i, j) > logits.getDouble(i, first) ? j : first;
      }
      double sum = expected.getDouble(i, first) + d.dlogitMaxes().getDouble(i);
      expected.putScalar(i, first, sum);
    }
    assertNotEquals(
        0,
        d.dnormLogits().sub(d.dlogits()).amaxNumber().doubleValue(),
        "nothing was added: the test shows nothing");
    assertEquals(0, expected.sub(d.dlogits()).amaxNumber().doubleValue());
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT", "DOUBLE"})
  void logitsOfThousandsGiveTheExactLossAndGradient(DataType type) {
    INDArray logits =
        matrix(type, new double[][] {{1000, -1000, 0}, {-1000, -1000, -1000}, {1000, 999, -1000}});

    CrossEntropySteps step = CrossEntropySteps.ofClasses(logits, column(1, 2, 0));

    double e = Math.exp(-1);
    assertEquals((2000 + Math.log(3) + Math.log(1 + e)) / 3, step.loss(), 1e-4);
    double third = 1.0 / 3;
    INDArray expected =
        matrix(
                type,
                new double[][] {
                  {1, -1, 0},
                  {third, third, third - 1},
                  {1 / (1 + e) - 1, e / (1 + e), 0}
                })
            .muli(third);
    assertWithin(type == DataType.DOUBLE ? 1e-15 : 1e-7, expected, step.backward(1).dlogits());
  }

  /** The least count is divided by a sum of many and must have a reciprocal even so. */
  @ParameterizedTest
  @EnumSource(names = {"FLOAT", "DOUBLE"})
  void aTargetAThousandBelowManyOthers(DataType type) {
    int V = 27;
    INDArray logits = Nd4j.zeros(type, 1, V).putScalar(0, 4, -1000);

    CrossEntropySteps step = CrossEntropySteps.ofClasses(logits, column(4));

    assertEquals(1000 + Math.log(V - 1), step.loss(), 1e-4);
    INDArray expected = Nd4j.valueArrayOf(new long[] {1, V}, 1.0 / (V - 1), type);
    expected.putScalar(0, 4, -1);
    assertWithin(type == DataType.DOUBLE ? 1e-15 : 1e-6, expected, step.backward(1).dlogits());
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT", "DOUBLE"})
  void rowsOfTargetsNeedNotSumToOne(DataType type) {
    Random random = new Random(2);
    INDArray logits = RandomStep.normal(random, type, 5, 7);
    INDArray targets = Transforms.abs(RandomStep.normal(random, type, 5, 7));
    targets.getRow(3).assign(0);

    CrossEntropySteps step = CrossEntropySteps.ofTargets(logits, targets);

    INDArray dlogits = step.backward(1).dlogits();
    INDArray closed = step.probs().mul(targets.sum(true, 1)).sub(targets).div(5);
    assertWithin(type == DataType.DOUBLE ? 1e-15 : 1e-7, closed, dlogits);
    assertEquals(0, dlogits.getRow(3).amaxNumber().doubleValue(), "a row of zeros is ignored");
    assertEquals(0, Math.abs(step.rowLosses().getDouble(3)));
    assertEquals(-targets.mul(step.logprobs()).sumNumber().doubleValue() / 5, step.loss(), 1e-6);
  }

  @Test
  void theUpstreamGradientScalesEveryGradient() {
    INDArray logits = RandomStep.normal(new Random(3), DataType.DOUBLE, 4, 6);
    CrossEntropySteps step = CrossEntropySteps.ofClasses(logits, column(0, 5, 2, 2));

    assertWithin(1e-15, step.backward(1).dlogits().mul(4), step.backward(4).dlogits());
  }

  @Test
  void aNotANumberStaysOne() {
    INDArray logits = matrix(DataType.DOUBLE, new double[][] {{0, Double.NaN}, {1, 2}});

    CrossEntropySteps step = CrossEntropySteps.ofClasses(logits, column(0, 0));

    assertTrue(Double.isNaN(step.loss()));
    assertTrue(Double.isNaN(step.backward(1).dlogits().getDouble(0, 1)));
  }

  @Test
  void aClassThatIsNoneOrTargetsOfAnotherShapeAreRefused() {
    INDArray logits = Nd4j.zeros(DataType.DOUBLE, 2, 3);

    assertRefused(
        "classes[1, 0] (3.0) must be a whole number from 0 to 2",
        () -> CrossEntropySteps.ofClasses(logits, column(0, 3)));
    assertRefused(
        "classes [3, 1] must be [2, 1]",
        () -> CrossEntropySteps.ofClasses(logits, column(0, 1, 2)));
    assertRefused(
        "targets [3, 1] must be [2, 3]",
        () -> CrossEntropySteps.ofTargets(logits, Nd4j.zeros(DataType.DOUBLE, 3, 1)));
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  private static void assertWithin(double allowed, INDArray expected, INDArray actual) {
    double diff = expected.sub(actual).amaxNumber().doubleValue();
    assertTrue(diff <= allowed, () -> "differs by " + diff + ": " + actual);
  }

  private static INDArray matrix(DataType type, double[][] rows) {
    return Nd4j.createFromArray(rows).castTo(type);
  }

  private static INDArray column(int... classes) {
    return Nd4j.createFromArray(classes).reshape(classes.length, 1);
  }
}
