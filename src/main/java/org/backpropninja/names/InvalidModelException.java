package org.backpropninja.names;

/**
 * A model file that is not read, with a message of one line that says which entry, what and what is
 * allowed.
 *
 * <p>It is a type of its own for the reason that {@link InvalidNamesException} gives.
 */
public final class InvalidModelException extends IllegalArgumentException {
  InvalidModelException(String message) {
    super(message);
  }

  InvalidModelException(String message, Throwable cause) {
    super(message, cause);
  }
}
