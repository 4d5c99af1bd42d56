package org.backpropninja.check;

/** What a check has against a layer or loss. */
final class Finding extends AssertionError {

  private static final long serialVersionUID = 1;

  Finding(String message, Throwable cause) {
    super(message, cause);
  }
}
