package org.backpropninja.math;

/** Sums over the rows of a matrix. */
final class Columns {

  private final int H;
  private final Threads threads;
  private final Scratch[] scratch; // one a thread
  private final SumsOfStripes sums;

  private static final class Scratch {
    final Block rows;
    final ColumnSums sums;

    Scratch(Precision precision, int H) {
      rows = Block.of(precision, H);
      sums = new ColumnSums(precision, H);
    }
  }

  Columns(int H, Precision precision, Threads threads) {
    this.H = H;
    this.threads = threads;
    scratch = threads.each(Scratch[]::new, () -> new Scratch(precision, H));
    sums = new SumsOfStripes(H);
  }

  /** sum[j] = Σ_rows x[i, j]. */
  void sum(Matrix x, double[] sum) {
    Stripes stripes = new Stripes(x.rows(), H);
    sums.prepare(stripes.count());
    threads.run(
        stripes.count(),
        (stripe, thread) -> {
          Scratch s = scratch[thread];
          s.sums.start(sums.of(stripe));
          stripes.forEachBlock(
              stripe,
              (first, some) -> {
                s.rows.read(x, first, some);
                s.sums.add(s.rows);
              });
          s.sums.finish();
        });
    sums.total(stripes.count(), sum);
  }
}
