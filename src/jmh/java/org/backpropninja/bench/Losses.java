package org.backpropninja.bench;

/**
 * Whether a network learned, as a peer's answer tells: its last two numbers are a loss before and
 * after.
 */
record Losses(double before, double after) {

  private static final double LEFT = 0.1; // of the loss, at most, where a rule was found

  static Losses of(String answer) {
    String[] numbers = answer.split(" ");
    return new Losses(
        Double.parseDouble(numbers[numbers.length - 2]),
        Double.parseDouble(numbers[numbers.length - 1]));
  }

  boolean fell() {
    return after < before;
  }

  /** Not only progress: what is left is next to nothing. */
  boolean ruleFound() {
    return after < LEFT * before;
  }
}
