package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** Names are drawn as often as the network's probabilities, one context at a time, say. */
class SampledNamesTest {
  private static final int V = 5;
  private static final int T = 3;
  private static final Vocabulary VOCABULARY = Vocabulary.of(List.of("ab😀é")); // sorted: a b é 😀
  private static final List<String> CHARACTERS = List.of("", "a", "b", "é", "😀");

  private final MultiLayerNetwork network = network();
  private final NameSampler sampler = new NameSampler(network, VOCABULARY, T);
  private final Map<List<Integer>, double[]> asked = new HashMap<>();

  private static MultiLayerNetwork network() {
    MultiLayerNetwork network =
        new CharMlp(V, T, 2, 6)
            .network(new NoOp(), DataType.FLOAT, new TorchRandom(5), new TorchRandom(6));
    network.getParam("3_W").muli(8);
    return network;
  }

  /** The probabilities of what follows. */
  private double[] probabilities(List<Integer> before) {
    List<Integer> context = new ArrayList<>(Collections.nCopies(T, 0));
    context.addAll(before);
    return asked.computeIfAbsent(
        context.subList(context.size() - T, context.size()), this::askNetwork);
  }

  /** By a minibatch of one context. */
  private double[] askNetwork(List<Integer> context) {
    float[] indices = new float[T];
    for (int t = 0; t < T; t++) {
      indices[t] = context.get(t);
    }
    INDArray x = Nd4j.create(indices, new long[] {1, T}, 'c');
    return network.output(x).toDoubleVector();
  }

  /** The same with temperature, then the k most probable. */
  private double[] drawn(List<Integer> before, double temperature, int topK) {
    double[] p = probabilities(before);
    double[] powers =
        IntStream.range(0, V).mapToDouble(i -> Math.pow(p[i], 1 / temperature)).toArray();
    double[] kept =
        IntStream.range(0, V).mapToDouble(i -> rank(p, i) < topK ? powers[i] : 0).toArray();
    double sum = IntStream.range(0, V).mapToDouble(i -> kept[i]).sum();
    return IntStream.range(0, V).mapToDouble(i -> kept[i] / sum).toArray();
  }

  private static long rank(double[] p, int i) {
    return IntStream.range(0, V).filter(j -> p[j] > p[i]).count();
  }

  /** The probability of each name that has at least this one. */
  private Map<String, Double> names(
      List<Integer> before, double probability, double least, Function<List<Integer>, double[]> p) {
    Map<String, Double> names = new HashMap<>();
    double[] next = p.apply(before);
    for (int i = 0; i < V; i++) {
      if (probability * next[i] < least) {
        continue;
      }
      List<Integer> longer = new ArrayList<>(before);
      longer.add(i);
      if (i == 0) {
        names.put(text(before), probability * next[0]);
      } else {
        names.putAll(names(longer, probability * next[i], least, p));
      }
    }
    return names;
  }

  private static String text(List<Integer> indices) {
    return indices.stream().map(CHARACTERS::get).collect(Collectors.joining());
  }

  @ParameterizedTest
  @CsvSource({
    "1, 5, ''",
    "0.5, 5, ''",
    "2, 5, ''",
    "1, 3, ''",
    "1.5, 2, ''",
    "1.5, 4, 'b'",
    "1, 5, '😀aéb'"
  })
  void namesAreDrawnAsOftenAsTheirProbabilitiesSay(double temperature, int topK, String prefix) {
    int count = 20_000;
    List<String> drawn =
        sampler.sample(count, new TorchRandom(11), new Sampling(temperature, topK, prefix, 1000));
    Map<String, Long> times =
        drawn.stream().collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    Map<String, Double> expected =
        names(indices(prefix), 1, 20.0 / count, before -> drawn(before, temperature, topK));
    assertTrue(expected.size() >= 8, "too few names to tell: " + expected);
    double chiSquare = 0;
    double all = 0;
    long others = count;
    for (Map.Entry<String, Double> name : expected.entrySet()) {
      long seen = times.getOrDefault(name.getKey(), 0L);
      chiSquare += square(seen - count * name.getValue()) / (count * name.getValue());
      all += name.getValue();
      others -= seen;
    }
    double rest = count * (1 - all);
    if (rest > 20) {
      chiSquare += square(others - rest) / rest;
    }
    int freedom = expected.size();
    assertTrue(
        chiSquare < freedom + 4 * Math.sqrt(2 * freedom),
        "chi-square %.1f, %d degrees of freedom".formatted(chiSquare, freedom));
  }

  private static double square(double x) {
    return x * x;
  }

  private static List<Integer> indices(String text) {
    return text.codePoints().mapToObj(Character::toString).map(CHARACTERS::indexOf).toList();
  }

