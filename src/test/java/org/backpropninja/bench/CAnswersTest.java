package org.backpropninja.bench;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What Compare takes for learning, in the answers of C's side: the last two numbers are losses. */
class CAnswersTest {

  @Test
  void aLossFallsOnlyIfItIsLess() {
    assertTrue(CProgram.lossFell("1 3.4 3.3"));
    assertFalse(CProgram.lossFell("1 3.4 3.4"));
    assertFalse(CProgram.lossFell("1 3.4 NaN"));
  }

  @Test
  void aRuleIsFoundOnlyIfATenthIsLeft() {
    assertTrue(CProgram.ruleFound("3.4 0.33"));
    assertFalse(CProgram.ruleFound("3.4 0.35"));
    assertFalse(CProgram.ruleFound("3.4 NaN"));
  }
}
