package org.backpropninja.internal;

import org.backpropninja.math.Precision;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/** The one class that needs OpenBLAS, loaded only where it is there. */
final class OpenBlas {

  private OpenBlas() {}

  /**
   * c = op(a)·op(b), or adds that, for matrices of one type whose shapes fit.
   *
   * <p>BLAS takes one order for all three, so c's; a matrix in the other order is the transpose of
   * one in c's.
   */
  static void gemm(
      NdMatrix a, boolean transposeA, NdMatrix b, boolean transposeB, boolean add, NdMatrix c) {
    boolean rowMajor = c.isRowMajor();
    int order = rowMajor ? openblas_nolapack.CblasRowMajor : openblas_nolapack.CblasColMajor;
    int k = transposeA ? a.rows() : a.columns();
    int opA = op(transposeA != (a.isRowMajor() != rowMajor));
    int opB = op(transposeB != (b.isRowMajor() != rowMajor));
    int m = c.rows();
    int n = c.columns();
    int lda = leading(a);
    int ldb = leading(b);
    int ldc = leading(c);
    int beta = add ? 1 : 0;
    if (c.precision() == Precision.SINGLE) {
      openblas_nolapack.cblas_sgemm(
          order, opA, opB, m, n, k, 1, floats(a), lda, floats(b), ldb, beta, floats(c), ldc);
    } else {
      openblas_nolapack.cblas_dgemm(
          order, opA, opB, m, n, k, 1, doubles(a), lda, doubles(b), ldb, beta, doubles(c), ldc);
    }
  }

  private static int op(boolean transpose) {
    return transpose ? openblas_nolapack.CblasTrans : openblas_nolapack.CblasNoTrans;
  }

  private static int leading(NdMatrix x) {
    return x.isRowMajor() ? x.columns() : x.rows();
  }

  private static FloatPointer floats(NdMatrix x) {
    return (FloatPointer) x.pointer();
  }

  private static DoublePointer doubles(NdMatrix x) {
    return (DoublePointer) x.pointer();
  }
}