  /** The longest chain of most probable characters is cut, if it does not end. */
  private String greedy(String prefix, int maxLength) {
    List<Integer> name = new ArrayList<>(indices(prefix));
    while (name.size() < maxLength) {
      double[] p = probabilities(name);
      int best = IntStream.range(0, V).filter(i -> rank(p, i) == 0).findFirst().getAsInt();
      if (best == 0) {
        break;
      }
      name.add(best);
    }
    return text(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "a", "b", "é", "ab", "ba", "😀é", "éa😀", "b😀a", "aébb", "bbaéa😀b", "éé"})
  void topOneTakesTheMostProbableBehindThePrefix(String prefix) {
    Sampling greedy = new Sampling(1, 1, prefix, 12);
    List<String> names = sampler.sample(3, new TorchRandom(1), greedy);
    String expected = greedy(prefix, 12);
    assertEquals(List.of(expected, expected, expected), names);
    Sampling cold = new Sampling(1e-4, V, prefix, 12);
    assertEquals(names, sampler.sample(3, new TorchRandom(1), cold), "without temperature");
  }

  @Test
  void theChainsDiffer() {
    assertTrue(
        List.of("a", "b", "é", "😀").stream()
                .map(first -> greedy(first, 12))
                .map(s -> s.length())
                .distinct()
                .count()
            > 1,
        "all prefixes give the same");
  }

  /** A code point of two chars is one character. */
  @ParameterizedTest
  @CsvSource({"'', 1", "'', 2", "'', 3", "😀, 1", "😀, 2", "😀😀é, 3", "😀😀é, 4"})
  void namesAreCutByCharacters(String prefix, int maxLength) {
    List<String> names =
        sampler.sample(300, new TorchRandom(2), new Sampling(5, V, prefix, maxLength));
    int longest =
        names.stream().mapToInt(name -> name.codePointCount(0, name.length())).max().getAsInt();
    assertEquals(maxLength, longest);
    assertTrue(names.stream().allMatch(name -> name.startsWith(prefix)), names::toString);
  }

  /** The cut takes the names that would be longer, and only their ends. */
  @Test
  void theCutChangesNothingBefore() {
    TorchRandom random = new TorchRandom(2);
    TorchRandom same = new TorchRandom(2);
    for (int k = 0; k < 50; k++) {
      String whole = sampler.sample(1, random).get(0);
      String cut = sampler.sample(1, same, new Sampling(1, V, "", 4)).get(0);
      int end = whole.offsetByCodePoints(0, Math.min(4, whole.codePointCount(0, whole.length())));
      assertEquals(whole.substring(0, end), cut);
      same = TorchRandom.restore(random.state());
    }
  }

  /** Each character takes V numbers of two words, whatever is done to the probabilities. */
  @ParameterizedTest
  @CsvSource({"1, 5, ''", "0.5, 5, ''", "1, 2, ''", "2, 3, 'ab'"})
  void allWaysUseTheRandomNumbersAlike(double temperature, int topK, String prefix) {
    TorchRandom random = new TorchRandom(3);
    List<String> names = sampler.sample(100, random, new Sampling(temperature, topK, prefix, 1000));
    int most = 1000 - prefix.length(); // a name that is cut has no end
    long draws =
        names.stream()
            .mapToLong(name -> name.codePointCount(prefix.length(), name.length()))
            .map(characters -> Math.min(characters + 1, most))
            .sum();
    assertEquals(2 * V * draws, random.state().drawn());
  }

  /** As the notebook has it: {@code torch.multinomial} of the probabilities until it gives 0. */
  @Test
  void withoutOptionsTheyAreTheNotebooks() {
    TorchRandom random = new TorchRandom(9);
    List<String> expected = new ArrayList<>();
    for (int k = 0; k < 200; k++) {
      List<Integer> name = new ArrayList<>();
      while (name.isEmpty() || name.get(name.size() - 1) != 0) {
        double[] p = probabilities(name);
        float[] floats = new float[V];
        for (int i = 0; i < V; i++) {
          floats[i] = (float) p[i];
        }
        name.add(random.multinomial(floats));
      }
      expected.add(text(name));
    }
    assertEquals(expected, sampler.sample(200, new TorchRandom(9)));
    assertEquals(expected, sampler.sample(200, new TorchRandom(9), Sampling.DEFAULT));
    assertEquals(expected, sampler.names(new TorchRandom(9), Sampling.DEFAULT).limit(200).toList());
  }

  @Test
  void refusesAPrefixOfOtherCharacters() {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> sampler.sample(1, new TorchRandom(1), new Sampling(1, 1, "az", 9)));
    assertTrue(e.getMessage().contains("'z' (U+007A)"), e.getMessage());
  }
}
