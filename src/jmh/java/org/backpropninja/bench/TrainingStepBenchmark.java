package org.backpropninja.bench;

import org.openjdk.jmh.annotations.Param;

/** A whole training step of the character MLP. */
public class TrainingStepBenchmark extends StepBenchmark {

  @Param({"STOCK", "OURS", "COMPILED", "PRODUCTS"})
  Side side;

  @Param({"fit:32x200x27", "fit:32x64x27", "fit:1024x200x27", "fit:4096x1024x27"})
  String task;

  /** For JMH. */
  public TrainingStepBenchmark() {}

  @Override
  Side side() {
    return side;
  }

  @Override
  String task() {
    return task;
  }
}
