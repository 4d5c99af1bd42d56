package org.backpropninja.math;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Our exponential against {@code Math.exp}. */
class ExpTest {

  @Test
  void isExactToTwoUnitsInTheLastPlace() {
    for (double most : new double[] {1e-12, 1e-3, 0.35, 1, 10, 708}) {
      double[] x = new Random(1).doubles(5000, -most, 0).toArray();
      double[] exp = x.clone();
      new Exp().inPlace(exp, exp.length);
      for (int k = 0; k < x.length; k++) {
        assertEquals(Math.exp(x[k]), exp[k], 2 * Math.ulp(Math.exp(x[k])), "exp " + x[k]);
      }
    }
  }

  @Test
  void keepsItsEnds() {
    double[] exp = {0, -0.0, Double.NaN, Double.NEGATIVE_INFINITY, -1e9, -710, -708};
    new Exp().inPlace(exp, exp.length);
    assertArrayEquals(new double[] {1, 1, Double.NaN, 0, 0, 0, Math.exp(-708)}, exp, 1e-322);
  }

  @Test
  void leavesWhatIsBeyondTheLength() {
    double[] exp = {-1, -1, -1};
    new Exp().inPlace(exp, 2);
    assertEquals(-1, exp[2]);
    assertEquals(Math.exp(-1), exp[1], 1e-16);
  }
}
