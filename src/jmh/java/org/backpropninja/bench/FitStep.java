package org.backpropninja.bench;

import java.util.function.Consumer;
import java.util.function.Supplier;
import org.nd4j.linalg.dataset.DataSet;

/** One training step, going round prepared minibatches. */
final class FitStep implements Supplier<Object> {

  private final Consumer<DataSet> trainer;
  private final DataSet[] minibatches;
  private int next;

  FitStep(Consumer<DataSet> trainer, DataSet[] minibatches) {
    this.trainer = trainer;
    this.minibatches = minibatches;
  }

  @Override
  public Object get() {
    trainer.accept(minibatches[next]);
    next = (next + 1) % minibatches.length;
    return trainer;
  }
}
