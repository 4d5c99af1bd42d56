package org.backpropninja.names;

import java.util.ArrayList;
import java.util.List;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Invents names, one character at a time.
 *
 * <p>Each character is drawn from the network's probabilities for the last T characters, until the
 * end marker is drawn. Source: makemore part 4, "sample from the model".
 *
 * @param network gives probabilities [1, V] for indices [1, T]
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
      throw new IllegalArgumentException("count (" + count + ") must not be negative");
    }
    List<String> names = new ArrayList<>();
    for (int k = 0; k < count; k++) {
      names.add(sample(random));
    }
    return names;
  }

  private String sample(TorchRandom random) {
    float[] context = new float[contextLength];
    StringBuilder name = new StringBuilder();
    while (name.length() < LONGEST) {
      INDArray probs =
          network.output(Nd4j.create(context.clone(), new long[] {1, contextLength}, 'c'));
      int next = random.multinomial(probs.toFloatVector());
      if (next == 0) {
        break;
      }
      name.append(vocabulary.character(next));
      System.arraycopy(context, 1, context, 0, contextLength - 1);
      context[contextLength - 1] = next;
    }
    return name.toString();
  }
}
