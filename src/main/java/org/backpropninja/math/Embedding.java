package org.backpropninja.math;

import java.util.Arrays;

/**
 * Looks up a vector per index and lays the vectors of an example side by side.
 *
 * <pre>embcat[i, t·D + d] = C[Xb[i, t], d]</pre>
 *
 * <p>Shapes: C [V, D]; Xb [n, T] indices from 0 to V−1; embcat [n, T·D], context-major (all of the
 * first position's vector, then all of the second's). Source: makemore part 4, {@code emb = C[Xb];
 * embcat = emb.view(n, -1)}.
 */
public final class Embedding {

  private Embedding() {}

  /**
   * Fills {@code embcat} with the rows of {@code C} that {@code Xb} names.
   *
   * @param C table [V, D]
   * @param Xb indices [n, T], all of them used
   * @param D length of one vector
   * @param embcat result [n, T·D]
   */
  public static void forward(double[] C, int[] Xb, int D, double[] embcat) {
    for (int k = 0; k < Xb.length; k++) {
      System.arraycopy(C, Xb[k] * D, embcat, k * D, D);
    }
  }

  /**
   * Sums the gradients of all places where an index stands.
   *
   * <pre>dC[v] = Σ over (i, t) with Xb[i, t] = v of dembcat[i, t·D … t·D + D−1]</pre>
   *
   * @param dembcat gradient [n, T·D]
   * @param Xb indices [n, T], all of them used
   * @param D length of one vector
   * @param dC result [V, D], overwritten
   */
  public static void backward(double[] dembcat, int[] Xb, int D, double[] dC) {
    Arrays.fill(dC, 0);
    for (int k = 0; k < Xb.length; k++) {
      int from = k * D;
      int to = Xb[k] * D;
      for (int d = 0; d < D; d++) {
        dC[to + d] += dembcat[from + d]; // an index may stand in many places: add, never overwrite
      }
    }
  }
}
