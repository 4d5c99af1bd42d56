package org.backpropninja.names;

import org.backpropninja.random.TorchRandom;

/**
 * Draws minibatches at random, each example with replacement, for a number of training steps.
 *
 * <p>Each {@code next()} draws the indices of its examples by {@code random.randint(data.size())}
 * and yields features [batch, T] and labels [batch, 1], both FLOAT. {@code next(num)} draws {@code
 * num} examples instead, and is one step too. Past the last step {@code next} throws {@link
 * java.util.NoSuchElementException}.
 *
 * <p>The generator is used, not copied: whoever draws from it meanwhile changes what comes next.
 *
 * <p>Source: makemore part 4, {@code torch.randint(0, Xtr.shape[0], (batch_size,), generator=g)}.
 */
public final class MinibatchIterator extends NamesIterator {
  private final TorchRandom random;
  private final int steps;
  private final int[] indices;
  private int step;

  /**
   * Makes an iterator over a number of steps.
   *
   * @param data the examples to draw from
   * @param random draws the indices; with the notebook's minibatches if it has drawn its weights
   * @param batch how many examples a minibatch has, 1 or more
   * @param steps how many minibatches there are, 1 or more
   * @throws IllegalArgumentException if batch or steps is below 1
   */
  public MinibatchIterator(NamesDataset data, TorchRandom random, int batch, int steps) {
    super(data, requirePositive("batch", batch));
    this.random = random;
    this.steps = requirePositive("steps", steps);
    this.indices = new int[batch];
  }

  @Override
  int[] choose(int num) {
    step++;
    int[] chosen = num == indices.length ? indices : new int[num];
    random.randint(data().size(), chosen);
    return chosen;
  }

  @Override
  public boolean hasNext() {
    return step < steps;
  }

  /**
   * Starts another run of as many steps, with new minibatches.
   *
   * <p>The random stream goes on where it is, so {@code network.fit(iterator, epochs)} takes epochs
   * · steps different steps, as one iterator over all of them would.
   */
  @Override
  public void reset() {
    step = 0;
  }

  /**
   * Forbids prefetching, because the random stream must be drawn in order.
   *
   * <p>A prefetching thread would draw minibatches ahead of whoever else uses the generator.
   *
   * @return false
   */
  @Override
  public boolean asyncSupported() {
    return false;
  }
}
