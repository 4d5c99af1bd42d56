/**
 * The hand-written mathematics on matrices: one class per operation, its forward pass and right
 * below it its backward pass.
 *
 * <p>{@link org.backpropninja.math.Embedding}, {@link org.backpropninja.math.Dense}, {@link
 * org.backpropninja.math.BatchNorm} and {@link org.backpropninja.math.CrossEntropy} are objects
 * that are made once for a layer. A {@link org.backpropninja.math.Matrix} says where its elements
 * are; the loops go through it in blocks of rows, in the type that {@link
 * org.backpropninja.math.Precision} says, on one or several {@link org.backpropninja.math.Threads}.
 * What is one number a column or a row is double. Nothing here knows Deeplearning4j or ND4J.
 */
package org.backpropninja.math;
