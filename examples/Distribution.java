import java.util.Arrays;
import java.util.function.DoublePredicate;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The elements of an array, in any order.
 *
 * @param values those that are finite
 * @param notFinite how many are not
 */
record Distribution(double[] values, int notFinite) {

  static Distribution of(INDArray array) {
    return of(array.ravel().toDoubleVector());
  }

  static Distribution of(double... all) {
    double[] finite = Arrays.stream(all).filter(Double::isFinite).toArray();
    return new Distribution(finite, all.length - finite.length);
  }

  double mean() {
    return Arrays.stream(values).average().orElse(Double.NaN);
  }

  /** With Bessel's correction, as PyTorch's {@code std()}; NaN for fewer than two values. */
  double deviation() {
    double mean = mean();
    double squares = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
    return values.length < 2 ? Double.NaN : Math.sqrt(squares / (values.length - 1));
  }

  Distribution dividedBy(double divisor) {
    return new Distribution(
        Arrays.stream(values).map(value -> value / divisor).toArray(), notFinite);
  }

  /** The part of the values for which something holds; NaN without values. */
  double share(DoublePredicate holds) {
    return (double) Arrays.stream(values).filter(holds).count() / values.length;
  }

  /**
   * The density in bins of one width. What is outside counts in none, so the bins' areas may add up
   * to less than 1.
   */
  double[] density(double from, double to, int bins) {
    double[] density = new double[bins];
    double width = (to - from) / bins;
    for (double value : values) {
      if (value >= from && value <= to) {
        density[Math.min((int) ((value - from) / width), bins - 1)] += 1 / (width * values.length);
      }
    }
    return density;
  }
}
