package org.backpropninja.stepwise;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The notebooks' {@code cmp}: gradients by hand against gradients of a reference, one row a tensor.
 *
 * <p>Two elements a and b are approximately equal if {@code |a − b| ≤ 1e-8 + 1e-5 · |b|}, b being
 * the reference: the rule of {@code torch.allclose}. NaN equals nothing.
 *
 * <p>Where the reference holds a long sum of floats that cancel, its rounding is added to what is
 * allowed, for the elements that have it and no other.
 *
 * @param rows one row for each tensor, in the order of the first map
 */
public record GradientComparison(List<Row> rows) {

  private static final double ABSOLUTE = 1e-8;
  private static final double RELATIVE = 1e-5;

  /**
   * One tensor's comparison.
   *
   * @param name the notebooks' name
   * @param exact whether all elements are the same numbers
   * @param approximate whether all elements are approximately equal
   * @param maxDiff the largest |a − b|; NaN if one of the differences is
   * @param shape the tensor's shape
   */
  public record Row(
      String name, boolean exact, boolean approximate, double maxDiff, List<Long> shape) {

    /** The row as the notebooks print it. */
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%-15s | exact: %-5s | approximate: %-5s | maxdiff: %s | shape: %s",
          name,
          inPython(exact),
          inPython(approximate),
          maxDiff,
          shape);
    }

    private static String inPython(boolean value) {
      return value ? "True" : "False";
    }
  }

  /** Makes the rows unmodifiable. */
  public GradientComparison {
    rows = List.copyOf(rows);
  }

  /**
   * Compares tensor by tensor.
   *
   * @param byHand gradients under their names
   * @param reference gradients under the same names, in the same shapes
   * @return one row for each name, in {@code byHand}'s order
   * @throws IllegalArgumentException if names or shapes differ
   */
  public static GradientComparison of(
      Map<String, INDArray> byHand, Map<String, INDArray> reference) {
    return of(byHand, reference, Map.of());
  }

  /**
   * Compares tensor by tensor, {@code |a − b| ≤ 1e-8 + 1e-5 · |b| + rounding} being approximate.
   *
   * @param byHand gradients under their names
   * @param reference gradients under the same names, in the same shapes
   * @param rounding how much the rounding of sums may come to in each element, under some of the
   *     names, in the same shapes
   * @return one row for each name, in {@code byHand}'s order
   * @throws IllegalArgumentException if names or shapes differ
   */
  public static GradientComparison of(
      Map<String, INDArray> byHand,
      Map<String, INDArray> reference,
      Map<String, INDArray> rounding) {
    if (!byHand.keySet().equals(reference.keySet())) {
      throw new IllegalArgumentException(
          "names differ: %s and %s".formatted(byHand.keySet(), reference.keySet()));
    }
    List<Row> rows = new ArrayList<>();
    byHand.forEach((name, a) -> rows.add(row(name, a, reference.get(name), rounding.get(name))));
    return new GradientComparison(rows);
  }

  /**
   * Whether every row is.
   *
   * @return true if no row is worse than approximately equal
   */
  public boolean allApproximate() {
    return rows.stream().allMatch(Row::approximate);
  }

  /**
   * How many rows are bit for bit the same.
   *
   * @return the number of exact rows
   */
  public long exactRows() {
    return rows.stream().filter(Row::exact).count();
  }

  /**
   * The rows, one a line.
   *
   * @return the table as the notebooks print it
   */
  public String table() {
    return rows.stream().map(Row::toString).collect(Collectors.joining("\n"));
  }

  /** Without rounding, null, nothing is added to the rule. */
  private static Row row(String name, INDArray byHand, INDArray reference, INDArray rounding) {
    requireSameShape(name, byHand, reference);
    double[] a = elements(byHand);
    double[] b = elements(reference);
    double[] more = new double[b.length];
    if (rounding != null) {
      requireSameShape(name, rounding, reference);
      more = elements(rounding);
    }
    boolean exact = true;
    boolean approximate = true;
    double maxDiff = 0;
    for (int i = 0; i < a.length; i++) {
      double diff = a[i] == b[i] ? 0 : Math.abs(a[i] - b[i]); // equal infinities differ by nothing
      exact &= a[i] == b[i];
      approximate &=
          Double.isFinite(diff) && diff <= ABSOLUTE + RELATIVE * Math.abs(b[i]) + more[i];
      maxDiff = Math.max(maxDiff, diff); // NaN stays
    }
    return new Row(
        name, exact, approximate, maxDiff, Arrays.stream(byHand.shape()).boxed().toList());
  }

  private static void requireSameShape(String name, INDArray a, INDArray b) {
    if (!Arrays.equals(a.shape(), b.shape())) {
      throw new IllegalArgumentException(
          "shapes of %s differ: %s and %s".formatted(name, Arrays2d.shape(a), Arrays2d.shape(b)));
    }
  }

  private static double[] elements(INDArray x) {
    return x.castTo(DataType.DOUBLE).reshape(x.length()).toDoubleVector();
  }
}
