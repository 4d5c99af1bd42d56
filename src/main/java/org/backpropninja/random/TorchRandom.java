package org.backpropninja.random;

import java.io.Serializable;
import org.hipparchus.random.MersenneTwister;

/**
 * PyTorch's CPU generator: the same numbers in the same order from the same seed.
 *
 * <p>{@code new TorchRandom(s)} stands for {@code torch.Generator().manual_seed(s)}, and each
 * method for the PyTorch function of its name with {@code generator=} this. Integers and choices
 * are PyTorch's exactly. Normal numbers are PyTorch's to 3e-7, because its vectorised logarithm,
 * sine and cosine round the last place differently.
 *
 * <p>A serialized generator goes on where it was. It is not safe for use by several threads at
 * once.
 *
 * <p>Source: the behaviour of PyTorch 1.13 on the CPU; the engine is MT19937.
 */
public final class TorchRandom implements Serializable {
  private static final long MAX_SEED = 0xFFFF_FFFFL;
  private static final int BLOCK = 16;
  private static final float TWO_PI = (float) (2 * Math.PI);

  private final long seed;
  private final MersenneTwister engine;
  private long drawn;

  /** The second normal number of a pair, until it is asked for; NaN when there is none. */
  private double spareNormal = Double.NaN;

  /**
   * Makes a generator in the state that PyTorch's {@code manual_seed} leaves.
   *
   * @param seed 0 to 4294967295; PyTorch takes other seeds too, but uses their low 32 bits only
   * @throws IllegalArgumentException if the seed is outside this range
   */
  public TorchRandom(long seed) {
    if (seed < 0 || seed > MAX_SEED) {
      throw new IllegalArgumentException(
          "seed (%d) must be from 0 to %d".formatted(seed, MAX_SEED));
    }
    this.seed = seed;
    engine = new MersenneTwister((int) seed);
  }

  /**
   * Where a generator is: what {@link #restore} needs to go on there.
   *
   * @param seed 0 to 4294967295
   * @param drawn how many 32-bit words it has drawn, 0 or more
   * @param spareNormal a normal number that waits for the next call of {@link #randn} for fewer
   *     than 16, null if none does
   */
  public record State(long seed, long drawn, Double spareNormal) {}

  /**
   * Tells where the generator is.
   *
   * @return its state, which later draws do not change
   */
  public State state() {
    return new State(seed, drawn, Double.isNaN(spareNormal) ? null : spareNormal);
  }

  /**
   * Makes a generator that goes on where another was.
   *
   * <p>It draws again what that one has drawn, some 300 million words a second.
   *
   * @param state of the other
   * @return the generator
   * @throws IllegalArgumentException if the seed is outside its range, or {@code drawn} is negative
   */
  public static TorchRandom restore(State state) {
    if (state.drawn() < 0) {
      throw new IllegalArgumentException("drawn (%d) must be at least 0".formatted(state.drawn()));
    }
    TorchRandom random = new TorchRandom(state.seed());
    while (random.drawn < state.drawn()) {
      random.nextWord();
    }
    random.spareNormal = state.spareNormal() == null ? Double.NaN : state.spareNormal();
    return random;
  }

  private int nextWord() {
    drawn++;
    return engine.nextInt();
  }

  /**
   * Draws standard normal numbers, as {@code torch.randn(size)}.
   *
   * <p>Box–Muller: r = √(−2·ln u₁), θ = 2π·u₂ give r·cos θ and r·sin θ. PyTorch has two ways of it.
   * Below 16 numbers it draws pairs of doubles, and the half of a pair that is left over waits for
   * the next such call. From 16 on it works in float on blocks of 16.
   *
   * @param size how many, 0 or more
   * @return a new array of that size
   * @throws IllegalArgumentException if size is negative
   */
  public float[] randn(int size) {
    requireSize(size);
    float[] values = new float[size];
    if (size < BLOCK) {
      for (int i = 0; i < size; i++) {
        values[i] = (float) nextNormal();
      }
      return values;
    }
    fillUniform(values, 0);
    for (int start = 0; start <= size - BLOCK; start += BLOCK) {
      blockToNormal(values, start);
    }
    if (size % BLOCK != 0) {
      // The rest is no whole block, so PyTorch draws the last 16 numbers again.
      fillUniform(values, size - BLOCK);
      blockToNormal(values, size - BLOCK);
    }
    return values;
  }

  /**
   * Draws uniform numbers from [0, 1), as {@code torch.rand(size)}.
   *
   * @param size how many, 0 or more
   * @return a new array of that size
   * @throws IllegalArgumentException if size is negative
   */
  public float[] rand(int size) {
    requireSize(size);
    float[] values = new float[size];
    fillUniform(values, 0);
    return values;
  }

