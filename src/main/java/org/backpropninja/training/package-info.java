/**
 * What is done to whole networks: {@link org.backpropninja.training.Calibration} of running
 * statistics, and two ways to train faster, {@link org.backpropninja.training.CompiledNetwork} and
 * {@link org.backpropninja.training.FlatGradientUpdater}.
 */
package org.backpropninja.training;
