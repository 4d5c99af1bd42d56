package org.backpropninja.math;

/** Tells whether all of a matrix is finite, at the speed of its other loops. */
public final class FiniteCheck {

  private final Threads threads;
  private final Scratch[] scratch; // one a thread

  private static final class Scratch {
    final Block block;
    final Block zeros;

    Scratch(Precision precision) {
      block = Block.of(precision, 1);
      zeros = Block.of(precision, 1);
    }
  }

  /**
   * Makes the buffers.
   *
   * @param precision the matrix's type, or a wider one
   */
  public FiniteCheck(Precision precision) {
    this(precision, Threads.ofAll());
  }

  FiniteCheck(Precision precision, Threads threads) {
    this.threads = threads;
    scratch = threads.each(Scratch[]::new, () -> new Scratch(precision));
  }

  /**
   * Looks at each element: 0·x is 0 only where x is finite.
   *
   * @param x any matrix
   * @return whether none is infinite or NaN
   */
  public boolean passes(Matrix x) {
    for (Scratch s : scratch) {
      s.zeros.clear();
    }
    new Stripes(x.length(), 1)
        .forEachBlock(
            threads,
            scratch,
            (s, first, some) -> {
              s.block.read(x, first, some);
              s.zeros.addZeroTimes(s.block);
            });
    boolean finite = true;
    for (Scratch s : scratch) {
      finite &= s.zeros.isZero();
    }
    return finite;
  }
}
