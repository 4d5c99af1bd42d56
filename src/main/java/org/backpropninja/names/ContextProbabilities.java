package org.backpropninja.names;

import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What a network expects after a context, asked for a family of contexts at a time and remembered.
 *
 * <p>A family is all contexts that differ in their last character only: what may follow one context
 * and one character. It always goes through the network as one minibatch, so the probabilities of a
 * context are the same to the last bit whenever and with whichever others they are asked for.
 */
final class ContextProbabilities {

  /** Rows at most in a minibatch; families of a larger vocabulary are cut. */
  private static final int ROWS = 32;

  /** Floats at most that are remembered: 64 MiB. */
  private static final int REMEMBERED = 1 << 24;

  private final MultiLayerNetwork network;
  private final int V;
  private final int T;
  private final Map<String, float[][]> families;

  ContextProbabilities(MultiLayerNetwork network, int V, int T) {
    this.network = network;
    this.V = V;
    this.T = T;
    int most = Math.max(1, REMEMBERED / (V * Math.min(V, ROWS)));
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
    int last = context[T - 1];
    char[] key = context.clone();
    key[T - 1] = (char) (last - last % ROWS); // the first of the family
    return families.computeIfAbsent(new String(key), family -> ask(key))[last % ROWS];
  }

  private float[][] ask(char[] first) {
    int n = Math.min(ROWS, V - first[T - 1]);
    float[] contexts = new float[n * T];
    for (int i = 0; i < n; i++) {
      for (int t = 0; t < T; t++) {
        contexts[i * T + t] = first[t] + (t == T - 1 ? i : 0);
      }
    }
    INDArray probs = network.output(Nd4j.create(contexts, new long[] {n, T}, 'c'));
    return probs.toFloatMatrix();
  }
}
