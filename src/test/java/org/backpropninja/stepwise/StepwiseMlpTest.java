package org.backpropninja.stepwise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The network against PyTorch's figures. */
class StepwiseMlpTest {

  /**
   * Gradients that are zero in exact arithmetic: what is left of them is the rounding of the sum of
   * another gradient's elements, so that one gives the scale.
   */
  private static final Map<String, String> SUM_TO_ZERO =
      Map.of("b1", "hprebn", "logit_maxes", "norm_logits");

  static List<GoldenStep> doubles() {
    return GoldenStep.all(DataType.DOUBLE);
  }

  static List<GoldenStep> floats() {
    return GoldenStep.all(DataType.FLOAT);
  }

  @ParameterizedTest
  @MethodSource("doubles")
  void valuesAreThoseOfPyTorchInDouble(GoldenStep golden) {
    StepwiseMlp step = golden.forward();
    Map<String, INDArray> expected = golden.values(step.values().keySet());

    assertEquals(26, step.values().size());
    step.values().forEach((name, value) -> assertClose(name, name, value, expected));
    assertEquals(golden.loss(), step.loss(), 1e-12 * golden.loss());
  }

  @ParameterizedTest
  @MethodSource("doubles")
  void gradientsAreThoseOfPyTorchInDouble(GoldenStep golden) {
    StepwiseMlp step = golden.forward();
    Map<String, INDArray> gradients = step.gradients();
    Map<String, INDArray> expected = golden.gradients(gradients.keySet());

    assertEquals(List.copyOf(step.values().keySet()), List.copyOf(gradients.keySet()));
    gradients.forEach(
        (name, gradient) ->
            assertClose(name, SUM_TO_ZERO.getOrDefault(name, name), gradient, expected));
  }

  @ParameterizedTest
  @MethodSource("floats")
  void valuesAreApproximatelyThoseOfPyTorchInFloat(GoldenStep golden) {
    StepwiseMlp step = golden.forward();
    Map<String, INDArray> expected = golden.values(step.values().keySet());

    step.values().forEach((name, value) -> assertApproximate(name, name, value, expected));
    assertEquals(golden.loss(), step.loss(), 1e-6);
  }

  @ParameterizedTest
  @MethodSource("floats")
  void gradientsAreApproximatelyThoseOfPyTorchInFloat(GoldenStep golden) {
    Map<String, INDArray> gradients = golden.forward().gradients();
    Map<String, INDArray> expected = golden.gradients(gradients.keySet());

    gradients.forEach(
        (name, gradient) ->
            assertApproximate(name, SUM_TO_ZERO.getOrDefault(name, name), gradient, expected));
  }

  @Test
  void theLossIsTheOneThatTheNotebookPrints() {
    double loss = new GoldenStep(GoldenStep.ONE_GENERATOR, DataType.FLOAT).forward().loss();

    assertEquals("3.6917", String.format(Locale.ROOT, "%.4f", loss));
  }

  @Test
  void backwardLeavesTheValuesAlone() {
    StepwiseMlp step = new GoldenStep(GoldenStep.ONE_GENERATOR, DataType.DOUBLE).forward();
    INDArray[] before = step.values().values().stream().map(INDArray::dup).toArray(INDArray[]::new);
    Map<String, INDArray> first = step.gradients();

    assertArrayEquals(before, step.values().values().toArray());
    assertEquals(first, step.gradients());
  }

  @Test
  void parametersInColumnMajorOrderGiveTheSameGradients() {
    GoldenStep golden = new GoldenStep(GoldenStep.ONE_GENERATOR, DataType.DOUBLE);
    StepwiseMlp.Parameters p = golden.parameters();
    StepwiseMlp.Parameters columnMajor =
        new StepwiseMlp.Parameters(
            p.c().dup('f'),
            p.w1().dup('f'),
            p.b1().dup('f'),
            p.w2().dup('f'),
            p.b2().dup('f'),
            p.bngain().dup('f'),
            p.bnbias().dup('f'));

    Map<String, INDArray> gradients =
        StepwiseMlp.forward(columnMajor, golden.xb().dup('f'), golden.yb()).gradients();

    Map<String, INDArray> expected = golden.gradients(gradients.keySet());
    gradients.forEach(
        (name, gradient) ->
            assertClose(name, SUM_TO_ZERO.getOrDefault(name, name), gradient, expected));
  }

  @Test
  void anIndexOutsideTheTableIsRefused() {
    GoldenStep golden = new GoldenStep(GoldenStep.ONE_GENERATOR, DataType.FLOAT);
    for (double wrong : new double[] {-1, 27, 2.7, Double.NaN}) {
      INDArray xb = golden.xb().castTo(DataType.DOUBLE).putScalar(4, 1, wrong);

      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> StepwiseMlp.forward(golden.parameters(), xb, golden.yb()));

      assertEquals(
          "Xb[4, 1] (%s) must be a whole number from 0 to 26".formatted(wrong), e.getMessage());
    }
  }

  @Test
  void aParameterOfAnotherShapeOrTypeIsRefused() {
    INDArray x = Nd4j.ones(DataType.DOUBLE, 4, 3);
    INDArray w = Nd4j.ones(DataType.DOUBLE, 3, 2);

    assertRefused("b [2, 1] must be [1, 2]", x, w, Nd4j.ones(DataType.DOUBLE, 2, 1));
    assertRefused("b (FLOAT) must be DOUBLE like the input", x, w, Nd4j.ones(DataType.FLOAT, 1, 2));
    assertRefused("W [4, 3] must be [3, 3]", x, x, Nd4j.ones(DataType.DOUBLE, 1, 3));
    assertRefused("x [3] must be a matrix", x.getRow(0), w, w);
    assertRefused("x (INT) must be FLOAT or DOUBLE", x.castTo(DataType.INT32), w, w);
  }

  private static void assertRefused(String message, INDArray x, INDArray w, INDArray b) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> AffineSteps.forward(x, w, b));
    assertEquals(message, e.getMessage());
  }

  /** 1e-12 of the largest magnitude in the tensor that gives the scale. */
  private static void assertClose(
      String name, String scale, INDArray actual, Map<String, INDArray> expected) {
    assertEquals(DataType.DOUBLE, actual.dataType(), name);
    assertWithin(1e-12 * largest(expected.get(scale)), name, actual, expected.get(name));
  }

  /**
   * The notebooks' rule with the tensor's largest magnitude for the element's own. Element by
   * element it is for two computations on one forward pass, as in RefereeTest. Two libraries add up
   * floats in different orders, and an element that is small because large terms cancel then
   * differs by those terms' rounding.
   */
  private static void assertApproximate(
      String name, String scale, INDArray actual, Map<String, INDArray> expected) {
    assertEquals(DataType.FLOAT, actual.dataType(), name);
    assertWithin(1e-8 + 1e-5 * largest(expected.get(scale)), name, actual, expected.get(name));
  }

  private static void assertWithin(
      double allowed, String name, INDArray actual, INDArray expected) {
    assertArrayEquals(expected.shape(), actual.shape(), name);
    double diff = largest(actual.sub(expected));
    assertTrue(diff <= allowed, () -> name + " differs by " + diff + ", allowed " + allowed);
  }

  private static double largest(INDArray x) {
    return x.amaxNumber().doubleValue();
  }
}
