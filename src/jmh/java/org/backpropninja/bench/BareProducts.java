package org.backpropninja.bench;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_sgemm;

import java.util.Random;
import java.util.function.Supplier;
import org.bytedeco.javacpp.FloatPointer;

/**
 * The matrix products of a step alone, on memory of their own: what no implementation can spare.
 */
final class BareProducts implements Workloads {

  @Override
  public Supplier<?> fit(int n, int H, int V) {
    Dense hidden = new Dense(n, OurWorkloads.T * OurWorkloads.D, H);
    Dense output = new Dense(n, H, V);
    return () -> {
      hidden.forward();
      output.forward();
      output.backward();
      return hidden.backward();
    };
  }

  @Override
  public Supplier<?> dense(int n, int I, int H) {
    Dense dense = new Dense(n, I, H);
    return () -> {
      dense.forward();
      return dense.backward();
    };
  }

  /** y = x·W, dW = xᵀ·dy, dx = dy·Wᵀ, all row by row. */
  private static final class Dense {
    private final int n;
    private final int I;
    private final int H;
    private final FloatPointer x;
    private final FloatPointer W;
    private final FloatPointer y;
    private final FloatPointer dx;
    private final FloatPointer dW;
    private final FloatPointer dy;

    Dense(int n, int I, int H) {
      this.n = n;
      this.I = I;
      this.H = H;
      x = matrix(n, I);
      W = matrix(I, H);
      y = matrix(n, H);
      dx = matrix(n, I);
      dW = matrix(I, H);
      dy = matrix(n, H);
    }

    private static FloatPointer matrix(int rows, int columns) {
      Random random = new Random(1);
      float[] values = new float[rows * columns];
      for (int k = 0; k < values.length; k++) {
        values[k] = (float) random.nextGaussian();
      }
      return new FloatPointer(values);
    }

    FloatPointer forward() {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, H, I, 1, x, I, W, H, 0, y, H);
      return y;
    }

    FloatPointer backward() {
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, I, H, n, 1, x, I, dy, H, 0, dW, H);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, I, H, 1, dy, H, W, H, 0, dx, I);
      return dx;
    }
  }
}
