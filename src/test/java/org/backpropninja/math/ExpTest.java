package org.backpropninja.math;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Our exponential against {@code Math.exp}. */
class ExpTest {

  private static double[] exp(double... x) {
    double[] y = new double[x.length];
    new Exp().of(x, y, x.length);
    return y;
  }

  private static float[] exp(float... x) {
    float[] y = new float[x.length];
    new Exp().of(x, y, x.length);
    return y;
  }

  @Test
  void isExactToTwoUnitsInTheLastPlace() {
    for (double most : new double[] {1e-12, 1e-3, 0.35, 1, 10, 708}) {
      double[] x = new Random(1).doubles(5000, -most, 0).toArray();
      double[] exp = exp(x);
      for (int k = 0; k < x.length; k++) {
        assertEquals(Math.exp(x[k]), exp[k], 2 * Math.ulp(Math.exp(x[k])), "exp " + x[k]);
      }
    }
  }

  /** Down to −87.3, where the exponential is no normal float any more. */
  @Test
  void isExactToTwoUnitsInTheSeventhDigitInFloat() {
    for (double most : new double[] {1e-12, 1e-3, 0.35, 1, 10, 87.3}) {
      float[] x = Numbers.rounded(new Random(1).doubles(5000, -most, 0).toArray());
      float[] exp = exp(x);
      for (int k = 0; k < x.length; k++) {
        double exact = Math.exp(x[k]);
        assertEquals(exact, exp[k], 2e-7 * exact, "exp " + x[k]);
      }
    }
  }

  @Test
  void keepsItsEnds() {
    assertArrayEquals(
        new double[] {1, 1, Double.NaN, 0, 0, 0, Math.exp(-708)},
        exp(0.0, -0.0, Double.NaN, Double.NEGATIVE_INFINITY, -1e9, -710.0, -708.0),
        1e-322);
  }

  /** From −88 on down it is 0, never a number of another sign or size. */
  @Test
  void keepsItsEndsInFloat() {
    assertArrayEquals(
        new float[] {1, 1, Float.NaN, 0, 0, 0, 0, 0},
        exp(0f, -0f, Float.NaN, Float.NEGATIVE_INFINITY, -3e38f, -1e9f, -103f, -88f));
    float least = Float.MIN_NORMAL;
    for (float x = -88; x < -87; x += 1 / 256f) {
      assertEquals(Math.exp(x), exp(x)[0], least, "exp " + x);
    }
  }

  @Test
  void leavesWhatIsBeyondTheLengthAndTakesOneArrayForBoth() {
    double[] x = {-1, -1, -1};
    new Exp().of(x, x, 2);
    assertArrayEquals(new double[] {Math.exp(-1), Math.exp(-1), -1}, x, 1e-16);
    float[] floats = {-1, -1, -1};
    new Exp().of(floats, floats, 2);
    float e = (float) Math.exp(-1);
    assertArrayEquals(new float[] {e, e, -1}, floats, 1e-7f);
  }
}
