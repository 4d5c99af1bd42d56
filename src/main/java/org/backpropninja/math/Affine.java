package org.backpropninja.math;

import java.util.Arrays;

/**
 * The affine map of a dense layer.
 *
 * <pre>y = x·W + b,   y[i, j] = Σ_k x[i, k]·W[k, j] + b[j]</pre>
 *
 * <p>Shapes: x [n, I], W [I, H], b [H], y [n, H]. Source: makemore part 4, {@code hprebn = embcat @
 * W1 + b1} and {@code logits = h @ W2 + b2}.
 */
public final class Affine {

  private Affine() {}

  /**
   * Computes {@code y = x·W + b}.
   *
   * @param x input [n, I]
   * @param n rows
   * @param W weights [I, H]
   * @param b bias [H]
   * @param y result [n, H]
   */
  public static void forward(double[] x, int n, double[] W, double[] b, double[] y) {
    int H = b.length;
    int I = W.length / H;
    for (int i = 0; i < n; i++) {
      System.arraycopy(b, 0, y, i * H, H);
      for (int k = 0; k < I; k++) {
        double xik = x[i * I + k];
        for (int j = 0; j < H; j++) {
          y[i * H + j] += xik * W[k * H + j];
        }
      }
    }
  }

  /**
   * Computes the three gradients.
   *
   * <pre>
   * dx = dy·Wᵀ,   dx[i, k] = Σ_j dy[i, j]·W[k, j]
   * dW = xᵀ·dy,   dW[k, j] = Σ_i x[i, k]·dy[i, j]
   * db = Σ_rows dy
   * </pre>
   *
   * @param x input [n, I]
   * @param n rows
   * @param W weights [I, H]
   * @param dy gradient of the result [n, H]
   * @param dx gradient of the input [n, I], overwritten
   * @param dW gradient of the weights [I, H], overwritten
   * @param db gradient of the bias [H], overwritten
   */
  public static void backward(
      double[] x, int n, double[] W, double[] dy, double[] dx, double[] dW, double[] db) {
    int H = db.length;
    int I = W.length / H;
    Arrays.fill(dW, 0);
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < I; k++) {
        double xik = x[i * I + k];
        double dxik = 0;
        for (int j = 0; j < H; j++) {
          dxik += dy[i * H + j] * W[k * H + j];
          dW[k * H + j] += xik * dy[i * H + j];
        }
        dx[i * I + k] = dxik;
      }
    }
    new Columns(H, Precision.DOUBLE).sum(Elements.of(dy), n, db);
  }
}
