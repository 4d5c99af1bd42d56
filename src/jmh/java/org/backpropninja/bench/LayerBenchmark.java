package org.backpropninja.bench;

import org.openjdk.jmh.annotations.Param;

/** A single layer, or loss, forward and backward. */
public class LayerBenchmark extends StepBenchmark {

  @Param({"STOCK", "OURS"})
  Side side;

  @Param({
    "batchNorm:32x200",
    "batchNorm:1024x200",
    "batchNorm:4096x1024",
    "batchNorm:32x64x16x16",
    "batchNorm:32x128x50",
    "embedding:27x10x3x32",
    "embedding:27x10x3x200000",
    "embedding:50000x64x8x32",
    "crossEntropy:27x32",
    "crossEntropy:50000x32",
    "dense:32x30x200",
    "dense:1024x1024x1024"
  })
  String task;

  /** For JMH. */
  public LayerBenchmark() {}

  @Override
  Side side() {
    return side;
  }

  @Override
  String task() {
    return task;
  }
}
