package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.function.Executable;

/** Asserts that a call is refused, and that the message is one line saying exactly why. */
final class Refusals {
  private Refusals() {}

  static void assertRefused(
      Class<? extends RuntimeException> type, String message, Executable call) {
    RuntimeException refusal = assertThrows(type, call);
    assertEquals(message, refusal.getMessage());
  }

  static void assertRefused(String message, Executable call) {
    assertRefused(IllegalArgumentException.class, message, call);
  }
}
