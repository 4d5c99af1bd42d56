package org.backpropninja.internal;

import org.backpropninja.math.Moments;
import org.backpropninja.math.MomentsAccumulator;

/** A layer of a network, at run time, whose running statistics can be measured and replaced. */
public interface Calibratable {

  /**
   * Tells whether there is anything to calibrate.
   *
   * @return whether the layer has running statistics
   */
  boolean hasRunningStatistics();

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
  void observe(MomentsAccumulator moments);

  /**
   * Replaces the running mean and variance, whatever they are.
   *
   * @param moments of as many columns
   * @throws IllegalArgumentException if they hold too few rows for the variance to have a value, or
   *     a value that the network's type cannot hold
   */
  void adopt(Moments moments);
}
