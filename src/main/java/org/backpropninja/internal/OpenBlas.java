package org.backpropninja.internal;

import org.backpropninja.math.Precision;
import org.backpropninja.math.Threads;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.nd4j.nativeblas.NativeOpsHolder;

/** The one class that needs OpenBLAS, loaded only where it is there. */
final class OpenBlas {

  private static final int COLUMN_MAJOR = openblas_nolapack.CblasColMajor;

  /** Parts of a product that one task multiplies: enough to be worth a thread's while. */
  private static final int TILES_OF_TASK = 4;

  private OpenBlas() {}

  /** c = op(a)·op(b), or adds that, for matrices of one type whose shapes fit. */
  static void gemm(
      NdMatrix a, boolean transposeA, NdMatrix b, boolean transposeB, boolean add, NdMatrix c) {
    int k = transposeA ? a.rows() : a.columns();
    Operand left = new Operand(a, transposeA);
    Operand right = new Operand(b, transposeB);
    if (c.isRowMajor()) { // in column-major order it is cᵀ = op(b)ᵀ·op(a)ᵀ
      multiply(right.flipped(), left.flipped(), c, c.columns(), c.rows(), k, add);
    } else {
      multiply(left, right, c, c.rows(), c.columns(), k, add);
    }
  }

  /**
   * A matrix as BLAS wants it, in column-major order, where one in row-major order is its
   * transpose.
   */
  private record Operand(NdMatrix matrix, boolean transposed, int leading) {

    Operand(NdMatrix matrix, boolean transpose) {
      this(
          matrix,
          transpose != matrix.isRowMajor(),
          matrix.isRowMajor() ? matrix.columns() : matrix.rows());
    }

    Operand flipped() {
      return new Operand(matrix, !transposed, leading);
    }

    int op() {
      return transposed ? openblas_nolapack.CblasTrans : openblas_nolapack.CblasNoTrans;
    }

    /** From a row and a column of the operand on, after it has been transposed. */
    FloatPointer floats(int row, int column) {
      long down = transposed ? leading : 1;
      long right = transposed ? 1 : leading;
      return ((FloatPointer) matrix.pointer()).getPointer(row * down + column * right);
    }

    FloatPointer floats() {
      return (FloatPointer) matrix.pointer();
    }

    DoublePointer doubles() {
      return (DoublePointer) matrix.pointer();
    }
  }

  /** c = a·b, or adds that, c being [m, n] in column-major order and its sum over k. */
  private static void multiply(Operand a, Operand b, NdMatrix c, int m, int n, int k, boolean add) {
    int beta = add ? 1 : 0;
    if (c.precision() == Precision.DOUBLE) {
      DoublePointer to = (DoublePointer) c.pointer();
      openblas_nolapack.cblas_dgemm(
          COLUMN_MAJOR,
          a.op(),
          b.op(),
          m,
          n,
          k,
          1,
          a.doubles(),
          a.leading(),
          b.doubles(),
          b.leading(),
          beta,
          to,
          m);
      return;
    }
    FloatPointer to = (FloatPointer) c.pointer();
    Tiles tiles = Tiles.of(m, n, k, a.transposed() && !b.transposed());
    if (tiles == null) {
      openblas_nolapack.cblas_sgemm(
          COLUMN_MAJOR,
          a.op(),
          b.op(),
          m,
          n,
          k,
          1,
          a.floats(),
          a.leading(),
          b.floats(),
          b.leading(),
          beta,
          to,
          m);
      return;
    }
    int down = (m + tiles.m() - 1) / tiles.m();
    int all = down * ((n + tiles.n() - 1) / tiles.n());
    Threads.run(
        (all + TILES_OF_TASK - 1) / TILES_OF_TASK,
        task -> {
          int end = Math.min(all, (task + 1) * TILES_OF_TASK);
          for (int tile = task * TILES_OF_TASK; tile < end; tile++) {
            int i = tile % down * tiles.m();
            int j = tile / down * tiles.n();
            multiplyTile(a, b, to, m, n, k, beta, tiles, i, j);
          }
        });
  }

  /** The part of the product that begins at row i and column j. */
  private static void multiplyTile(
      Operand a,
      Operand b,
      FloatPointer c,
      int m,
      int n,
      int k,
      int beta,
      Tiles tiles,
      int i,
      int j) {
    int rows = Math.min(tiles.m(), m - i);
    int columns = Math.min(tiles.n(), n - j);
    for (int l = 0; l < k; l += tiles.k()) {
      int sum = Math.min(tiles.k(), k - l);
      openblas_nolapack.cblas_sgemm(
          COLUMN_MAJOR,
          a.op(),
          b.op(),
          rows,
          columns,
          sum,
          1,
          a.floats(i, l),
          a.leading(),
          b.floats(l, j),
          b.leading(),
          l == 0 ? beta : 1,
          c.getPointer(i + (long) j * m),
          m);
    }
  }

  /**
   * The size of parts that a product is cut into, so that OpenBLAS takes its kernels for small
   * matrices, which do not pack their operands first: for a product that is long in one dimension
   * only that makes up to twice the speed.
   *
   * @param m rows of a part
   * @param n columns of a part
   * @param k length of a part's sums
   */
  record Tiles(int m, int n, int k) {

    /** OpenBLAS 0.3.23, {@code kernel/x86_64/sgemm_small_kernel_permit_skylakex.c}. */
    private static final int SMALL = 100 * 100 * 100;

    /** Elements of a part where a transposed matrix meets a plain one, from the same source. */
    private static final int SMALL_TRANSPOSED = 1200;

    private static final int LEAST_SUM = 32; // there, too
    private static final int LEAST = 32; // rows or columns of a part, or the calls cost too much
    private static final int MOST = 96; // measured

    /** ND4J's level for a processor with AVX-512, the only one that OpenBLAS has them for. */
    private static final int AVX_512 = 3;

    private static final boolean HAS_SMALL_KERNELS =
        NativeOpsHolder.getInstance().getDeviceNativeOps().optimalLevel() >= AVX_512;

    /** The parts of a product, null for one that is better left whole. */
    static Tiles of(int m, int n, int k, boolean transposedTimesPlain) {
      if (!HAS_SMALL_KERNELS || (long) m * n * k <= SMALL) {
        return null;
      }
      int width = Math.min(m, n);
      int sum = partOf(k, SMALL / ((long) width * LEAST));
      if (sum < 2 * LEAST_SUM && sum < k || transposedTimesPlain && sum < LEAST_SUM) {
        return null;
      }
      long most = SMALL / ((long) width * sum);
      most = transposedTimesPlain ? Math.min(most, SMALL_TRANSPOSED / width) : most;
      if (most < LEAST) {
        return null;
      }
      int length = (int) Math.min(most, MOST) / LEAST * LEAST;
      return m > n ? new Tiles(length, n, sum) : new Tiles(m, length, sum);
    }

    /** The largest equal part, but for rounding, that is not larger than allowed. */
    private static int partOf(int whole, long most) {
      if (most < 1) {
        return 0;
      }
      int parts = (int) ((whole + most - 1) / most);
      return (whole + parts - 1) / parts;
    }
  }
}
