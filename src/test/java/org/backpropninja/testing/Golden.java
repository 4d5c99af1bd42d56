package org.backpropninja.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.StreamSupport;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** The reference figures under src/test/resources/golden, computed with PyTorch 1.13 on CPU. */
public final class Golden {

  private Golden() {}

  public static JsonNode json(String file) {
    try (InputStream in = Golden.class.getResourceAsStream("/golden/" + file)) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The cases of one layer in layers-f64.json. */
  public static List<JsonNode> layerCases(String layer) {
    return cases("layers-f64.json", layer);
  }

  private static List<JsonNode> cases(String file, String kind) {
    return StreamSupport.stream(json(file).get(kind).spliterator(), false).toList();
  }

  public static INDArray npy(String file) {
    try {
      return Nd4j.createFromNpyFile(
          Path.of(Golden.class.getResource("/golden/" + file).toURI()).toFile());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** All numbers of a nested array, in reading order. */
  public static double[] numbers(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false)
        .flatMapToDouble(
            e -> e.isArray() ? Arrays.stream(numbers(e)) : DoubleStream.of(e.asDouble()))
        .toArray();
  }

  public static int[] integers(JsonNode array) {
    return Arrays.stream(numbers(array)).mapToInt(x -> (int) x).toArray();
  }
}
