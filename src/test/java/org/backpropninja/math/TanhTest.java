package org.backpropninja.math;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

/** Our tangent against {@code Math.tanh}. */
class TanhTest {

  @Test
  void isExactToTwoUnitsInTheFifteenthDigit() {
    Random random = new Random(1);
    for (double scale : new double[] {1e-300, 1e-9, 1e-3, 0.1, 1, 5, 100}) {
      double[] x = DoubleStream.generate(() -> scale * random.nextGaussian()).limit(5000).toArray();
      double[] h = x.clone();
      Tanh.forwardInPlace(h, h.length);
      for (int k = 0; k < x.length; k++) {
        double exact = Math.tanh(x[k]);
        assertEquals(exact, h[k], 2e-15 * Math.abs(exact), "tanh " + x[k]);
        assertTrue(Math.abs(h[k]) <= 1, "tanh " + x[k]);
      }
    }
  }

  @Test
  void isOddAndKeepsItsEnds() {
    double[] h = {0.0, -0.0, Double.NaN, Double.POSITIVE_INFINITY, -1e9, 0.7, -0.7};
    Tanh.forwardInPlace(h, h.length);
    assertEquals(0.0, h[0]);
    assertEquals(-0.0, h[1]);
    assertEquals(Double.NaN, h[2]);
    assertEquals(1, h[3], 1e-15);
    assertEquals(-1, h[4], 1e-15);
    assertEquals(h[5], -h[6]);
  }

  @Test
  void leavesWhatIsBeyondTheLength() {
    double[] h = {1, 1, 1};
    Tanh.forwardInPlace(h, 1);
    assertArrayEquals(new double[] {Math.tanh(1), 1, 1}, h, 1e-15);
  }

  @Test
  void isExactToFourUnitsInTheSeventhDigitInFloat() {
    Random random = new Random(1);
    for (double scale : new double[] {1e-30, 1e-9, 1e-3, 0.1, 1, 5, 9, 1e4, 1e30}) {
      float[] x = new float[5000];
      for (int k = 0; k < x.length; k++) {
        x[k] = (float) (scale * random.nextGaussian());
      }
      float[] h = x.clone();
      Tanh.forwardInPlace(h, h.length);
      for (int k = 0; k < x.length; k++) {
        double exact = Math.tanh(x[k]);
        assertEquals(exact, h[k], 4e-7 * Math.abs(exact), "tanh " + x[k]);
        assertTrue(Math.abs(h[k]) <= 1, "tanh " + x[k]);
      }
    }
  }

  @Test
  void isOddAndKeepsItsEndsInFloat() {
    float[] h = {0, -0f, Float.NaN, Float.POSITIVE_INFINITY, -1e9f, 0.7f, -0.7f, 9.5f, 3e38f};
    Tanh.forwardInPlace(h, h.length);
    assertArrayEquals(new float[] {0, -0f, Float.NaN, 1, -1, h[5], -h[5], 1, 1}, h);
    assertEquals(Math.tanh(0.7), h[5], 2e-7);
  }

  @Test
  void goesBackInFloat() {
    float[] h = {0.5f, -0.25f, 1, 0.1f};
    float[] dh = {2, 4, 3, 7};
    Tanh.backwardInPlace(h, dh, 3);
    assertArrayEquals(new float[] {1.5f, 3.75f, 0, 7}, dh);
  }

  @Test
  void goesBackInDouble() {
    double[] z = Numbers.doubles(1, 20, 0, 2);
    double[] h = z.clone();
    Tanh.forwardInPlace(h, 19);
    double[] dh = Numbers.doubles(2, 20, 0, 2);
    double[] dz = dh.clone();
    Tanh.backwardInPlace(h, dz, 19);
    double[] derivative = new double[20];
    Arrays.setAll(derivative, k -> k == 19 ? dh[k] : dh[k] / Math.pow(Math.cosh(z[k]), 2));
    assertClose("dz", derivative, dz, 1e-14);
  }
}
