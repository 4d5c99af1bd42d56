/**
 * The network in the notebooks' small steps: every intermediate kept, every backward step written.
 *
 * <p>Each part is one chain of ND4J operations that runs on any backend: {@code EmbeddingSteps},
 * {@code AffineSteps}, {@code BatchNormSteps}, {@code TanhSteps} and {@code CrossEntropySteps}.
 * {@code forward} gives the chain with its intermediates; {@code backward}, right below it, takes
 * the gradient of the loss with respect to the chain's last value and gives the gradient of each
 * value before it. A gradient is called {@code d} + the name of its value and has its shape. Names
 * follow the notebooks, in camelCase.
 *
 * <p>{@link org.backpropninja.stepwise.StepwiseMlp} puts the chains together, {@link
 * org.backpropninja.stepwise.Referee} differentiates the same graph with SameDiff, and {@link
 * org.backpropninja.stepwise.GradientComparison} is the notebooks' {@code cmp}. {@link
 * org.backpropninja.stepwise.ComputeGraph} writes the graph for drawing.
 */
package org.backpropninja.stepwise;
