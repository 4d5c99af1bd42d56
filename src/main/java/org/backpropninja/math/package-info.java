/**
 * The hand-written mathematics on plain arrays: one class per operation, its forward pass and right
 * below it its backward pass.
 *
 * <p>Matrices are row-major {@code double[]}, the number of rows is passed or follows from the
 * length, and a gradient {@code dX} has the shape of {@code X}. Buffers may be longer than the
 * matrix that they hold. Rows are copied into buffers of their own before inner loops, because the
 * JIT compiler turns loops into vector instructions only where all arrays are indexed alike.
 * Nothing here knows Deeplearning4j. Lengths are the caller's business: the layers check what users
 * pass before they call.
 */
package org.backpropninja.math;
