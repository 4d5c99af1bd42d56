package org.backpropninja.names;

import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * Invents names, one character at a time.
 *
 * <p>Each character is drawn from the network's probabilities for the last T characters, until the
 * end marker is drawn. Many names at once are the names that as many calls for one give, with the
 * same generator, but the network is asked for many contexts at a time and for none twice. Source:
 * makemore part 4, "sample from the model".
 *
 * @param network gives probabilities [n, V] for indices [n, T]
 * @param vocabulary what the indices stand for
 * @param contextLength T
 */
public record NameSampler(MultiLayerNetwork network, Vocabulary vocabulary, int contextLength) {

  /**
   * Checks the context's length.
   *
   * @throws IllegalArgumentException if T is below 1
   */
  public NameSampler {
    if (contextLength < 1) {
      throw new IllegalArgumentException(
          "contextLength (%d) must be at least 1".formatted(contextLength));
    }
  }

  /**
   * Draws names as the notebook does.
   *
   * @param count how many, not negative
   * @param random draws the characters
   * @return names without the end marker; one that reaches 1000 characters is cut there
   * @throws IllegalArgumentException if {@code count} is negative
   */
  public List<String> sample(int count, TorchRandom random) {
    return sample(count, random, Sampling.DEFAULT);
  }

  /**
   * Draws names in another way.
   *
   * @param count how many, not negative
   * @param random draws the characters, with V numbers each, whatever the way
   * @param sampling the way
   * @return names without the end marker
   * @throws IllegalArgumentException if {@code count} is negative, or the vocabulary lacks a
   *     character of the prefix
   */
  public List<String> sample(int count, TorchRandom random, Sampling sampling) {
    if (count < 0) {
      throw new IllegalArgumentException("count (" + count + ") must be at least 0");
    }
    return names(random, sampling).limit(count).toList();
  }

  /**
   * Draws names without end, for as long as they are asked for and the network is not trained.
   *
   * @param random draws the characters, with V numbers each, whatever the way
   * @param sampling the way
   * @return names without the end marker, to be drawn in one thread
   * @throws IllegalArgumentException if the vocabulary lacks a character of the prefix
   */
  public Stream<String> names(TorchRandom random, Sampling sampling) {
    char[] start = contextBehind(sampling.prefix());
    // Made anew for each call: the network may be trained in between.
    ContextProbabilities probabilities =
        new ContextProbabilities(network, vocabulary.size(), contextLength);
    return Stream.generate(() -> name(probabilities, start.clone(), random, sampling));
  }

  private char[] contextBehind(String text) {
    char[] context = new char[contextLength];
    text.codePoints().forEach(character -> push(context, vocabulary.indexOf(character)));
    return context;
  }

  private String name(
      ContextProbabilities probabilities, char[] context, TorchRandom random, Sampling sampling) {
    StringBuilder name = new StringBuilder(sampling.prefix());
    int length = name.codePointCount(0, name.length());
    for (; length < sampling.maxLength(); length++) {
      int next = random.multinomial(sampling.weights(probabilities.of(context)));
      if (next == 0) {
        break;
      }
      name.append(vocabulary.character(next));
      push(context, next);
    }
    return name.toString();
  }

  /** The newest comes last. */
  private static void push(char[] context, int index) {
    System.arraycopy(context, 1, context, 0, context.length - 1);
    context[context.length - 1] = (char) index;
  }
}
