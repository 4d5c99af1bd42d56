package org.backpropninja.math;

/**
 * A matrix cut into stripes of rows, one task each, and a stripe into blocks.
 *
 * <p>Where the cuts are depends on the matrix's shape alone, so that sums over stripes, taken in
 * their order, are the same to the last bit on any number of threads. A matrix of one stripe stays
 * on the thread that calls.
 */
final class Stripes {

  /** Elements: enough to be worth a thread's while, few enough to share evenly. */
  private static final int ELEMENTS = 1 << 16;

  private final int rows;
  private final int rowsOfBlock;
  private final int rowsOfStripe;

  Stripes(int rows, int columns) {
    this(rows, columns, Block.rows(columns));
  }

  Stripes(int rows, int columns, int rowsOfBlock) {
    this.rows = rows;
    this.rowsOfBlock = rowsOfBlock;
    rowsOfStripe = Math.max(1, ELEMENTS / columns / rowsOfBlock) * rowsOfBlock;
  }

  /** What is done to a block. */
  interface Body {
    /**
     * Does one block.
     *
     * @param first its first row
     * @param some how many rows it has
     */
    void run(int first, int some);
  }

  /**
   * What is done to a block, with scratch space.
   *
   * @param <S> the scratch space of a thread
   */
  interface Work<S> {
    /**
     * Does one block.
     *
     * @param scratch of the thread
     * @param first its first row
     * @param some how many rows it has
     */
    void run(S scratch, int first, int some);
  }

  /** Goes through all blocks, the stripes side by side, with the scratch space of each thread. */
  <S> void forEachBlock(Threads threads, S[] scratch, Work<S> work) {
    threads.run(
        count(),
        (stripe, thread) ->
            forEachBlock(stripe, (first, some) -> work.run(scratch[thread], first, some)));
  }

  int count() {
    return (rows + rowsOfStripe - 1) / rowsOfStripe;
  }

  /** Goes through the blocks of a stripe, in their order. */
  void forEachBlock(int stripe, Body body) {
    int end = first(stripe) + rows(stripe);
    for (int i = first(stripe); i < end; i += rowsOfBlock) {
      body.run(i, Math.min(rowsOfBlock, end - i));
    }
  }

  int first(int stripe) {
    return stripe * rowsOfStripe;
  }

  int rowsOfFirstBlock(int stripe) {
    return Math.min(rowsOfBlock, rows(stripe));
  }

  int rows(int stripe) {
    return Math.min(rowsOfStripe, rows - stripe * rowsOfStripe);
  }
}
