package org.backpropninja.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stripes and their blocks cover each row once, in order, in pieces of the promised size. */
class StripesTest {

  private static final int ELEMENTS_OF_STRIPE = 1 << 16;

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 27, 200, 741, 1480, 1481, 65_536, 65_537, 100_000})
  void coverAMatrixWithoutGapsOrOverlaps(int columns) {
    for (int rows : new int[] {0, 1, 2, 22, 44, 45, 1000, 65_120, 65_121, 131_072}) {
      assertCovers(new Stripes(rows, columns), rows, columns);
    }
  }

  private static void assertCovers(Stripes stripes, int rows, int columns) {
    int[] next = {0};
    for (int stripe = 0; stripe < stripes.count(); stripe++) {
      int first = next[0];
      assertEquals(first, stripes.first(stripe));
      assertTrue(stripes.rows(stripe) > 0);
      assertTrue(stripes.rows(stripe) == 1 || holds(stripes.rows(stripe), columns));
      int firstBlock = Math.min(Block.rows(columns), stripes.rows(stripe));
      assertEquals(firstBlock, stripes.rowsOfFirstBlock(stripe));
      int end = first + stripes.rows(stripe);
      stripes.forEachBlock(
          stripe,
          (from, some) -> {
            assertEquals(next[0], from);
            int left = end - from;
            assertEquals(Math.min(Block.rows(columns), left), some);
            next[0] += some;
          });
      assertEquals(end, next[0]);
    }
    assertEquals(rows, next[0]);
  }

  private static boolean holds(int rows, int columns) {
    return (long) rows * columns <= ELEMENTS_OF_STRIPE;
  }

  /** All stripes but the last are as large, and too large to take a further block. */
  @ParameterizedTest
  @ValueSource(ints = {1, 27, 200, 1024, 2961})
  void shareALargeMatrixEvenly(int columns) {
    int rows = 10_000_000 / columns;
    Stripes stripes = new Stripes(rows, columns);
    assertTrue(stripes.count() >= 150);
    for (int stripe = 0; stripe < stripes.count() - 1; stripe++) {
      assertEquals(stripes.rows(0), stripes.rows(stripe));
    }
    assertFalse(holds(stripes.rows(0) + Block.rows(columns), columns));
    assertTrue(stripes.rows(stripes.count() - 1) <= stripes.rows(0));
  }

  @Test
  void aSmallMatrixIsOneStripe() {
    assertEquals(1, new Stripes(32, 200).count());
    assertEquals(1, new Stripes(300, 200).count());
    assertEquals(2, new Stripes(700, 100).count());
  }
}
