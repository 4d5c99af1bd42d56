package org.backpropninja.training;

import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A learning rate that rises in a line and then falls along a cosine to a tenth of its peak.
 *
 * <pre>
 * i &lt; W:  peak · (i + 1) / W
 * else:   peak · (0.1 + 0.9 · (1 + cos(π · p)) / 2),   p = min(1, (i − W) / (N − W))
 * </pre>
 *
 * <p>i is the training step, from 0. Source: nanoGPT's {@code get_lr}, with its usual floor.
 *
 * @param peak the highest learning rate
 * @param warmUp W, how many steps it takes to get there, 0 for none
 * @param steps N, when it reaches the floor, more than W
 */
public record CosineSchedule(
    @JsonProperty("peak") double peak,
    @JsonProperty("warmUp") int warmUp,
    @JsonProperty("steps") int steps)
    implements ISchedule {

  private static final double FLOOR = 0.1;

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if the peak is not positive, or not 0 ≤ W &lt; N
   */
  public CosineSchedule {
    if (!(peak > 0) || Double.isInfinite(peak)) {
      throw new IllegalArgumentException("peak (%s) must be positive and finite".formatted(peak));
    }
    if (warmUp < 0 || warmUp >= steps) {
      throw new IllegalArgumentException(
          "warmUp (%d) must be from 0 to %d, less than steps".formatted(warmUp, steps - 1));
    }
  }

  @Override
  public double valueAt(int iteration, int epoch) {
    if (iteration < warmUp) {
      return peak * (iteration + 1) / warmUp;
    }
    double progress = Math.min(1, (double) (iteration - warmUp) / (steps - warmUp));
    return peak * (FLOOR + (1 - FLOOR) * (1 + Math.cos(Math.PI * progress)) / 2);
  }

  @Override
  public CosineSchedule clone() {
    return this; // nothing in it changes
  }
}
