package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** Sampling from networks of which the next character is known. */
class NameSamplerTest {

  private static final Vocabulary VOCABULARY = Vocabulary.of(List.of("ab"));

  private final MultiLayerNetwork network =
      new CharMlp(3, 2, 1, 1)
          .network(new NoOp(), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));

  private NameSampler samplerWithOutputBias(float... b2) {
    network.getParam("3_W").assign(0);
    network.getParam("3_b").assign(Nd4j.createFromArray(b2));
    return new NameSampler(network, VOCABULARY, 2);
  }

  @Test
  void endMarkerEndsTheName() {
    NameSampler sampler = samplerWithOutputBias(50, 0, 0);
    assertEquals(List.of("", "", ""), sampler.sample(3, new TorchRandom(3)));
  }

  @Test
  void nameWithoutEndIsCut() {
    NameSampler sampler = samplerWithOutputBias(0, 0, 50);
    assertEquals(List.of("b".repeat(1000)), sampler.sample(1, new TorchRandom(3)));
  }

  /** The network looks at the newest character only: after a comes b, after b the end. */
  @Test
  void newestCharacterComesLastInTheContext() {
    network.getParam("0_W").assign(Nd4j.createFromArray(new float[][] {{-1}, {0}, {1}})); // . a b
    network.getParam("1_W").assign(Nd4j.createFromArray(new float[][] {{0}, {1}}));
    network.getParam("1_b").assign(0);
    network.getParam("2_gain").assign(1);
    network.getParam("2_bias").assign(0);
    // h = -0.76, 0, 0.76 after ".", "a", "b"; the logits of ., a and b are largest at b, . and a.
    network.getParam("3_W").assign(Nd4j.createFromArray(new float[][] {{300, -300, 0}}));
    network.getParam("3_b").assign(Nd4j.createFromArray(-100f, 0f, 100f));
    NameSampler sampler = new NameSampler(network, VOCABULARY, 2);
    assertEquals(List.of("ab", "ab"), sampler.sample(2, new TorchRandom(3)));
  }

  @ParameterizedTest
  @CsvSource({"3, 27", "1, 27", "5, 40"})
  void manyNamesAreThoseOfOneAtATime(int T, int V) {
    Vocabulary letters =
        Vocabulary.of(IntStream.range(0, V - 1).mapToObj(k -> "" + (char) ('A' + k)).toList());
    MultiLayerNetwork trained =
        new CharMlp(V, T, 4, 16)
            .network(new NoOp(), DataType.FLOAT, new TorchRandom(5), new TorchRandom(6));
    NameSampler sampler = new NameSampler(trained, letters, T);
    TorchRandom random = new TorchRandom(7);
    List<String> oneAtATime =
        IntStream.range(0, 40).mapToObj(k -> sampler.sample(1, random).get(0)).toList();
    assertEquals(oneAtATime, sampler.sample(40, new TorchRandom(7)));
    assertTrue(oneAtATime.stream().distinct().count() > 20, "names differ: " + oneAtATime);
  }

  @Test
  void refusesANegativeCount() {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> samplerWithOutputBias(0, 0, 0).sample(-1, new TorchRandom(3)));
    assertTrue(e.getMessage().contains("count (-1)"), e.getMessage());
  }
}
