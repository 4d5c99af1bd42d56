package org.backpropninja.random;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** What PyTorch 1.13 and CPython 3.11 drew, recorded in golden/random-streams.json. */
final class GoldenStreams {
  private GoldenStreams() {}

  static Stream<Named<JsonNode>> torch() {
    return read("torch").stream().map(n -> Named.of("seed " + n.get("seed"), n));
  }

  static Stream<Named<JsonNode>> pythonShuffle() {
    return read("python_shuffle").stream()
        .map(n -> Named.of("seed " + n.get("seed") + ", n " + n.get("n"), n));
  }

  static float[] floats(JsonNode array) {
    float[] values = new float[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).floatValue();
    }
    return values;
  }

  static int[] ints(JsonNode array) {
    return elements(array).stream().mapToInt(JsonNode::intValue).toArray();
  }

  private static List<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).toList();
  }

  private static List<JsonNode> read(String part) {
    try (InputStream in = GoldenStreams.class.getResourceAsStream("/golden/random-streams.json")) {
      return elements(new ObjectMapper().readTree(in).get(part));
    } catch (IOException e) {
      throw new AssertionError("golden/random-streams.json cannot be read", e);
    }
  }
}
