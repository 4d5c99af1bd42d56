package org.backpropninja.names;

import java.util.LinkedHashMap;
import java.util.Map;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What a network expects after a context, asked for a family of contexts at a time and remembered.
 *
 * <p>A family is all contexts that differ in their last characters only, in as many as keep it
 * small: what may follow one beginning. It always goes through the network as one minibatch, so the
 * probabilities of a context are the same to the last bit whenever and with whichever others they
 * are asked for.
 */
final class ContextProbabilities {

  /** Rows at most in a minibatch; families of a larger vocabulary are cut. */
  private static final int ROWS = 1024;

  /** Probabilities at most in a minibatch of several rows: one character shall not take seconds. */
  private static final int ASKED = 1 << 16;

  /** Floats at most that are remembered: 64 MiB. */
  private static final int REMEMBERED = 1 << 24;

  private final MultiLayerNetwork network;
  private final int V;
  private final int T;
  private final int free; // how many of the last characters differ in a family
  private final int alike; // contexts that begin alike
  private final int size; // of a family
  private final Map<String, float[][]> families;

  ContextProbabilities(MultiLayerNetwork network, int V, int T) {
    this.network = network;
    this.V = V;
    this.T = T;
    int rows = Math.max(1, Math.min(ASKED / V, Math.min(ROWS, CharMlp.chunk(network))));
    int characters = 1;
    int contexts = V;
    while (characters < T && (long) contexts * V <= rows) {
      characters++;
      contexts *= V;
    }
    free = characters;
    alike = contexts;
    size = Math.min(alike, rows);
    int most = Math.max(1, (int) (REMEMBERED / ((long) V * size)));
    families =
        new LinkedHashMap<>(16, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<String, float[][]> eldest) {
            return size() > most;
          }
        };
  }

  /** The probabilities [V] of what follows the indices [T]. */
  float[] of(char[] context) {
    int number = 0; // of the context among those that begin alike
    for (int t = T - free; t < T; t++) {
      number = number * V + context[t];
    }
    int firstNumber = number - number % size; // 0 but in a family that is cut
    char[] first = context.clone();
    setEnd(first, firstNumber);
    float[][] family =
        families.computeIfAbsent(new String(first), beginning -> ask(first, firstNumber));
    return family[number - firstNumber];
  }

  private void setEnd(char[] context, int number) {
    int rest = number;
    for (int t = T - 1; t >= T - free; t--) {
      context[t] = (char) (rest % V);
      rest /= V;
    }
  }

  private float[][] ask(char[] first, int firstNumber) {
    int n = Math.min(size, alike - firstNumber);
    float[] contexts = new float[n * T];
    char[] context = first.clone();
    for (int i = 0; i < n; i++) {
      setEnd(context, firstNumber + i);
      for (int t = 0; t < T; t++) {
        contexts[i * T + t] = context[t];
      }
    }
    INDArray output = network.output(Nd4j.create(contexts, new long[] {n, T}, 'c'));
    if (output.columns() != V) {
      throw new IllegalArgumentException(
          "vocabulary (of %d characters) must have %d, as the network has classes"
              .formatted(V, output.columns()));
    }
    Matrix probs = NdArrays.in(output, DataType.FLOAT);
    float[][] rows = new float[n][V];
    for (int i = 0; i < n; i++) {
      probs.read(i * V, V, rows[i]);
    }
    return rows;
  }
}
