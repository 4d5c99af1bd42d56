package org.backpropninja.random;

import java.util.Collections;
import java.util.List;
import org.hipparchus.random.MersenneTwister;

/**
 * CPython's {@code random}: the same integers and permutations from the same seed.
 *
 * <p>{@code new PythonRandom(s)} stands for {@code random.seed(s)}. It is not safe for use by
 * several threads at once.
 *
 * <p>Source: the behaviour of CPython 3.11's {@code random.Random}; the engine is MT19937.
 */
public final class PythonRandom {
  private final MersenneTwister engine;

  /**
   * Makes a generator in the state that {@code random.seed(seed)} leaves.
   *
   * @param seed 0 or more
   * @throws IllegalArgumentException if the seed is negative
   */
  public PythonRandom(long seed) {
    if (seed < 0) {
      throw new IllegalArgumentException("seed (%d) must be at least 0".formatted(seed));
    }
    int low = (int) seed;
    int high = (int) (seed >>> 32);
    // CPython's key has no leading zero word, and a longer key gives another state.
    engine = new MersenneTwister(high == 0 ? new int[] {low} : new int[] {low, high});
  }

  /**
   * Draws one integer from 0 to n − 1, as CPython's {@code random.randrange(n)}.
   *
   * <p>Takes as many of a word's top bits as n has, again and again until they are below n.
   *
   * @param n the first integer that is too large, 1 or more
   * @return the integer
   * @throws IllegalArgumentException if n is below 1
   */
  int randbelow(int n) {
    if (n < 1) {
      throw new IllegalArgumentException("n (%d) must be at least 1".formatted(n));
    }
    int surplusBits = Integer.numberOfLeadingZeros(n);
    int drawn;
    do {
      drawn = engine.nextInt() >>> surplusBits;
    } while (drawn >= n);
    return drawn;
  }

  /**
   * Shuffles a list in place, as CPython's {@code random.shuffle(x)}.
   *
   * @param list a list that can be changed, best one with fast access by index
   * @param <T> what it holds
   */
  public <T> void shuffle(List<T> list) {
    for (int i = list.size() - 1; i > 0; i--) {
      Collections.swap(list, i, randbelow(i + 1));
    }
  }
}
