package org.backpropninja.arrays;

import java.lang.ref.Reference;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Products of ND4J matrices.
 *
 * <p>Where all three lie dense in host memory and are of one type, FLOAT or DOUBLE, this is one
 * call of OpenBLAS on the arrays' own memory; otherwise it is ND4J's.
 */
public final class MatrixProduct {

  /** ND4J's CPU backend brings OpenBLAS; on another backend its classes need not be there. */
  private static final boolean HAS_OPENBLAS =
      ClassPath.has("org.bytedeco.openblas.global.openblas_nolapack");

  private MatrixProduct() {}

  /**
   * Computes {@code c = op(a)·op(b)}, where op transposes or not.
   *
   * @param a matrix, op(a) being [m, k]
   * @param transposeA whether op transposes it
   * @param b matrix, op(b) being [k, n]
   * @param transposeB whether op transposes it
   * @param c result [m, n], overwritten
   */
  public static void multiply(
      INDArray a, boolean transposeA, INDArray b, boolean transposeB, INDArray c) {
    product(a, transposeA, b, transposeB, 0, c);
  }

  /**
   * Computes {@code c = c + op(a)·op(b)}, where op transposes or not.
   *
   * @param a matrix, op(a) being [m, k]
   * @param transposeA whether op transposes it
   * @param b matrix, op(b) being [k, n]
   * @param transposeB whether op transposes it
   * @param c what is added to, and the result [m, n]
   */
  public static void multiplyAndAdd(
      INDArray a, boolean transposeA, INDArray b, boolean transposeB, INDArray c) {
    product(a, transposeA, b, transposeB, 1, c);
  }

  private static void product(
      INDArray a, boolean transposeA, INDArray b, boolean transposeB, int keep, INDArray c) {
    if (HAS_OPENBLAS && areDenseAndAlike(a, b, c)) {
      OpenBlas.gemm(a, transposeA, b, transposeB, keep, c);
      Reference.reachabilityFence(a);
      Reference.reachabilityFence(b);
      Reference.reachabilityFence(c);
    } else {
      INDArray left = transposeA ? a.transpose() : a;
      INDArray right = transposeB ? b.transpose() : b;
      INDArray ab = keep == 0 ? c : c.ulike();
      left.castTo(c.dataType()).mmuli(right.castTo(c.dataType()), ab);
      if (keep == 1) {
        c.addi(ab);
      }
    }
  }

  private static boolean areDenseAndAlike(INDArray a, INDArray b, INDArray c) {
    DataType type = c.dataType();
    return (type == DataType.FLOAT || type == DataType.DOUBLE)
        && Crossing.isDenseInHost(a, type)
        && Crossing.isDenseInHost(b, type)
        && Crossing.isDenseInHost(c, type);
  }
}
