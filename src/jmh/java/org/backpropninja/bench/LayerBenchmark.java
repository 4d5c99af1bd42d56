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

/** A single layer, or loss, forward and backward. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class LayerBenchmark {

  @Param({"STOCK", "OURS"})
  Side side;

  @Param({
    "batchNorm:32x200",
    "batchNorm:1024x200",
    "batchNorm:4096x1024",
    "embedding:27x10x3x32",
    "embedding:27x10x3x200000",
    "embedding:50000x64x8x32",
    "crossEntropy:27x32",
    "crossEntropy:50000x32",
    "dense:32x30x200",
    "dense:1024x1024x1024"
  })
  String task;

  private Supplier<?> step;

  /** For JMH. */
  public LayerBenchmark() {}

  /** Makes the layer and its inputs. */
  @Setup
  public void prepare() {
    step = side.step(task);
  }

  /**
   * Both passes.
   *
   * @return what the compiler must not leave out
   */
  @Benchmark
  public Object forwardAndBackward() {
    return step.get();
  }
}
