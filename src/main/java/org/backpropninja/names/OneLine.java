package org.backpropninja.names;

/** Text from a file that came from anywhere, as it can stand in a message of one line. */
final class OneLine {
  private static final int LONGEST = 100;

  private OneLine() {}

  /** What an exception says, without the lines that follow the first. */
  static String of(Throwable e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : of(e.getMessage());
  }

  /** The first line, cut where it is long, with escapes for what a terminal would act on. */
  static String of(String text) {
    String line = text.lines().findFirst().orElse("");
    return line.codePointCount(0, line.length()) > LONGEST
        ? escaped(line.substring(0, line.offsetByCodePoints(0, LONGEST))) + "…"
        : escaped(line);
  }

  /** All of the text, with escapes for what a terminal would act on. */
  static String escaped(String text) {
    StringBuilder shown = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              if (isHarmless(c)) {
                shown.appendCodePoint(c);
              } else {
                shown.append("\\u%04x".formatted(c));
              }
            });
    return shown.toString();
  }

  /** Neither a control character, a line's end, a change of direction, nor half a character. */
  static boolean isHarmless(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE ->
          false;
      default -> true;
    };
  }
}
