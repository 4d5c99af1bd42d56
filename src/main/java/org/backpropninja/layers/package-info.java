/**
 * Layers for {@code .layer(...)}: {@link org.backpropninja.layers.EmbeddingConcat}, {@link
 * org.backpropninja.layers.ManualDense} and {@link org.backpropninja.layers.BatchNormBessel}.
 *
 * <p>These configurations are all that users write. Each has a package-private runtime that only
 * moves arrays between Deeplearning4j and {@link org.backpropninja.math}, where the gradients are.
 */
package org.backpropninja.layers;
