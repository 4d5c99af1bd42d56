package org.backpropninja.math;

import static org.backpropninja.math.Numbers.floats;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Each core's results to the last bit on any number of threads, and after a pass that failed half
 * way through any of its matrices.
 */
@Timeout(120)
class AnyThreadsTest {

  private static final int SMALL = 40; // rows: one stripe
  private static final int LARGE = 700; // several stripes
  private static final int H = 300;

  /** All there is about one core. */
  enum Core {
    BATCH_NORM {
      @Override
      Object make(Precision precision, Threads threads) {
        return new BatchNorm(H, 1e-5, Activation.TANH, precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        BatchNorm batchNorm = (BatchNorm) core;
        Matrix hprebn = matrices.given(n, H, 3);
        Statistics statistics = batchNorm.measure(hprebn).statistics(Variance.UNBIASED);
        matrices.add(statistics.mean());
        matrices.add(statistics.variance());
        Matrix gain = matrices.given(1, H, 1);
        Matrix bias = matrices.given(1, H, 0.2);
        batchNorm.forward(hprebn, statistics, gain, bias, matrices.result(n, H), true);
        Matrix dh = matrices.given(n, H, 0);
        batchNorm.backward(dh, matrices.result(n, H), matrices.result(1, H), matrices.result(1, H));
      }
    },
    DENSE {
      @Override
      Object make(Precision precision, Threads threads) {
        return new Dense(H, Activation.TANH, precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        Dense dense = (Dense) core;
        Matrix x = matrices.given(n, 2, 0);
        Matrix W = matrices.given(2, H, 0.1);
        dense.forward(x, W, matrices.given(1, H, 0.3), matrices.result(n, H), true);
        Matrix dx = matrices.result(n, 2);
        dense.backward(
            matrices.given(n, H, 0), x, W, dx, matrices.result(2, H), matrices.result(1, H));
      }
    },
    CROSS_ENTROPY_OF_CLASSES {
      @Override
      Object make(Precision precision, Threads threads) {
        return new CrossEntropy(H, precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        int[] Yb = new Random(1).ints(n, 0, H).toArray();
        double[] weight = floats(2, n, 1, 0.5);
        weight[n - 1] = 0;
        double[] loss = new double[n];
        Matrix logits = matrices.given(n, H, 1);
        Matrix dlogits = matrices.result(n, H);
        assertTrue(((CrossEntropy) core).forwardAndBackward(logits, Yb, weight, loss, dlogits));
        matrices.add(loss);
      }
    },
    CROSS_ENTROPY_OF_ROWS {
      @Override
      Object make(Precision precision, Threads threads) {
        return new CrossEntropy(H, precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        double[] loss = new double[n];
        Matrix logits = matrices.given(n, H, 1);
        Matrix y = matrices.given(n, H, 2); // from 1 to 3
        Matrix dlogits = matrices.result(n, H);
        assertTrue(((CrossEntropy) core).forwardAndBackward(logits, y, loss, dlogits));
        matrices.add(loss);
      }
    },
    EMBEDDING {
      @Override
      Object make(Precision precision, Threads threads) {
        return new Embedding(H, precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        Embedding embedding = (Embedding) core;
        int[] Xb = new Random(n).ints(2L * n, 0, 50).map(k -> k * k % 71).toArray();
        embedding.forward(matrices.given(71, H, 0.1), Xb, matrices.result(n, 2 * H));
        embedding.backward(matrices.given(n, 2 * H, 0), matrices.result(71, H));
      }
    },
    MOMENTS {
      @Override
      Object make(Precision precision, Threads threads) {
        return new MomentsAccumulator(H, precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        MomentsAccumulator moments = (MomentsAccumulator) core;
        moments.reset();
        moments.add(matrices.given(n, H, 5));
        moments.add(matrices.given(n, H, 4));
        matrices.add(moments.moments().mean());
        matrices.add(moments.moments().squares());
      }
    },
    GRADIENT_DESCENT {
      @Override
      Object make(Precision precision, Threads threads) {
        return new GradientDescent(precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        GradientDescent descent = (GradientDescent) core;
        Matrix parameters = matrices.changed(n, H);
        Matrix gradient = matrices.changed(n, H);
        descent.update(gradient, 1, n * H - 1, 7, 0.1);
        descent.step(parameters, gradient, 2, n * H - 2);
        descent.updateAndStep(parameters, gradient, 3, n * H - 3, 3, 0.3);
      }
    },
    FINITE_CHECK {
      @Override
      Object make(Precision precision, Threads threads) {
        return new FiniteCheck(precision, threads);
      }

      @Override
      void run(Object core, int n, Matrices matrices) {
        assertTrue(((FiniteCheck) core).passes(matrices.given(n, H, 3)));
      }
    };

    abstract Object make(Precision precision, Threads threads);

    /** A forward pass and a backward pass. */
    abstract void run(Object core, int n, Matrices matrices);

    List<double[]> results(Object core, Precision precision, int n) {
      Matrices matrices = new Matrices(precision, UnaryOperator.identity());
      run(core, n, matrices);
      return matrices.results();
    }
  }

  /** Makes a core's matrices, and knows what it has computed. */
  private static final class Matrices {
    private final Precision precision;
    private final UnaryOperator<Matrix> wrap;
    private final List<Matrix> written = new ArrayList<>();
    private final List<double[]> results = new ArrayList<>();
    private int seed;

    Matrices(Precision precision, UnaryOperator<Matrix> wrap) {
      this.precision = precision;
      this.wrap = wrap;
    }

    private Matrix of(double[] values, int rows, int columns) {
      return precision == Precision.SINGLE
          ? Matrix.of(Numbers.rounded(values), rows, columns)
          : Matrix.of(values, rows, columns);
    }

    Matrix given(int rows, int columns, double offset) {
      return wrap.apply(of(floats(seed++, rows * columns, offset, 1), rows, columns));
    }

    Matrix changed(int rows, int columns) {
      Matrix x = of(floats(seed++, rows * columns, 0, 1), rows, columns);
      written.add(x);
      return wrap.apply(x);
    }

    Matrix result(int rows, int columns) {
      Matrix x = of(Numbers.filled(rows * columns, Double.NaN), rows, columns);
      written.add(x);
      return wrap.apply(x);
    }

    void add(double[] result) {
      results.add(result.clone());
    }

    List<double[]> results() {
      for (Matrix x : written) {
        double[] elements = new double[x.length()];
        x.read(0, elements.length, elements);
        assertTrue(Double.isFinite(Arrays.stream(elements).sum()), "not all is written");
        results.add(elements);
      }
      return results;
    }
  }

  private static void assertSame64(List<double[]> expected, List<double[]> actual) {
    assertEquals(expected.size(), actual.size());
    for (int k = 0; k < expected.size(); k++) {
      assertArrayEquals(expected.get(k), actual.get(k));
    }
  }

  @ParameterizedTest
  @EnumSource
  void resultsDoNotDependOnTheThreads(Core core) {
    for (Precision precision : Precision.values()) {
      Object alone = core.make(precision, new Threads(1));
      for (int count : new int[] {2, 3, 7}) {
        Object shared = core.make(precision, new Threads(count));
        for (int n : new int[] {SMALL, LARGE, LARGE, SMALL, 2}) {
          assertSame64(core.results(alone, precision, n), core.results(shared, precision, n));
        }
      }
    }
  }

  /** Whichever thread comes upon it. */
  @ParameterizedTest
  @EnumSource
  void aNumberThatIsNotFiniteIsSeenByAnyThread(Precision precision) {
    Threads threads = new Threads(3);
    FiniteCheck check = new FiniteCheck(precision, threads);
    CrossEntropy crossEntropy = new CrossEntropy(H, precision, threads);
    double[] x = floats(5, LARGE * H, 0, 1);
    Matrix matrix = Matrix.of(x, LARGE, H);
    Matrix y = Matrix.of(Numbers.filled(LARGE * H, 0.5), LARGE, H);
    double[] loss = new double[LARGE];
    for (int round = 0; round < 20; round++) {
      for (int at = 7; at < x.length; at += 1 << 15) { // twice a stripe
        assertTrue(check.passes(matrix));
        assertTrue(crossEntropy.forwardAndBackward(matrix, y, loss, null));
        double right = x[at];
        x[at] = Double.NaN;
        assertFalse(check.passes(matrix));
        assertFalse(crossEntropy.forwardAndBackward(matrix, y, loss, null));
        x[at] = right;
      }
    }
  }

  /** A matrix whose second half cannot be reached. */
  private static final class Broken extends Matrix {

    static final class Planned extends RuntimeException {
      private static final long serialVersionUID = 1;
    }

    private final Matrix whole;

    Broken(Matrix whole) {
      super(whole.rows(), whole.columns(), whole.precision());
      this.whole = whole;
    }

    private void require(int first, int length) {
      if (first + length > length() / 2) {
        throw new Planned();
      }
    }

    @Override
    public void read(int first, int length, float[] into) {
      require(first, length);
      whole.read(first, length, into);
    }

    @Override
    public void read(int first, int length, double[] into) {
      require(first, length);
      whole.read(first, length, into);
    }

    @Override
    public void write(float[] from, int first, int length) {
      require(first, length);
      whole.write(from, first, length);
    }

    @Override
    public void write(double[] from, int first, int length) {
      require(first, length);
      whole.write(from, first, length);
    }

    @Override
    protected void multiply(
        Matrix a, boolean transposeA, Matrix b, boolean transposeB, boolean add) {
      throw new Planned();
    }

    @Override
    public Matrix another(int rows, int columns) {
      return whole.another(rows, columns);
    }
  }

  /** Breaks the matrix of that number. */
  private static final class Breaking implements UnaryOperator<Matrix> {
    private int left;

    Breaking(int number) {
      left = number;
    }

    @Override
    public Matrix apply(Matrix x) {
      return left-- == 0 ? new Broken(x) : x;
    }

    boolean isDone() {
      return left < 0;
    }
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsLeftOfAPassThatFailed(Core core) {
    for (Precision precision : Precision.values()) {
      for (int count : new int[] {1, 3}) {
        Threads threads = new Threads(count);
        List<double[]> expected = core.results(core.make(precision, threads), precision, LARGE);
        Object used = core.make(precision, threads);
        Breaking breaking = new Breaking(0);
        for (int number = 1; fails(core, used, precision, breaking); number++) {
          assertSame64(expected, core.results(used, precision, LARGE));
          breaking = new Breaking(number);
        }
        assertFalse(breaking.isDone(), "broken, and nobody noticed");
      }
    }
  }

  private static boolean fails(Core core, Object used, Precision precision, Breaking breaking) {
    Matrices matrices = new Matrices(precision, breaking);
    if (!breaking.isDone()) {
      try {
        core.run(used, LARGE, matrices);
      } catch (Broken.Planned e) {
        return true;
      } catch (IllegalStateException e) { // on another thread
        assertSame(Broken.Planned.class, e.getCause().getClass());
        return true;
      }
    }
    return false;
  }

  /** An index beyond the table must not be remembered as one that has been named. */
  @ParameterizedTest
  @EnumSource
  void anIndexBeyondTheTable(Precision precision) {
    Threads threads = new Threads(1);
    Embedding used = new Embedding(H, precision, threads);
    Matrix C = Matrix.of(floats(1, 71 * H, 0, 1), 71, H);
    for (int wrong : new int[] {71, -1}) {
      int[] Xb = {3, 4, 3, wrong};
      Matrix embcat = Matrix.of(new double[4 * H], 2, 2 * H);
      assertThrows(RuntimeException.class, () -> used.forward(C, Xb, embcat));
    }
    Embedding fresh = new Embedding(H, precision, threads);
    assertSame64(
        Core.EMBEDDING.results(fresh, precision, SMALL),
        Core.EMBEDDING.results(used, precision, SMALL));
  }
}
