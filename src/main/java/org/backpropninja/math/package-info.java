/**
 * The hand-written mathematics on plain arrays: one class per operation, its forward pass and right
 * below it its backward pass.
 *
 * <p>Matrices are row-major, the number of rows is passed or follows from the length, and a
 * gradient {@code dX} has the shape of {@code X}. Small ones are {@code double[]}; those that may
 * be larger than the cache are {@link org.backpropninja.math.Elements} and go through in blocks of
 * rows. What is one number a column is double; the loops over elements are float or double, as
 * {@link org.backpropninja.math.Precision} says, and written so that the JIT compiler turns them
 * into vector instructions. Nothing here knows Deeplearning4j. Lengths are the caller's business:
 * the layers check what users pass before they call.
 */
package org.backpropninja.math;
