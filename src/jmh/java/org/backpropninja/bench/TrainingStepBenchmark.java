package org.backpropninja.bench;

import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** A whole training step of the character MLP. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class TrainingStepBenchmark {

  @Param({"STOCK", "OURS", "PRODUCTS"})
  Side side;

  @Param({"fit:32x200x27", "fit:32x64x27", "fit:1024x200x27", "fit:4096x1024x27"})
  String task;

  private Supplier<?> oneStep;

  /** For JMH. */
  public TrainingStepBenchmark() {}

  /** Makes the network and its minibatches. */
  @Setup
  public void prepare() {
    oneStep = side.step(task);
  }

  /**
   * One step.
   *
   * @return what the compiler must not leave out
   */
  @Benchmark
  public Object step() {
    return oneStep.get();
  }
}
