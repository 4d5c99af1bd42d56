package org.backpropninja.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.testing.Serialised;
import org.hipparchus.random.MersenneTwister;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.JsonNode;

class TorchRandomTest {
  private static final float TOLERANCE = 3e-7f;

  static Stream<Named<JsonNode>> golden() {
    return GoldenStreams.torch();
  }

  @ParameterizedTest
  @MethodSource("golden")
  void equalsPyTorchCallByCall(JsonNode golden) {
    // One generator throughout: a call that draws a word too many spoils all that follow.
    TorchRandom random = new TorchRandom(golden.get("seed").longValue());
    for (JsonNode randn : golden.get("randn")) {
      int size = randn.get("size").intValue();
      float[] expected = GoldenStreams.floats(randn.get("values"));
      assertArrayEquals(expected, random.randn(size), TOLERANCE, "randn of size " + size);
    }
    int[] integers = GoldenStreams.ints(golden.get("randint_182625"));
    assertArrayEquals(integers, random.randint(182625, integers.length));
    float[] uniform = GoldenStreams.floats(golden.get("rand"));
    assertArrayEquals(uniform, random.rand(uniform.length));
    float[] probabilities = GoldenStreams.floats(golden.get("multinomial_probs"));
    for (int choice : GoldenStreams.ints(golden.get("multinomial"))) {
      assertEquals(choice, random.multinomial(probabilities));
    }
  }

  @ParameterizedTest
  @MethodSource("golden")
  void keepsTheSpareNormalAcrossOtherDraws(JsonNode golden) {
    TorchRandom random = new TorchRandom(golden.get("seed").longValue());
    random.randn(5);
    random.randn(16);
    random.rand(1);
    float sixth = golden.get("randn").get(1).get("values").get(0).floatValue();
    assertEquals(sixth, random.randn(1)[0], TOLERANCE);
  }

  /** Each kind of draw, and the normal number that waits. */
  @Test
  void aRestoredGeneratorGoesOn() {
    TorchRandom random = new TorchRandom(4294967295L);
    random.randn(5);
    random.randn(33);
    random.randint(9, 700);
    random.multinomial(new float[] {0.2f, 0.5f, 0.3f});
    TorchRandom.State state = random.state();
    TorchRandom restored = TorchRandom.restore(state);
    assertEquals(state, restored.state());
    assertArrayEquals(random.randn(3), restored.randn(3)); // the first waited
    assertArrayEquals(random.randint(1000, 2000), restored.randint(1000, 2000));
    assertArrayEquals(random.rand(5), restored.rand(5));
    assertEquals(random.state(), restored.state());
  }

  @Test
  void aStateIsOfNoUseBeforeTheFirstDraw() {
    TorchRandom.State impossible = new TorchRandom.State(3, -1, null);
    assertEquals(
        "drawn (-1) must be at least 0",
        assertThrows(IllegalArgumentException.class, () -> TorchRandom.restore(impossible))
            .getMessage());
  }

