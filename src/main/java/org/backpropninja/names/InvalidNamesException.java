package org.backpropninja.names;

/**
 * Names that cannot be used, with a message of one line that says where, what and what is allowed.
 *
 * <p>It is a type of its own so that a command line can print this message, which concerns its
 * user, and still let any other {@link IllegalArgumentException}, which is a bug, end with its
 * stack trace.
 */
public final class InvalidNamesException extends IllegalArgumentException {
  /**
   * Refuses names that something else than {@link NamesFile} reads.
   *
   * @param message one line: where, what and what is allowed
   */
  public InvalidNamesException(String message) {
    super(message);
  }

  InvalidNamesException(String message, Throwable cause) {
    super(message, cause);
  }
}
