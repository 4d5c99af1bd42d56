package org.backpropninja.check;

import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Compares a gradient g that was written by hand with the slope of L, in double.
 *
 * <pre>g·δ = (L(θ + hδ) − L(θ − hδ)) / 2h,    |δ| = 1</pre>
 *
 * <p>A gradient that is wrong anywhere is wrong along a random direction δ, so a few directions do
 * where one pass for each coordinate would take long. Two steps h tell a kink of L, such as that of
 * ReLU at 0: there the two slopes differ, and nothing can be said.
 */
final class Slopes {

  private static final int DIRECTIONS = 3;
  private static final double STEP = 1e-4;
  private static final double RATIO = 4; // of the two steps
  private static final double TOLERANCE = 1e-6; // relative
  private static final double ROUNDING = 64 * Math.ulp(1.0);
  private static final int MOST_COORDINATES = 500; // to locate what is wrong
  private static final int DRAWS = 10; // until L has no kink

  /** L has a kink here: look elsewhere. */
  static final class Kink extends Exception {

    private static final long serialVersionUID = 1;

    Kink() {
      super("the slope depends on the step");
    }
  }

  private final Trial trial;
  private final String name; // of θ
  private final INDArray theta;
  private final double[] at;
  private final double[] byHand;
  private final DoubleSupplier loss;
  private final double scale; // of a sum's rounding errors

  private Slopes(
      Trial trial,
      String name,
      INDArray theta,
      INDArray byHand,
      DoubleSupplier loss,
      double scale) {
    this.trial = trial;
    this.name = name;
    this.theta = theta;
    this.at = elements(theta);
    this.byHand = elements(byHand);
    this.loss = loss;
    this.scale = scale;
  }

  /** A comparison at a random place. */
  interface Comparison {
    void at(int draw) throws Kink;
  }

  /** Compares at one place, and at others as long as L has a kink there. */
  static void compare(Trial trial, Comparison comparison) {
    for (int draw = 0; draw < DRAWS; draw++) {
      try {
        comparison.at(draw);
        if (draw > 0) {
          trial.note("drawn %d times, because of a kink".formatted(draw + 1));
        }
        return;
      } catch (Kink kink) {
        // the next draw is elsewhere
      }
    }
    throw trial.finding(
        "the slope depends on the step in %d random inputs out of %d".formatted(DRAWS, DRAWS),
        "the forward pass has chance or a memory, or jumps");
  }

  /**
   * Requires that a gradient is the slope.
   *
   * @param name of what is moved, for the message
   * @param theta is moved, and put back
   * @param byHand the gradient with respect to θ
   * @param loss L for what θ holds at the moment
   * @param scale the size of the terms that L is the sum of
   * @throws Kink if L has a kink near θ
   */
  static void require(
      Trial trial, String name, INDArray theta, INDArray byHand, DoubleSupplier loss, double scale)
      throws Kink {
    trial.require(
        haveSameShape(theta, byHand),
        "the gradient of %s has shape %s, not %s",
        name,
        Arrays.toString(byHand.shape()),
        Arrays.toString(theta.shape()));
    requireRepeatable(trial, loss, scale);
    Slopes slopes = new Slopes(trial, name, theta, byHand, loss, scale);
    try {
      slopes.require(trial.random(name));
    } finally {
      slopes.assign(slopes.at);
    }
  }

  private static void requireRepeatable(Trial trial, DoubleSupplier loss, double scale) {
    double first = loss.getAsDouble();
    double second = loss.getAsDouble();
    if (Math.abs(first - second) > ROUNDING * scale) {
      throw trial.finding(
          "the loss of one minibatch is %s, and %s when computed again".formatted(first, second),
          "the forward pass has chance that Nd4j.getRandom() does not know of, or a memory");
    }
  }

  /** Whether they have, but for axes of size 1: DL4J's own layers drop some. */
  static boolean haveSameShape(INDArray a, INDArray b) {
    return Arrays.equals(
        Arrays.stream(a.shape()).filter(size -> size > 1).toArray(),
        Arrays.stream(b.shape()).filter(size -> size > 1).toArray());
  }

  private void require(Random random) throws Kink {
    for (int each = 0; each < DIRECTIONS; each++) {
      double[] direction = unit(random);
      double projection = 0;
      for (int k = 0; k < at.length; k++) {
        projection += byHand[k] * direction[k];
      }
      Slope slope = slope(direction);
      if (!isRight(projection, slope)) {
        throw located(projection, slope);
      }
    }
  }

  private double[] unit(Random random) {
    double[] direction = random.doubles(at.length, -1, 1).toArray();
    double length = norm(direction);
    return Arrays.stream(direction).map(each -> each / length).toArray();
  }

  /**
   * A slope as two steps tell it.
   *
   * @param value by Richardson's extrapolation, whose error is O(h⁴)
   * @param doubt how far the two steps are apart
   */
  private record Slope(double value, double doubt) {}

