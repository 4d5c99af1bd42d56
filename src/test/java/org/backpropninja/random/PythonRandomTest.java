package org.backpropninja.random;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.JsonNode;

class PythonRandomTest {
  static Stream<Named<JsonNode>> golden() {
    return GoldenStreams.pythonShuffle();
  }

  @ParameterizedTest
  @MethodSource("golden")
  void shufflesAsPythonDoes(JsonNode golden) {
    List<Integer> list = numbers(golden.get("n").intValue());
    new PythonRandom(golden.get("seed").longValue()).shuffle(list);
    List<Integer> head = boxed(golden.get("head"));
    List<Integer> tail = boxed(golden.get("tail"));
    assertEquals(head, list.subList(0, head.size()));
    assertEquals(tail, list.subList(list.size() - tail.size(), list.size()));
  }

  /** CPython 3.11: r = random.Random(seed), r.shuffle(list(range(12))), then r._randbelow(n). */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          0                   | [1, 9, 8, 5, 10, 2, 3, 7, 4, 0, 11, 6] | [0, 1, 0, 773, 203647506, 1327937310]
          4294967295          | [0, 6, 1, 5, 8, 2, 7, 4, 11, 3, 9, 10] | [0, 0, 0, 994, 296039072, 1844148104]
          4294967296          | [11, 10, 7, 3, 9, 2, 4, 8, 0, 6, 5, 1] | [0, 1, 2, 321, 735933937, 1582802459]
          1099511627781       | [3, 5, 2, 9, 6, 7, 1, 10, 0, 4, 11, 8] | [0, 1, 2, 124, 494869986, 1002441500]
          9223372036854775807 | [11, 1, 6, 9, 4, 3, 0, 8, 7, 2, 10, 5] | [0, 0, 0, 797, 499707669, 1883071616]
          """)
  void seedsAndDrawsAsPythonDoes(long seed, String shuffled, String drawn) {
    PythonRandom random = new PythonRandom(seed);
    List<Integer> list = numbers(12);
    random.shuffle(list);
    assertEquals(shuffled, list.toString());
    IntStream bounds = IntStream.of(1, 2, 3, 1000, 1 << 30, Integer.MAX_VALUE);
    assertEquals(drawn, bounds.map(random::randbelow).boxed().toList().toString());
  }

  @Test
  void refusesBadArgumentsByNameAndValue() {
    Exception seed = assertThrows(IllegalArgumentException.class, () -> new PythonRandom(-1));
    assertEquals("seed (-1) must be at least 0", seed.getMessage());
    PythonRandom random = new PythonRandom(1);
    Exception n = assertThrows(IllegalArgumentException.class, () -> random.randbelow(0));
    assertEquals("n (0) must be at least 1", n.getMessage());
  }

  private static List<Integer> numbers(int n) {
    return new ArrayList<>(IntStream.range(0, n).boxed().toList());
  }

  private static List<Integer> boxed(JsonNode array) {
    return IntStream.of(GoldenStreams.ints(array)).boxed().toList();
  }
}
