package org.backpropninja.testing;

import static org.backpropninja.testing.Golden.numbers;

import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.JsonNode;

/** The cases of models-f64.json: layers in models of sequences and images, by PyTorch. */
public final class GoldenModels {

  private GoldenModels() {}

  public static List<JsonNode> cases(String kind) {
    JsonNode cases = Golden.json("models-f64.json").get(kind);
    return StreamSupport.stream(cases.spliterator(), false).toList();
  }

  /** A nested array as a DOUBLE one of its shape; null for a null. */
  public static INDArray array(JsonNode nested) {
    return nested.isNull() ? null : Nd4j.create(numbers(nested), shape(nested), 'c');
  }

  private static long[] shape(JsonNode nested) {
    return nested.isArray() ? with(nested.size(), shape(nested.get(0))) : new long[0];
  }

  private static long[] with(long first, long[] rest) {
    long[] shape = new long[rest.length + 1];
    shape[0] = first;
    System.arraycopy(rest, 0, shape, 1, rest.length);
    return shape;
  }

  /** The largest difference, relative to the largest figure. */
  public static double error(double[] expected, double[] actual) {
    if (expected.length != actual.length) {
      throw new IllegalArgumentException(expected.length + " figures against " + actual.length);
    }
    double largest = 0;
    for (int k = 0; k < expected.length; k++) {
      double difference = Math.abs(actual[k] - expected[k]);
      largest = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(largest, difference);
    }
    return largest / Arrays.stream(expected).map(Math::abs).max().orElseThrow();
  }
}
