package org.backpropninja.arrays;

import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The one class that needs OpenBLAS, loaded only where it is there. */
final class OpenBlas {

  private OpenBlas() {}

  /**
   * c = keep·c + op(a)·op(b) for dense matrices of one type.
   *
   * <p>BLAS takes one order for all three, so c's; a matrix in the other order is the transpose of
   * one in c's.
   */
  static void gemm(
      INDArray a, boolean transposeA, INDArray b, boolean transposeB, int keep, INDArray c) {
    boolean rowMajor = Crossing.isDense(c, 'c');
    int order = rowMajor ? openblas_nolapack.CblasRowMajor : openblas_nolapack.CblasColMajor;
    boolean otherA = Crossing.isDense(a, 'c') != rowMajor;
    boolean otherB = Crossing.isDense(b, 'c') != rowMajor;
    int m = (int) c.size(0);
    int n = (int) c.size(1);
    int k = (int) a.size(transposeA ? 0 : 1);
    int lda = (int) a.size(rowMajor != otherA ? 1 : 0);
    int ldb = (int) b.size(rowMajor != otherB ? 1 : 0);
    int ldc = (int) c.size(rowMajor ? 1 : 0);
    int opA = op(transposeA != otherA);
    int opB = op(transposeB != otherB);
    if (c.dataType() == DataType.FLOAT) {
      openblas_nolapack.cblas_sgemm(
          order, opA, opB, m, n, k, 1, floats(a), lda, floats(b), ldb, keep, floats(c), ldc);
    } else {
      openblas_nolapack.cblas_dgemm(
          order, opA, opB, m, n, k, 1, doubles(a), lda, doubles(b), ldb, keep, doubles(c), ldc);
    }
  }

  private static int op(boolean transpose) {
    return transpose ? openblas_nolapack.CblasTrans : openblas_nolapack.CblasNoTrans;
  }

  private static FloatPointer floats(INDArray x) {
    return HostMemory.floats(x);
  }

  private static DoublePointer doubles(INDArray x) {
    return HostMemory.doubles(x);
  }
}
