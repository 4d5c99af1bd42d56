/**
 * What is done to whole networks: {@link org.backpropninja.training.Calibration} of running
 * statistics, and {@link org.backpropninja.training.FlatGradientUpdater}.
 */
package org.backpropninja.training;
