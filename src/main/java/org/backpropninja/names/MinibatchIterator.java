package org.backpropninja.names;

import java.util.function.BooleanSupplier;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.Workspaces;
import org.backpropninja.random.TorchRandom;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

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
  private boolean overwriting;
  private transient BooleanSupplier ended; // null for never
  private transient Reused reused; // null before the first minibatch that is overwritten
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

  /**
   * Makes every minibatch in the arrays of the one before, from now on.
   *
   * <p>For a training loop, which keeps none: {@code network.fit(iterator.overwriting())} makes no
   * new arrays. Whoever keeps or queues minibatches, as ParallelWrapper does, needs the iterator as
   * it is.
   *
   * @return this
   */
  public MinibatchIterator overwriting() {
    overwriting = true;
    return this;
  }

  /**
   * Ends early, from now on: before a minibatch is drawn, a condition is asked.
   *
   * <p>So a training loop stops between two steps, and the generator has drawn what the steps that
   * were taken needed.
   *
   * @param ended whether to end, as {@code network.fit} sees it in {@link #hasNext}
   * @return this
   */
  public MinibatchIterator until(BooleanSupplier ended) {
    this.ended = ended;
    return this;
  }

  @Override
  DataSet make(int[] examples) {
    if (!overwriting || examples != indices) {
      return super.make(examples);
    }
    if (reused == null) {
      Workspaces.outside(() -> reused = new Reused(super.make(examples)));
    }
    return reused.overwrite(examples, data());
  }

  /** Arrays of features and labels, and what is written into them. */
  private static final class Reused {
    private final INDArray x;
    private final INDArray y;
    private final float[] features;
    private final float[] labels;

    Reused(DataSet first) {
      x = first.getFeatures();
      y = first.getLabels();
      features = new float[(int) x.length()];
      labels = new float[(int) y.length()];
    }

    DataSet overwrite(int[] examples, NamesDataset data) {
      data.examples(examples, features, labels);
      NdArrays.assign(features, x);
      NdArrays.assign(labels, y);
      return new DataSet(x, y);
    }
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
    return step < steps && (ended == null || !ended.getAsBoolean());
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
