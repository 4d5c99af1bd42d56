package org.backpropninja.math;

import java.util.Arrays;

/**
 * Mean and variance of each column of a matrix that may arrive in several pieces.
 *
 * <p>What is summed up is deviations from the mean of a stripe's first rows and their squares,
 * because {@code Σx² − (Σx)²/n} loses every digit of x = 10⁶ ± 1 (Chan, Golub, LeVeque, "Algorithms
 * for computing the sample variance", 1983, "shifted data"). That mean is one of some of the
 * stripe's own rows, so it is off by √(n_B / their number) standard deviations at most, and stripes
 * are short. They are merged with the parallel formula of the same authors (1979):
 *
 * <pre>
 * δ = mean_B − mean_A
 * mean = mean_A + δ·n_B/n
 * M2 = M2_A + M2_B + δ²·n_A·n_B/n
 * </pre>
 *
 * <p>so the result does not depend on how the rows were cut, but for rounding. A stripe whose
 * squares would leave float's range goes through in double.
 */
public final class MomentsAccumulator {

  /** Far from 10^±38, where float ends. */
  private static final double LARGEST = 1e30;

  private static final double SMALLEST = 1e-30;

  private final int columns;
  private final Precision precision;
  private final Threads threads;
  private final Scratch[] scratch; // one a thread
  private final SumsOfStripes means;
  private final SumsOfStripes squaresOfStripes;
  private final double[] mean;
  private final double[] squares; // M2 = Σ (x − mean)²
  private long n;

  /** What one thread works on. */
  private static final class Scratch {
    final Block rows;
    final Block deviations;
    final Block shift;
    final ColumnSums sums;
    final ColumnSums sumsOfSquares;
    final double[] sum; // Σ (x − shift)
    Scratch wide; // the same in double, null until it is needed

    Scratch(Precision precision, int columns) {
      rows = Block.of(precision, columns);
      deviations = Block.of(precision, columns);
      shift = Block.of(precision, columns);
      sums = new ColumnSums(precision, columns);
      sumsOfSquares = new ColumnSums(precision, columns);
      sum = new double[columns];
    }
  }

  /**
   * Starts with no rows.
   *
   * @param columns number of columns, at least 1
   * @param precision of the loops over elements
   * @throws IllegalArgumentException if {@code columns} is less than 1
   */
  public MomentsAccumulator(int columns, Precision precision) {
    this(columns, precision, Threads.ofAll());
  }

  MomentsAccumulator(int columns, Precision precision, Threads threads) {
    if (columns < 1) {
      throw new IllegalArgumentException("columns (" + columns + ") must be at least 1");
    }
    this.columns = columns;
    this.precision = precision;
    this.threads = threads;
    scratch = threads.each(Scratch[]::new, () -> new Scratch(precision, columns));
    means = new SumsOfStripes(columns);
    squaresOfStripes = new SumsOfStripes(columns);
    mean = new double[columns];
    squares = new double[columns];
  }

  /** Forgets all rows. */
  public void reset() {
    n = 0;
    Arrays.fill(mean, 0);
    Arrays.fill(squares, 0);
  }

  /**
   * Takes in rows.
   *
   * @param x [rows, columns]
   */
  public void add(Matrix x) {
    x.require("x", x.rows(), columns);
    Stripes stripes = new Stripes(x.rows(), columns);
    means.prepare(stripes.count());
    squaresOfStripes.prepare(stripes.count());
    threads.run(
        stripes.count(), (stripe, thread) -> measureWell(x, stripes, stripe, scratch[thread]));
    for (int stripe = 0; stripe < stripes.count(); stripe++) {
      int rows = stripes.rows(stripe);
      Moments.merge(mean, squares, n, means.of(stripe), squaresOfStripes.of(stripe), rows);
      n += rows;
    }
  }

  private void measureWell(Matrix x, Stripes stripes, int stripe, Scratch s) {
    measure(x, stripes, stripe, s);
    if (precision == Precision.SINGLE && !areOfFloat(squaresOfStripes.of(stripe))) {
      s.wide = s.wide == null ? new Scratch(Precision.DOUBLE, columns) : s.wide;
      measure(x, stripes, stripe, s.wide);
    }
  }

  private static boolean areOfFloat(double[] squares) {
    boolean all = true;
    for (double square : squares) {
      all &= square < LARGEST && (square == 0 || square > SMALLEST); // not if it is NaN
    }
    return all;
  }

  private void measure(Matrix x, Stripes stripes, int stripe, Scratch s) {
    double[] mean = means.of(stripe);
    double[] squares = squaresOfStripes.of(stripe);
    shiftByFirstRows(x, stripes, stripe, s, mean);
    s.sums.start(s.sum);
    s.sumsOfSquares.start(squares);
    stripes.forEachBlock(
        stripe,
        (first, some) -> {
          s.rows.read(x, first, some);
          s.sums.addDeviations(s.rows, s.shift, s.deviations, s.sumsOfSquares);
        });
    s.sums.finish();
    s.sumsOfSquares.finish();
    int rows = stripes.rows(stripe);
    for (int j = 0; j < columns; j++) {
      squares[j] -= s.sum[j] * s.sum[j] / rows;
      mean[j] = s.shift.rounded(mean[j]) + s.sum[j] / rows;
    }
  }

  /** The mean of the stripe's first block, in mean and, rounded, in shift. */
  private void shiftByFirstRows(Matrix x, Stripes stripes, int stripe, Scratch s, double[] mean) {
    int some = stripes.rowsOfFirstBlock(stripe);
    s.rows.read(x, stripes.first(stripe), some);
    s.sums.start(mean);
    s.sums.add(s.rows);
    s.sums.finish();
    for (int j = 0; j < columns; j++) {
      mean[j] /= some;
    }
    s.shift.broadcast(mean);
  }

  /**
   * Returns the number of columns.
   *
   * @return columns
   */
  public int columns() {
    return columns;
  }

  /**
   * Returns what has been taken in.
   *
   * @return the moments of all rows since the last {@link #reset}, good until more are added
   */
  public Moments moments() {
    return new Moments(n, mean, squares);
  }
}
