package org.backpropninja.names;

/** Which characters a name may hold, by Unicode's properties of the code point. */
final class NameCharacters {
  private static final int BYTE_ORDER_MARK = 0xFEFF;
  private static final int NEXT_LINE = 0x85;

  private NameCharacters() {}

  /**
   * Says what keeps a character out of all names.
   *
   * <p>A terminal acts on control characters and directional marks, and names are printed there. A
   * joiner, as emoji and Persian have it, only joins.
   *
   * @return what the character is; null if a name may hold it
   */
  static String fault(int codePoint) {
    if (codePoint == Vocabulary.END) {
      return "the end marker";
    }
    if (codePoint == BYTE_ORDER_MARK) {
      return "a byte order mark";
    }
    if (codePoint != ' ' && isSpace(codePoint)) {
      return "white space";
    }
    if (isDirectional(codePoint)) {
      return "a directional mark";
    }
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL -> "a control character";
      case Character.SURROGATE -> "half of a surrogate pair";
      default -> null;
    };
  }

  /** White space as Python's {@code str.strip} has it, no-break spaces among it. */
  static boolean isSpace(int codePoint) {
    return Character.isWhitespace(codePoint)
        || Character.isSpaceChar(codePoint)
        || codePoint == NEXT_LINE;
  }

  /** Unicode's property Bidi_Control: what has no shape and turns the text around it. */
  private static boolean isDirectional(int codePoint) {
    return codePoint == 0x061C
        || 0x200E <= codePoint && codePoint <= 0x200F
        || 0x202A <= codePoint && codePoint <= 0x202E
        || 0x2066 <= codePoint && codePoint <= 0x2069;
  }
}
