/**
 * What the benchmarks measure, with Deeplearning4j's own layers and with this library's.
 *
 * <p>{@link org.backpropninja.bench.Side} makes the measured steps, from tasks such as {@code
 * fit:32x200x27}. JMH runs them in {@link org.backpropninja.bench.LayerBenchmark} and {@link
 * org.backpropninja.bench.TrainingStepBenchmark}; {@code Compare} runs them in {@code Worker}
 * processes, beside PyTorch, C and LibTorch.
 */
package org.backpropninja.bench;
