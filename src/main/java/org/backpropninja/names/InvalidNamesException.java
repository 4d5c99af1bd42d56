package org.backpropninja.names;

/**
 * Names that cannot be used, with a message of one line that says where, what and what is allowed.
 *
 * <p>It is a type of its own so that a command line can print this message, which concerns its
 * user, and still let any other {@link IllegalArgumentException}, which is a bug, end with its
 * stack trace.
 */
public final class InvalidNamesException extends IllegalArgumentException {
  private final boolean isForSpace;

  /**
   * Refuses names that something else than {@link NamesFile} reads.
   *
   * @param message one line: where, what and what is allowed
   */
  public InvalidNamesException(String message) {
    this(message, false);
  }

  InvalidNamesException(String message, boolean isForSpace) {
    super(message);
    this.isForSpace = isForSpace;
  }

  InvalidNamesException(String message, Throwable cause) {
    super(message, cause);
    isForSpace = false;
  }

  /**
   * Tells whether {@link NamesFile.Spaces#WITHIN_NAMES} is the way out.
   *
   * @return true if a name was refused for a space within it
   */
  public boolean isForSpace() {
    return isForSpace;
  }
}
