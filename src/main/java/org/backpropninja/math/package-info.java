/**
 * The hand-written mathematics on matrices: one class per operation, its forward pass and right
 * below it its backward pass.
 *
 * <p>{@link org.backpropninja.math.Cores} says what the operations are, and {@link
 * org.backpropninja.math.FusedCores} makes them: {@code Embedding}, {@code Dense}, {@code
 * BatchNorm} and {@code CrossEntropy}, each made once for a layer. docs/derivations.md derives
 * their formulas. A {@link org.backpropninja.math.Matrix} says where its elements are; the loops go
 * through it in blocks of rows, in the type that {@link org.backpropninja.math.Precision} says, on
 * one or several threads. A number per column or per row is double. Nothing here knows
 * Deeplearning4j or ND4J.
 */
package org.backpropninja.math;
