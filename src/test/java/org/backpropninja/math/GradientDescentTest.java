package org.backpropninja.math;

import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.SgdUpdater;
import org.nd4j.linalg.learning.config.Sgd;

/** The step against DL4J's own three operations, bit for bit, and nothing beside a stretch. */
class GradientDescentTest {

  private static final int LENGTH = 70_001; // two stripes

  /** Numbers of many sizes, so that each operation rounds in its own way. */
  private static double[] numbers(int seed, Precision precision) {
    Random random = new Random(seed);
    double[] x = new double[LENGTH];
    for (int k = 0; k < LENGTH; k++) {
      double value = random.nextGaussian() * Math.pow(10, random.nextInt(7) - 3);
      x[k] = precision == Precision.SINGLE ? (float) value : value;
    }
    return x;
  }

  private static Matrix matrix(double[] x, Precision precision) {
    return precision == Precision.SINGLE
        ? Matrix.of(Numbers.rounded(x), 1, x.length)
        : Matrix.of(x.clone(), 1, x.length);
  }

  private static double[] elements(Matrix x) {
    double[] elements = new double[x.length()];
    x.read(0, elements.length, elements);
    return elements;
  }

  private static INDArray array(double[] x, Precision precision) {
    return Nd4j.createFromArray(x)
        .castTo(precision == Precision.SINGLE ? DataType.FLOAT : DataType.DOUBLE);
  }

  /** What DL4J's updater makes of a gradient: divi, then gradient descent's own updater. */
  private static double[] dl4jUpdate(double[] gradient, Precision precision, int n, double rate) {
    INDArray update = array(gradient, precision).divi(n);
    new SgdUpdater(new Sgd(rate)).applyUpdater(update, 0, 0);
    return update.data().asDouble();
  }

  /** What DL4J's step function makes of parameters: subi. */
  private static double[] dl4jStep(double[] parameters, double[] update, Precision precision) {
    return array(parameters, precision).subi(array(update, precision)).data().asDouble();
  }

  static Stream<Arguments> settings() {
    int[] divisors = {1, 2, 3, 7, 32, 100, 1 << 20};
    return Stream.of(Precision.values())
        .flatMap(
            precision ->
                Stream.of(1, 0.1, 0.3, 1e-3)
                    .map(rate -> Arguments.of(precision, divisors, rate.doubleValue())));
  }

  @ParameterizedTest
  @MethodSource("settings")
  void isDl4jsStep(Precision precision, int[] divisors, double rate) {
    double[] before = numbers(1, precision);
    double[] gradient = numbers(2, precision);
    GradientDescent descent = new GradientDescent(precision);
    assertEquals(precision, descent.precision());
    for (int n : divisors) {
      double[] expectedUpdate = dl4jUpdate(gradient, precision, n, rate);
      double[] expected = dl4jStep(before, expectedUpdate, precision);
      Matrix parameters = matrix(before, precision);
      Matrix update = matrix(gradient, precision);
      descent.update(update, 0, LENGTH, n, rate);
      assertArrayEquals(expectedUpdate, elements(update));
      descent.step(parameters, update, 0, LENGTH);
      assertArrayEquals(expected, elements(parameters));
      assertArrayEquals(expectedUpdate, elements(update));

      parameters = matrix(before, precision);
      update = matrix(gradient, precision);
      descent.updateAndStep(parameters, update, 0, LENGTH, n, rate);
      assertArrayEquals(expectedUpdate, elements(update));
      assertArrayEquals(expected, elements(parameters));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 100, 3999, 4000, 4001, 63_999, 64_000, 64_001, LENGTH - 5})
  void changesAStretchAndNothingBeside(int length) {
    for (Precision precision : Precision.values()) {
      double[] before = numbers(1, precision);
      double[] gradient = numbers(2, precision);
      double[] update = gradient.clone();
      double[] after = before.clone();
      System.arraycopy(dl4jUpdate(gradient, precision, 7, 0.1), 5, update, 5, length);
      System.arraycopy(dl4jStep(before, update, precision), 5, after, 5, length);
      GradientDescent descent = new GradientDescent(precision);
      Matrix updated = matrix(gradient, precision);
      descent.update(updated, 5, length, 7, 0.1);
      assertArrayEquals(update, elements(updated));
      Matrix parameters = matrix(before, precision);
      descent.step(parameters, matrix(update, precision), 5, length);
      assertArrayEquals(after, elements(parameters));
      parameters = matrix(before, precision);
      updated = matrix(gradient, precision);
      descent.updateAndStep(parameters, updated, 5, length, 7, 0.1);
      assertArrayEquals(update, elements(updated));
      assertArrayEquals(after, elements(parameters));
    }
  }

  @ParameterizedTest
  @EnumSource
  void subtractsAMatrixFromItself(Precision precision) {
    Matrix x = matrix(numbers(1, precision), precision);
    new GradientDescent(precision).step(x, x, 0, LENGTH);
    assertArrayEquals(new double[LENGTH], elements(x));
  }

  @Test
  void refusesOtherShapesAndWhatIsBeyondTheEnd() {
    GradientDescent descent = new GradientDescent(Precision.DOUBLE);
    Matrix six = Matrix.of(new double[6], 1, 6);
    Matrix twoByThree = Matrix.of(new double[6], 2, 3);
    assertRefused(
        IllegalArgumentException.class,
        () -> descent.step(twoByThree, six, 0, 6),
        "parameters must be [1, 6], was [2, 3]");
    assertRefused(
        IllegalArgumentException.class,
        () -> descent.updateAndStep(twoByThree, six, 0, 6, 7, 0.1),
        "parameters must be [1, 6], was [2, 3]");
    assertThrows(IndexOutOfBoundsException.class, () -> descent.update(six, 1, 6, 7, 0.1));
    assertThrows(IndexOutOfBoundsException.class, () -> descent.step(six, six, 1, 6));
  }
}
