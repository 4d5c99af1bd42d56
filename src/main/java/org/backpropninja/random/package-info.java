/**
 * Random streams that equal PyTorch's and Python's, number for number.
 *
 * <p>With them a Java run starts from the same weights, draws the same minibatches and samples the
 * same names as the notebooks. {@link org.backpropninja.random.TorchRandom} is PyTorch's CPU
 * generator, {@link org.backpropninja.random.PythonRandom} is CPython's {@code random}. Both run on
 * Hipparchus's Mersenne Twister; neither is safe for use by several threads at once.
 */
package org.backpropninja.random;
