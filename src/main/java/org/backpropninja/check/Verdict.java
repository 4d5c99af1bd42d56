package org.backpropninja.check;

/** What a check found. */
public enum Verdict {
  /** The layer or loss does what the check asks for. */
  PASSED("passed"),
  /** It does something else. */
  FAILED("failed"),
  /** It fails the check, as declared by {@code expectFailure}. */
  EXPECTED_FAILURE("expected failure"),
  /** It passes a check that was declared to fail, so the declaration is out of date. */
  UNEXPECTED_PASS("unexpected pass"),
  /** The check asks for what the layer or loss does not claim to do. */
  NOT_APPLICABLE("not applicable"),
  /** An exception that no refusal called for. */
  ERROR("error");

  private final String words;

  Verdict(String words) {
    this.words = words;
  }

  /** Whether a run with this verdict has not passed. */
  boolean isBad() {
    return this == FAILED || this == UNEXPECTED_PASS || this == ERROR;
  }

  /** The verdict in words, lower case. */
  @Override
  public String toString() {
    return words;
  }
}
