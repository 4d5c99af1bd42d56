package org.backpropninja.names;

import java.util.ArrayList;
import java.util.List;
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

  /** No trained network gets here; one that has diverged might never draw the end marker. */
  private static final int LONGEST = 1000;

  /**
   * Draws names.
   *
   * @param count how many, not negative
   * @param random draws the characters
   * @return names without the end marker; one that reaches 1000 characters is cut there
   * @throws IllegalArgumentException if {@code count} is negative
   */
  public List<String> sample(int count, TorchRandom random) {
    if (count < 0) {
      throw new IllegalArgumentException("count (" + count + ") must be at least 0");
    }
    // Made anew for each call: the network may be trained in between.
    ContextProbabilities probabilities =
        new ContextProbabilities(network, vocabulary.size(), contextLength);
    List<String> names = new ArrayList<>();
    for (int k = 0; k < count; k++) {
      names.add(sample(probabilities, random));
    }
    return names;
  }

  private String sample(ContextProbabilities probabilities, TorchRandom random) {
    char[] context = new char[contextLength];
    StringBuilder name = new StringBuilder();
    while (name.length() < LONGEST) {
      int next = random.multinomial(probabilities.of(context));
      if (next == 0) {
        break;
      }
      name.append(vocabulary.character(next));
      System.arraycopy(context, 1, context, 0, contextLength - 1);
      context[contextLength - 1] = (char) next;
    }
    return name.toString();
  }
}