  /**
   * Draws one integer from 0 to high − 1, as {@code torch.randint(0, high, (1,))}.
   *
   * @param high the first integer that is too large, 1 or more
   * @return the integer
   * @throws IllegalArgumentException if high is below 1
   */
  public int randint(int high) {
    requireHigh(high);
    return nextInt(high);
  }

  /**
   * Draws integers from 0 to high − 1, as {@code torch.randint(0, high, (size,))}.
   *
   * @param high the first integer that is too large, 1 or more
   * @param size how many, 0 or more
   * @return a new array of that size
   * @throws IllegalArgumentException if high is below 1 or size is negative
   */
  public int[] randint(int high, int size) {
    requireSize(size);
    int[] values = new int[size];
    randint(high, values);
    return values;
  }

  /**
   * Fills an array with integers from 0 to high − 1, and so makes no garbage in a training loop.
   *
   * @param high the first integer that is too large, 1 or more
   * @param into the array to fill, in order
   * @throws IllegalArgumentException if high is below 1
   */
  public void randint(int high, int[] into) {
    requireHigh(high);
    for (int i = 0; i < into.length; i++) {
      into[i] = nextInt(high);
    }
  }

  /**
   * Draws one index, each as often as its probability says, as {@code torch.multinomial(p, 1)}.
   *
   * <p>The answer is argmax pᵢ/qᵢ, where qᵢ = −ln(1 − uᵢ) is an exponentially distributed number
   * per index.
   *
   * @param probabilities weights of the indices, finite and not negative; they need not add up to 1
   * @return the index drawn
   * @throws IllegalArgumentException if there is no weight, if one is negative, infinite or not a
   *     number, or if all are zero
   */
  public int multinomial(float[] probabilities) {
    requireProbabilities(probabilities);
    int choice = 0;
    float best = -1;
    for (int i = 0; i < probabilities.length; i++) {
      double u = nextDouble();
      if (probabilities[i] < 0.999 * u * best) {
        continue; // q is at least u, so that the ratio is less than the best: spares a logarithm
      }
      float q = (float) -Math.log1p(-u);
      float ratio = probabilities[i] / q;
      if (ratio > best) {
        best = ratio;
        choice = i;
      }
    }
    return choice;
  }

  private void fillUniform(float[] values, int start) {
    for (int i = start; i < values.length; i++) {
      values[i] = (nextWord() & 0xFF_FFFF) * 0x1p-24f;
    }
  }

  /** Turns 16 uniform numbers into normal ones: the first half gives radii, the second angles. */
  private static void blockToNormal(float[] values, int start) {
    int half = BLOCK / 2;
    for (int j = start; j < start + half; j++) {
      float u1 = 1 - values[j]; // never 0, so its logarithm is finite
      float radius = (float) Math.sqrt(-2 * (float) Math.log(u1));
      float theta = TWO_PI * values[j + half];
      values[j] = radius * (float) Math.cos(theta);
      values[j + half] = radius * (float) Math.sin(theta);
    }
  }

  private double nextNormal() {
    if (!Double.isNaN(spareNormal)) {
      double normal = spareNormal;
      spareNormal = Double.NaN;
      return normal;
    }
    double u1 = nextDouble();
    double u2 = nextDouble();
    double radius = Math.sqrt(-2 * Math.log1p(-u2));
    double theta = 2 * Math.PI * u1;
    spareNormal = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  /** A double in [0, 1) from the low 53 of 64 bits, the first word being the high one. */
  private double nextDouble() {
    long high = (long) nextWord() << 32;
    long low = Integer.toUnsignedLong(nextWord());
    return ((high | low) & (1L << 53) - 1) * 0x1p-53;
  }

  private int nextInt(int high) {
    return Integer.remainderUnsigned(nextWord(), high);
  }

  private static void requireSize(int size) {
    if (size < 0) {
      throw new IllegalArgumentException("size (%d) must be at least 0".formatted(size));
    }
  }

  private static void requireHigh(int high) {
    if (high < 1) {
      throw new IllegalArgumentException("high (%d) must be at least 1".formatted(high));
    }
  }

  private static void requireProbabilities(float[] probabilities) {
    double sum = 0;
    for (int i = 0; i < probabilities.length; i++) {
      if (!(probabilities[i] >= 0) || Float.isInfinite(probabilities[i])) {
        throw new IllegalArgumentException(
            "probabilities[%d] (%s) must be a finite number, 0 or more"
                .formatted(i, probabilities[i]));
      }
      sum += probabilities[i];
    }
    if (sum == 0) {
      throw new IllegalArgumentException(
          "probabilities (length %d, sum 0) must hold at least one that is above 0"
              .formatted(probabilities.length));
    }
  }
}
