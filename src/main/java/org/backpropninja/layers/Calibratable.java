package org.backpropninja.layers;

import org.backpropninja.math.Moments;

/**
 * A layer of a network, at run time, whose running statistics can be measured and replaced.
 *
 * <p>{@code network.getLayers()} gives the layers; those of {@link BatchNormBessel} are of this
 * type. {@link org.backpropninja.training.Calibration} is what users call.
 */
public interface Calibratable {

  /**
   * Returns the number of columns whose statistics are kept.
   *
   * @return the layer's width
   */
  int columns();

  /**
   * Adds what inference passes are to normalise to the moments given, from now on.
   *
   * @param moments of as many columns, or null to stop
   */
  void observe(Moments moments);

  /**
   * Replaces the running mean and variance.
   *
   * @param moments of as many columns
   * @throws IllegalArgumentException if they hold too few rows for the variance to have a value
   */
  void adopt(Moments moments);
}