  private Slope slope(double[] direction) {
    double wide = slope(direction, STEP);
    double narrow = slope(direction, STEP / RATIO);
    double value = (RATIO * RATIO * narrow - wide) / (RATIO * RATIO - 1);
    return new Slope(value, Math.abs(wide - narrow));
  }

  /** A number that is not the slope is wrong, unless the slope itself is in doubt. */
  private boolean isRight(double number, Slope slope) throws Kink {
    double error = Math.abs(number - slope.value);
    if (error <= tolerance(slope.value)) {
      return true;
    }
    if (error <= 100 * slope.doubt || Double.isNaN(slope.value)) {
      throw new Kink();
    }
    return false;
  }

  private double slope(double[] direction, double step) {
    return (lossAt(direction, step) - lossAt(direction, -step)) / (2 * step);
  }

  private double lossAt(double[] direction, double step) {
    double[] moved = at.clone();
    for (int k = 0; k < moved.length; k++) {
      moved[k] += step * direction[k];
    }
    assign(moved);
    return loss.getAsDouble();
  }

  /** How far apart two right numbers may be: relative to the gradient, and rounding errors of L. */
  private double tolerance(double slope) {
    double typical = norm(byHand) / Math.sqrt(byHand.length);
    double relative = Double.isFinite(typical) ? typical : 0;
    return TOLERANCE * Math.max(Math.abs(slope), relative) + ROUNDING * scale * RATIO / STEP;
  }

  // Where

  /** Coordinate by coordinate: how many are wrong, and which most. */
  private Finding located(double projection, Slope slope) {
    int[] looked = some(at.length);
    double[] hand = IntStream.of(looked).mapToDouble(k -> byHand[k]).toArray();
    double[] numeric = IntStream.of(looked).mapToDouble(this::numeric).toArray();
    int worst = 0;
    int wrong = 0;
    for (int i = 0; i < looked.length; i++) {
      wrong += Double.compare(hand[i], numeric[i]) == 0 ? 0 : 1;
      if (!(Math.abs(hand[i] - numeric[i]) <= Math.abs(hand[worst] - numeric[worst]))) {
        worst = i;
      }
    }
    if (wrong == 0) {
      return trial.finding(
          "%s along a random direction: hand-written %s, numeric %s; no single coordinate of %d is"
                  .formatted(name, projection, slope.value, looked.length)
              + " off by itself");
    }
    String place = name + index(theta.shape(), looked[worst]);
    return trial.finding(
        "%s: hand-written %s, numeric %s; %d of %d elements are wrong%s"
            .formatted(
                place, hand[worst], numeric[worst], wrong, looked.length, pattern(hand, numeric)));
  }

  /** All coordinates, or as many as there is time for. */
  private static int[] some(int length) {
    return new Random(1)
        .ints(0, length)
        .distinct()
        .limit(Math.min(length, MOST_COORDINATES))
        .toArray();
  }

  /** What a coordinate's gradient should be: as it is, if that is right or nobody can say. */
  private double numeric(int coordinate) {
    double[] direction = new double[at.length];
    direction[coordinate] = 1;
    Slope slope = slope(direction);
    try {
      return isRight(byHand[coordinate], slope) ? byHand[coordinate] : slope.value;
    } catch (Kink kink) {
      return byHand[coordinate];
    }
  }

  /** The index of an element that is the {@code flat}-th, row by row. */
  static String index(long[] shape, int flat) {
    long[] index = new long[shape.length];
    long left = flat;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = left % shape[axis];
      left /= shape[axis];
    }
    return Arrays.toString(index);
  }

  /** What all hand-written numbers have in common, empty if nothing. */
  private static String pattern(double[] hand, double[] numeric) {
    if (Arrays.stream(hand).anyMatch(each -> !Double.isFinite(each))) {
      return "; hand-written ones are not finite";
    }
    if (norm(hand) == 0) {
      return "; all hand-written ones are 0";
    }
    double ratio = dot(hand, numeric) / dot(numeric, numeric);
    for (int k = 0; k < hand.length; k++) {
      if (!(Math.abs(hand[k] - ratio * numeric[k]) <= 1e-4 * Math.abs(ratio) * norm(numeric))) {
        return "";
      }
    }
    return hand.length < 2 ? "" : "; everywhere %.6g times what it should be".formatted(ratio);
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int k = 0; k < a.length; k++) {
      sum += a[k] * b[k];
    }
    return sum;
  }

  private static double norm(double[] a) {
    return Math.sqrt(dot(a, a));
  }

  private void assign(double[] values) {
    theta.assign(Nd4j.create(values, theta.shape(), 'c'));
  }

  /** A copy, row by row. */
  static double[] elements(INDArray x) {
    return x.dup('c').data().asDouble();
  }
}
