package org.backpropninja.stepwise;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The rule of torch.allclose: |a − b| ≤ 1e-8 + 1e-5 · |b|, if the difference is finite. */
class GradientComparisonTest {

  @ParameterizedTest
  @CsvSource({
    "1, 1, true, true",
    "0, -0.0, true, true",
    "1.0000099, 1, false, true",
    "1.0000101, 1, false, false",
    "-1.0000101, -1, false, false",
    "0.99e-8, 0, false, true",
    "1.01e-8, 0, false, false",
    // 1e-5 of the second, not of the first
    "1000000, 1000010.00005, false, true",
    "1000010.00005, 1000000, false, false",
    "NaN, NaN, false, false",
    "NaN, 1, false, false",
    "Infinity, Infinity, true, true",
    "1, Infinity, false, false",
    "Infinity, 1, false, false",
    "-Infinity, Infinity, false, false",
  })
  void anElementIsJudgedAsTorchDoes(double a, double b, boolean exact, boolean approximate) {
    // The other elements are equal: a single one decides.
    GradientComparison.Row row =
        compare(Nd4j.createFromArray(5, a, 5), Nd4j.createFromArray(5, b, 5));

    assertEquals(exact, row.exact());
    assertEquals(approximate, row.approximate());
  }

  @ParameterizedTest
  @CsvSource({"1e-6, 0, true", "1.2e-6, 0, false", "0, 1e-6, false", "-1e-6, 0, true"})
  void anElementsRoundingIsAllowedInThatElementOnly(double first, double second, boolean is) {
    INDArray b = Nd4j.createFromArray(0.0, 0.0);
    GradientComparison comparison =
        GradientComparison.of(
            Map.of("a", Nd4j.createFromArray(first, second)),
            Map.of("a", b),
            Map.of("a", Nd4j.createFromArray(1e-6, 0)));
    assertEquals(is, comparison.allApproximate());
  }

  @Test
  void theLargestDifferenceIsKept() {
    INDArray a = Nd4j.createFromArray(new double[][] {{1, -2}, {3, 4}});
    INDArray b = Nd4j.createFromArray(new double[][] {{1, -2.5}, {3.25, 4}});

    assertEquals(0.5, compare(a, b).maxDiff());
    assertEquals(0, compare(a, a.dup('f')).maxDiff());
    assertEquals(Double.NaN, compare(a, b.putScalar(0, 0, Double.NaN)).maxDiff());
  }

  @Test
  void theTableReadsAsInTheNotebooks() {
    INDArray a = Nd4j.createFromArray(new float[][] {{1, 2}});
    GradientComparison comparison = GradientComparison.of(Map.of("h", a), Map.of("h", a.add(0.5)));

    assertEquals(
        "h               | exact: False | approximate: False | maxdiff: 0.5 | shape: [1, 2]",
        comparison.table());
    assertEquals(
        List.of(new GradientComparison.Row("h", false, false, 0.5, List.of(1L, 2L))),
        comparison.rows());
    assertEquals(false, comparison.allApproximate());
    assertEquals(0, comparison.exactRows());
  }

  @Test
  void otherNamesOrShapesAreRefused() {
    INDArray a = Nd4j.ones(1, 2);

    assertRefused("names differ: [h] and [logits]", Map.of("h", a), Map.of("logits", a));
    assertRefused(
        "shapes of h differ: [1, 2] and [2, 1]", Map.of("h", a), Map.of("h", a.transpose()));
    Map<String, INDArray> h = Map.of("h", a);
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> GradientComparison.of(h, h, Map.of("h", a.transpose())));
    assertEquals("shapes of h differ: [2, 1] and [1, 2]", e.getMessage());
  }

  private static GradientComparison.Row compare(INDArray a, INDArray b) {
    return GradientComparison.of(Map.of("a", a), Map.of("a", b)).rows().get(0);
  }

  private static void assertRefused(
      String message, Map<String, INDArray> byHand, Map<String, INDArray> reference) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> GradientComparison.of(byHand, reference));
    assertEquals(message, e.getMessage());
  }
}
