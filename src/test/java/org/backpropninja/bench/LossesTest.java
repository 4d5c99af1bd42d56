package org.backpropninja.bench;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What Compare takes for learning, in the answers of its peers. */
class LossesTest {

  @Test
  void aLossFallsOnlyIfItIsLess() {
    assertTrue(Losses.of("1 3.4 3.3").fell());
    assertFalse(Losses.of("1 3.4 3.4").fell());
    assertFalse(Losses.of("1 3.4 NaN").fell());
  }

  @Test
  void aRuleIsFoundOnlyIfATenthIsLeft() {
    assertTrue(Losses.of("3.4 0.33").ruleFound());
    assertFalse(Losses.of("3.4 0.35").ruleFound());
    assertFalse(Losses.of("3.4 NaN").ruleFound());
  }
}
