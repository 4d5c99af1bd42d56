package org.backpropninja.bench;

import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** How JMH runs one side's step of one task; which ones, a subclass says. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public abstract class StepBenchmark {

  private Supplier<?> oneStep;

  /** For subclasses. */
  protected StepBenchmark() {}

  abstract Side side();

  abstract String task();

  /** Makes the network, or the layer, and its inputs. */
  @Setup
  public void prepare() {
    oneStep = side().step(task());
  }

  /**
   * One step, or both passes of a layer.
   *
   * @return what the compiler must not leave out
   */
  @Benchmark
  public Object step() {
    return oneStep.get();
  }
}