  @Test
  void drawsTheSameIntegersOneByOneAndIntoAnArray() {
    int[] expected = new TorchRandom(7).randint(1000, 5);
    TorchRandom single = new TorchRandom(7);
    TorchRandom filling = new TorchRandom(7);
    int[] filled = new int[5];
    filling.randint(1000, filled);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], single.randint(1000));
    }
    assertArrayEquals(expected, filled);
    assertEquals(single.randint(1000), filling.randint(1000));
  }

  @Test
  void takesEverySeedOf32BitsAndEverySize() {
    assertEquals(0, new TorchRandom(0xFFFF_FFFFL).randint(1));
    assertEquals(0, new TorchRandom(0).randn(0).length);
    assertEquals(0, new TorchRandom(0).rand(0).length);
    assertEquals(0, new TorchRandom(0).randint(1, 0).length);
  }

  @Test
  void neverChoosesWhatHasNoProbability() {
    TorchRandom random = new TorchRandom(1);
    for (int i = 0; i < 100; i++) {
      assertEquals(2, random.multinomial(new float[] {0, 0, 0.25f, 0}));
    }
  }

  /** The choice as PyTorch makes it, with a logarithm for each index. */
  private static final class EveryLogarithm {
    private final MersenneTwister engine;

    EveryLogarithm(int seed) {
      engine = new MersenneTwister(seed);
    }

    int multinomial(float[] probabilities) {
      int choice = 0;
      float best = -1;
      for (int i = 0; i < probabilities.length; i++) {
        float q = (float) -Math.log1p(-nextDouble());
        if (probabilities[i] / q > best) {
          best = probabilities[i] / q;
          choice = i;
        }
      }
      return choice;
    }

    private double nextDouble() {
      long high = Integer.toUnsignedLong(engine.nextInt());
      long low = Integer.toUnsignedLong(engine.nextInt());
      return (high % (1L << 21) * 0x1p32 + low) * 0x1p-53;
    }
  }

  @Test
  void choosesAsIfItTookEveryLogarithm() {
    TorchRandom random = new TorchRandom(11);
    EveryLogarithm reference = new EveryLogarithm(11);
    Random weights = new Random(12);
    int[] chosen = new int[60];
    for (int draw = 0; draw < 20_000; draw++) {
      float[] probabilities = weights(weights);
      int expected = reference.multinomial(probabilities);
      chosen[expected]++;
      assertEquals(
          expected,
          random.multinomial(probabilities),
          () -> "of " + Arrays.toString(probabilities));
    }
    assertTrue(IntStream.of(chosen).allMatch(times -> times > 0), Arrays.toString(chosen));
  }

  /** 1 to 60 of them: alike, of a few sizes or of all sizes that a float has, some of them zero. */
  private static float[] weights(Random random) {
    float[] weights = new float[1 + random.nextInt(60)];
    int kind = random.nextInt(4);
    for (int k = 0; k < weights.length; k++) {
      weights[k] =
          switch (kind) {
            case 0 -> 1;
            case 1 -> random.nextFloat();
            case 2 -> random.nextFloat() * (float) Math.pow(10, random.nextInt(77) - 38);
            default -> random.nextInt(8) * Float.MIN_VALUE; // subnormal: ratios are rounded hard
          };
      if (random.nextInt(5) == 0) {
        weights[k] = kind == 3 || random.nextBoolean() ? 0 : 1e-38f;
      }
    }
    // Or all may be zero.
    weights[random.nextInt(weights.length)] =
        kind == 3 ? 5 * Float.MIN_VALUE : kind == 2 ? 1e-38f : 1;
    return weights;
  }

  @Test
  void goesOnAfterSerialization() throws Exception {
    TorchRandom random = new TorchRandom(42);
    random.randn(3);
    TorchRandom copy = Serialised.copy(random);
    assertArrayEquals(random.randn(5), copy.randn(5));
  }

  @Test
  void refusesBadArgumentsByNameAndValue() {
    TorchRandom random = new TorchRandom(1);
    refuses("seed (-1) must be from 0 to 4294967295", () -> new TorchRandom(-1));
    refuses("seed (4294967296) must be from 0 to 4294967295", () -> new TorchRandom(4294967296L));
    refuses("size (-1) must be at least 0", () -> random.randn(-1));
    refuses("size (-2) must be at least 0", () -> random.rand(-2));
    refuses("size (-3) must be at least 0", () -> random.randint(1, -3));
    refuses("high (0) must be at least 1", () -> random.randint(0));
    refuses("high (-1) must be at least 1", () -> random.randint(-1, new int[0]));
  }

  @Test
  void refusesBadProbabilitiesByIndexAndValue() {
    TorchRandom random = new TorchRandom(1);
    refusesProbabilities("probabilities (length 0, sum 0) must hold", random);
    refusesProbabilities("probabilities (length 2, sum 0) must hold", random, 0, 0);
    refusesProbabilities("probabilities[1] (NaN) must be a finite number", random, 1, Float.NaN);
    refusesProbabilities("probabilities[0] (-0.5) must be a finite number", random, -0.5f, 1);
    refusesProbabilities("probabilities[0] (Infinity) must be", random, Float.POSITIVE_INFINITY, 1);
  }

  private static void refusesProbabilities(
      String message, TorchRandom random, float... probabilities) {
    refuses(message, () -> random.multinomial(probabilities));
  }

  private static void refuses(String message, Executable call) {
    String actual = assertThrows(IllegalArgumentException.class, call).getMessage();
    assertEquals(message, actual.substring(0, Math.min(message.length(), actual.length())));
  }
}
