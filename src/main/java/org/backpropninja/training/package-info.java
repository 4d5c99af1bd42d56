/**
 * What is done to whole networks: {@link org.backpropninja.training.Calibration} of running
 * statistics, {@link org.backpropninja.training.Migration} from DL4J's batch norm, and two ways to
 * train faster, {@link org.backpropninja.training.CompiledNetwork} and {@link
 * org.backpropninja.training.FlatGradientUpdater}.
 */
package org.backpropninja.training;
