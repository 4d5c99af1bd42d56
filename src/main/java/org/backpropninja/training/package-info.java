/** What is done to whole networks: {@link org.backpropninja.training.Calibration}. */
package org.backpropninja.training;
