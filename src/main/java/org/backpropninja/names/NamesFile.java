package org.backpropninja.names;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Reads a file of names, one a line, and refuses what the network could not learn from.
 *
 * <p>The file is UTF-8. Lines end as on Unix, Windows or old Macs. A byte order mark at the start,
 * which Windows editors write, is skipped. White space around a name is stripped and blank lines
 * are skipped wherever they are, because no name is lost by it. Names keep their case, and a name
 * may occur more than once.
 *
 * <p>Source: {@code splitlines}, {@code strip} and {@code if w} of makemore.py.
 */
public final class NamesFile {
  private static final String BYTE_ORDER_MARK = "\uFEFF";
  private static final int MOST_BYTES = Integer.MAX_VALUE - 8; // of an array

  private NamesFile() {}

  /** Whether names may hold spaces. */
  public enum Spaces {
    /** White space within a name is refused: the file may be a table, or have two names a line. */
    REFUSED("none of them '%c', white space, control or directional mark"),

    /** Single spaces (U+0020) are characters like others; other white space is refused. */
    WITHIN_NAMES(
        "single spaces among them, but no '%c', other white space, control or directional mark");

    private final String rule;

    Spaces(String characters) {
      rule = "a name is 2 or more characters, " + characters.formatted(Vocabulary.END);
    }
  }

  /**
   * Reads names without spaces.
   *
   * @param file as in {@link #read(Path, Spaces)}
   * @return the names
   * @throws InvalidNamesException as in {@link #read(Path, Spaces)}
   */
  public static List<String> read(Path file) {
    return read(file, Spaces.REFUSED);
  }

  /**
   * Reads the names.
   *
   * @param file a UTF-8 file with one name a line
   * @param spaces whether names may hold spaces
   * @return the names in the file's order, at least one; the list cannot be changed
   * @throws InvalidNamesException if there is no such file, it cannot be read, holds no name or is
   *     not UTF-8, or if a line holds no valid name: fewer than 2 characters, the end marker '.',
   *     white space that is not allowed, control characters or directional marks
   */
  public static List<String> read(Path file, Spaces spaces) {
    String text = decode(bytes(file), before -> line(file, (before + "?").lines().count()));
    List<String> lines =
        (text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text).lines().toList();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      String name = strip(lines.get(i));
      if (!name.isEmpty()) {
        requireName(line(file, i + 1), name, spaces);
        names.add(name);
      }
    }
    if (names.isEmpty()) {
      throw new InvalidNamesException("%s holds no name; %s".formatted(shown(file), spaces.rule));
    }
    return Collections.unmodifiableList(names);
  }

  /**
   * Decodes and checks one line of a file that something else than this class reads by lines.
   *
   * @param where the line is, as "names.txt, line 3", for the message
   * @param utf8 the line without its end
   * @return the name; empty if the line is blank
   * @throws InvalidNamesException if the line is not UTF-8 or holds no name that {@link
   *     #read(Path)} takes
   */
  public static Optional<String> name(String where, byte[] utf8) {
    String name = strip(decode(utf8, before -> where));
    if (name.isEmpty()) {
      return Optional.empty();
    }
    requireName(where, name, Spaces.REFUSED);
    return Optional.of(name);
  }

  private static String line(Path file, long line) {
    return "%s, line %d".formatted(shown(file), line);
  }

  private static String shown(Path file) {
    return OneLine.escaped(file.toString());
  }

  private static byte[] bytes(Path file) {
    String shown = shown(file);
    if (Files.notExists(file)) {
      throw new InvalidNamesException("%s does not exist".formatted(shown));
    }
    if (Files.isDirectory(file)) {
      throw new InvalidNamesException("%s is a directory, not a file of names".formatted(shown));
    }
    try {
      // A pipe or a device might never end.
      if (Files.exists(file) && !Files.isRegularFile(file)) {
        throw new InvalidNamesException("%s is no regular file; copy it to one".formatted(shown));
      }
      if (Files.size(file) > MOST_BYTES) {
        throw new InvalidNamesException(
            "%s has %d bytes, must have at most %d".formatted(shown, Files.size(file), MOST_BYTES));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InvalidNamesException(
          "%s cannot be read: %s".formatted(shown, OneLine.escaped(e.toString())), e);
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

  /** The line without what Python's {@code str.strip} takes off. */
  private static String strip(String line) {
    int from = 0;
    int to = line.length();
    while (from < to && NameCharacters.isSpace(line.charAt(from))) {
      from++;
    }
    while (from < to && NameCharacters.isSpace(line.charAt(to - 1))) {
      to--;
    }
    return line.substring(from, to);
  }

  private static void requireName(String where, String name, Spaces spaces) {
    int[] characters = name.codePoints().toArray();
    for (int i = 0; i < characters.length; i++) {
      int c = characters[i];
      boolean isSpace = c == ' ';
      String fault = isSpace ? fault(spaces, characters[i - 1]) : NameCharacters.fault(c);
      if (fault != null) {
        throw refusal(where, name, "holds %s (U+%04X)".formatted(fault, c), spaces, isSpace);
      }
    }
    if (characters.length < 2) {
      throw refusal(where, name, "has only one character", spaces, false);
    }
  }

  /** Says what is wrong with a space, which never is a name's first character. */
  private static String fault(Spaces spaces, int before) {
    if (spaces == Spaces.REFUSED) {
      return "white space";
    }
    return before == ' ' ? "two spaces in a row" : null;
  }

  private static InvalidNamesException refusal(
      String where, String name, String fault, Spaces spaces, boolean isForSpace) {
    return new InvalidNamesException(
        "%s: \"%s\" %s; %s".formatted(where, OneLine.of(name), fault, spaces.rule),
        isForSpace && spaces == Spaces.REFUSED);
  }
}
