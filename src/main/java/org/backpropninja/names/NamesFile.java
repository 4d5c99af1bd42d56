package org.backpropninja.names;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Reads a file of names, one a line, and refuses what the network could not learn from.
 *
 * <p>The file is UTF-8. Lines end as on Unix, Windows or old Macs. A byte order mark at the start,
 * which Windows editors write, is skipped, and so is one blank line at the end. Names keep their
 * case, and a name may occur more than once.
 */
public final class NamesFile {
  private static final String ALLOWED =
      "a name is 2 or more characters up to U+FFFF, none of them '%c', white space or control"
          .formatted(Vocabulary.END);
  private static final String BYTE_ORDER_MARK = "\uFEFF";
  private static final int LONGEST_QUOTE = 40;

  private NamesFile() {}

  /**
   * Reads the names.
   *
   * @param file a UTF-8 file with one name a line
   * @return the names in the file's order, at least one; the list cannot be changed
   * @throws InvalidNamesException if there is no such file, it cannot be read, holds no name or is
   *     not UTF-8, or if a line is blank or holds no valid name: fewer than 2 characters, the end
   *     marker '.', white space, control characters or characters beyond U+FFFF, which one {@code
   *     char} cannot hold
   */
  public static List<String> read(Path file) {
    String text = decode(bytes(file), before -> line(file, (before + "?").lines().count()));
    List<String> lines =
        (text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text).lines().toList();
    int count = lines.size();
    if (count > 0 && lines.get(count - 1).isEmpty()) {
      count--;
    }
    if (count == 0) {
      throw new InvalidNamesException("%s holds no name; %s".formatted(file, ALLOWED));
    }
    List<String> names = lines.subList(0, count);
    for (int i = 0; i < count; i++) {
      requireName(line(file, i + 1), names.get(i));
    }
    return names;
  }

  /**
   * Decodes and checks one name of a file that something else than this class reads by lines.
   *
   * @param where of the name, as "names.txt, line 3", for the message
   * @param utf8 the line without its end
   * @return the name
   * @throws InvalidNamesException if the line is blank, not UTF-8 or no name that {@link #read}
   *     takes
   */
  public static String name(String where, byte[] utf8) {
    String name = decode(utf8, before -> where);
    requireName(where, name);
    return name;
  }

  private static String line(Path file, long line) {
    return "%s, line %d".formatted(file, line);
  }

  private static byte[] bytes(Path file) {
    if (Files.notExists(file)) {
      throw new InvalidNamesException("%s does not exist".formatted(file));
    }
    if (Files.isDirectory(file)) {
      throw new InvalidNamesException("%s is a directory, not a file of names".formatted(file));
    }
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InvalidNamesException("%s cannot be read: %s".formatted(file, e), e);
    }
  }

  /** Decodes; {@code where} tells, from the text before it, where a malformed byte is. */
  private static String decode(byte[] bytes, UnaryOperator<String> where) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length); // UTF-8 has no more chars than bytes
    CoderResult result = decoder.decode(in, out, true);
    String text = out.flip().toString();
    if (result.isError()) {
      throw new InvalidNamesException(
          "%s: byte 0x%02x is not UTF-8; save the file as UTF-8"
              .formatted(where.apply(text), in.get()));
    }
    return text;
  }

  private static void requireName(String where, String name) {
    String fault = fault(name);
    if (fault != null) {
      throw new InvalidNamesException(
          "%s: %s %s; %s".formatted(where, quote(name), fault, ALLOWED));
    }
  }

  /** Says what is wrong with a name; null if nothing is. */
  private static String fault(String name) {
    if (name.isBlank()) {
      return "is blank";
    }
    for (int i = 0; i < name.length(); i++) {
      String kind = unusable(name.charAt(i));
      if (kind != null) {
        return "holds %s (U+%04X)".formatted(kind, name.codePointAt(i));
      }
    }
    return name.length() < 2 ? "has only one character" : null;
  }

  private static String unusable(char c) {
    if (c == Vocabulary.END) {
      return "the end marker";
    }
    if (isSpace(c)) {
      return "white space";
    }
    if (Character.isISOControl(c)) {
      return "a control character";
    }
    return Character.isSurrogate(c) ? "a character beyond U+FFFF" : null;
  }

  /** White space in any of its kinds; a byte order mark within the text is a zero-width one. */
  private static boolean isSpace(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == BYTE_ORDER_MARK.charAt(0);
  }

  /** The name as it can be shown on one line of a terminal. */
  private static String quote(String name) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < Math.min(name.length(), LONGEST_QUOTE); i++) {
      char c = name.charAt(i);
      boolean visible = c == ' ' || !isSpace(c) && !Character.isISOControl(c);
      quoted.append(visible ? String.valueOf(c) : "\\u%04x".formatted((int) c));
    }
    return quoted.append(name.length() > LONGEST_QUOTE ? "…\"" : "\"").toString();
  }
}
