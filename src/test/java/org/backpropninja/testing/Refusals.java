package org.backpropninja.testing;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.junit.jupiter.api.function.Executable;

/** Asserts that bad input is refused with a message that helps. */
public final class Refusals {

  private Refusals() {}

  public static void assertRefused(Executable call, String... messageParts) {
    assertRefused(DL4JInvalidInputException.class, call, messageParts);
  }

  public static void assertRefused(
      Class<? extends RuntimeException> type, Executable call, String... messageParts) {
    String message = assertThrows(type, call).getMessage();
    for (String part : messageParts) {
      assertTrue(message.contains(part), () -> "\"" + message + "\" lacks \"" + part + "\"");
    }
  }
}
