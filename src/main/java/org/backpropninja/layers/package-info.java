/**
 * Layers for {@code .layer(...)}: {@link org.backpropninja.layers.EmbeddingConcat}, {@link
 * org.backpropninja.layers.ManualDense} and {@link org.backpropninja.layers.BatchNormBessel}.
 *
 * <p>These configurations are all that users write. Each has a package-private runtime that checks
 * its input, treats masks and moves arrays; the gradients are in {@link org.backpropninja.math}, or
 * in {@link org.backpropninja.stepwise}, and the products of a dense layer in BLAS.
 */
package org.backpropninja.layers;
