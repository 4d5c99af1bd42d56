package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** What a network expects, asked for in families, is what it expects after each context alone. */
class ContextProbabilitiesTest {

  /** Counts what it is asked for. */
  @SuppressWarnings("overrides") // in DL4J itself
  private static final class Asked extends MultiLayerNetwork {
    private static final long serialVersionUID = 1;
    private int times;
    private long rows;
    private long mostRows;

    Asked(MultiLayerNetwork network) {
      super(network.getLayerWiseConfigurations());
      init(network.params(), true);
    }

    @Override
    public INDArray output(INDArray x) {
      times++;
      rows += x.rows();
      mostRows = Math.max(mostRows, x.rows());
      return super.output(x);
    }
  }

  /** A tiny one, with probabilities that are far from alike. */
  private static Asked network(int V, int T, DataType type) {
    MultiLayerNetwork network =
        new CharMlp(V, T, 2, 3).network(new NoOp(), type, new TorchRandom(5), new TorchRandom(6));
    network.getParam("3_W").muli(20);
    return new Asked(network);
  }

  private static float[] alone(MultiLayerNetwork network, char[] context) {
    float[] indices = new float[context.length];
    for (int t = 0; t < context.length; t++) {
      indices[t] = context[t];
    }
    INDArray x = Nd4j.create(indices, new long[] {1, indices.length}, 'c');
    return network.output(x).castTo(DataType.FLOAT).toFloatVector();
  }

  /** Those whose last three characters are the first, the last, or at the edges of a cut family. */
  private static List<char[]> contexts(int V, int T) {
    char[] beginning = new char[Math.max(0, T - 3)];
    Arrays.fill(beginning, (char) 1);
    List<char[]> contexts = List.of(beginning);
    int[] characters = {0, 1, V / 2, Math.min(1023, V - 2), Math.min(1024, V - 1), V - 1};
    for (int t = beginning.length; t < T; t++) {
      List<char[]> longer = new ArrayList<>();
      for (char[] context : contexts) {
        for (int character : characters) {
          longer.add((new String(context) + (char) character).toCharArray());
        }
      }
      contexts = longer;
    }
    return contexts;
  }

  @ParameterizedTest
  @CsvSource({
    "27, 1, FLOAT",
    "27, 2, FLOAT",
    "27, 3, FLOAT",
    "27, 3, DOUBLE",
    "2, 12, FLOAT", // 1024 contexts differ in 10 characters
    "32, 2, FLOAT", // 1024 contexts
    "33, 2, FLOAT", // too many for one family
    "256, 2, FLOAT", // as many probabilities as are asked for at once
    "257, 2, FLOAT", // families are cut
    "1024, 2, FLOAT",
    "1500, 1, FLOAT",
    "1500, 2, FLOAT",
    "3000, 2, FLOAT",
    "65536, 2, FLOAT" // each context for itself
  })
  void areTheNetworksForEachContext(int V, int T, DataType type) {
    Asked network = network(V, T, type);
    ContextProbabilities probabilities = new ContextProbabilities(network, V, T);
    List<char[]> contexts = contexts(V, T);
    float[] before = null;
    int different = 0;
    for (char[] context : contexts) {
      char[] asked = context.clone();
      float[] actual = probabilities.of(asked);
      assertArrayEquals(context, asked, "the context is the caller's");
      float[] expected = alone(network, context);
      assertArrayEquals(expected, actual, 1e-6f, () -> describe(context));
      different += before == null || largestDifference(before, expected) > 1e-4 ? 1 : 0;
      before = expected;
    }
    assertTrue(
        different > contexts.size() / 4, "only " + different + " differ from the one before");
    assertTrue(network.mostRows <= 1024, network.mostRows + " rows at once");
    assertTrue(network.mostRows * V <= 65_536, network.mostRows + " rows at once");
  }

  private static String describe(char[] context) {
    return new String(context).chars().boxed().toList().toString();
  }

  private static double largestDifference(float[] a, float[] b) {
    double largest = 0;
    for (int k = 0; k < a.length; k++) {
      largest = Math.max(largest, Math.abs(a[k] - b[k]));
    }
    return largest;
  }

  @ParameterizedTest
  @CsvSource({
    "27, 1, 1",
    "27, 3, 27",
    "32, 2, 1",
    "33, 2, 33",
    "256, 1, 1",
    "257, 1, 2",
    "1500, 1, 35"
  })
  void asksForNoFamilyTwice(int V, int T, int families) {
    Asked network = network(V, T, DataType.FLOAT);
    ContextProbabilities probabilities = new ContextProbabilities(network, V, T);
    for (int time = 0; time < 2; time++) {
      int contexts = (int) Math.pow(V, T);
      for (int number = 0; number < contexts; number++) {
        char[] context = new char[T];
        for (int t = T - 1, rest = number; t >= 0; t--, rest /= V) {
          context[t] = (char) (rest % V);
        }
        probabilities.of(context);
      }
      assertEquals(families, network.times);
      assertEquals(contexts, network.rows, "each context once");
    }
  }

  /** 2²⁴ floats are remembered, families of 43, 21 and 1 contexts: those used last. */
  @ParameterizedTest
  @CsvSource({"1500, 260", "3000, 266", "65536, 256"})
  void forgettingChangesNoBit(int V, int remembered) {
    Asked network = network(V, 2, DataType.FLOAT);
    ContextProbabilities probabilities = new ContextProbabilities(network, V, 2);
    int asked = remembered + 2;
    float[][] first = new float[asked][];
    for (char c = 0; c < asked; c++) {
      first[c] = probabilities.of(new char[] {c, (char) (5 * c)}).clone();
    }
    assertEquals(asked, network.times);
    char last = (char) (asked - 1);
    assertArrayEquals(first[last], probabilities.of(new char[] {last, (char) (5 * last)}));
    assertArrayEquals(first[3], probabilities.of(new char[] {3, 15}));
    assertEquals(asked, network.times, "the last are remembered");
    for (char c = last; c < asked; c--) {
      assertArrayEquals(first[c], probabilities.of(new char[] {c, (char) (5 * c)}));
    }
    assertEquals(asked + 2, network.times, "two were forgotten");
    assertArrayEquals(first[3], probabilities.of(new char[] {3, 15}));
    assertEquals(asked + 2, network.times, "what is used is not forgotten");
  }

  /** In whatever order they are asked for. */
  @Test
  void theOrderChangesNoBit() {
    Asked network = network(27, 3, DataType.FLOAT);
    ContextProbabilities forwards = new ContextProbabilities(network, 27, 3);
    ContextProbabilities backwards = new ContextProbabilities(network, 27, 3);
    List<char[]> contexts = contexts(27, 3);
    List<float[]> expected = new ArrayList<>(contexts.stream().map(forwards::of).toList());
    Collections.reverse(contexts);
    Collections.reverse(expected);
    for (int k = 0; k < contexts.size(); k++) {
      assertArrayEquals(expected.get(k), backwards.of(contexts.get(k)));
    }
  }
}
