import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What makemore.py reads from a file, and whether this project takes it: written by the rules, with
 * nothing of Java's own about characters.
 *
 * @param names by Python's {@code splitlines}, {@code strip} and {@code if w}; empty if the file is
 *     not UTF-8
 * @param unusable the first line, from 1, that is not UTF-8 or holds no name; 0 if there is none
 */
record NamesByPythonsRules(List<String> names, int unusable) {
  private static final Set<Integer> WHITE_SPACE =
      Set.of(
          0x9, 0xA, 0xB, 0xC, 0xD, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x2001,
          0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029,
          0x202F, 0x205F, 0x3000);
  private static final Set<Integer> LINE_ENDS = // of splitlines
      Set.of(0xA, 0xB, 0xC, 0xD, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029);
  private static final Set<Integer> DIRECTIONAL =
      Set.of(
          0x61C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068,
          0x2069);
  private static final int BYTE_ORDER_MARK = 0xFEFF;

  static NamesByPythonsRules of(Path file, boolean spaces) throws Exception {
    byte[] bytes = Files.readAllBytes(file);
    List<Integer> text = new ArrayList<>();
    int at = 0;
    while (at < bytes.length) {
      int length = length(bytes, at);
      if (length == 0) {
        return new NamesByPythonsRules(List.of(), lines(text, Set.of(0xA, 0xD)).size());
      }
      text.add(codePoint(bytes, at, length));
      at += length;
    }
    if (!text.isEmpty() && text.get(0) == BYTE_ORDER_MARK) {
      text.remove(0);
    }
    return new NamesByPythonsRules(names(text), unusable(text, spaces));
  }

  // UTF-8, by table 3-7 of the Unicode standard

  /** Of the character that starts there; 0 if none does. */
  private static int length(byte[] bytes, int at) {
    int first = bytes[at] & 0xFF;
    int second = at + 1 < bytes.length ? bytes[at + 1] & 0xFF : 0;
    int length =
        first < 0x80
            ? 1
            : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    boolean isBadSecond =
        first == 0xE0 && second < 0xA0
            || first == 0xED && second > 0x9F
            || first == 0xF0 && second < 0x90
            || first == 0xF4 && second > 0x8F;
    if (isBadSecond) {
      return 0;
    }
    for (int k = 1; k < length; k++) {
      if (at + k >= bytes.length || (bytes[at + k] & 0xC0) != 0x80) {
        return 0;
      }
    }
    return length;
  }

  private static int codePoint(byte[] bytes, int at, int length) {
    int first = bytes[at] & 0xFF;
    int codePoint = length == 1 ? first : first & (0x7F >> length);
    for (int k = 1; k < length; k++) {
      codePoint = codePoint << 6 | bytes[at + k] & 0x3F;
    }
    return codePoint;
  }

  // Lines; the last one has no end, and may be empty

  private static List<List<Integer>> lines(List<Integer> text, Set<Integer> ends) {
    List<List<Integer>> lines = new ArrayList<>();
    lines.add(new ArrayList<>());
    for (int i = 0; i < text.size(); i++) {
      int c = text.get(i);
      boolean isSecondOfTwo = c == 0xA && i > 0 && text.get(i - 1) == 0xD;
      if (!ends.contains(c)) {
        lines.get(lines.size() - 1).add(c);
      } else if (!isSecondOfTwo) {
        lines.add(new ArrayList<>());
      }
    }
    return lines;
  }

  private static List<Integer> strip(List<Integer> line) {
    int from = 0;
    int to = line.size();
    while (from < to && WHITE_SPACE.contains(line.get(from))) {
      from++;
    }
    while (to > from && WHITE_SPACE.contains(line.get(to - 1))) {
      to--;
    }
    return line.subList(from, to);
  }

  private static List<String> names(List<Integer> text) {
    List<String> names = new ArrayList<>();
    for (List<Integer> line : lines(text, LINE_ENDS)) {
      StringBuilder name = new StringBuilder();
      strip(line).forEach(name::appendCodePoint);
      if (!name.isEmpty()) {
        names.add(name.toString());
      }
    }
    return names;
  }

  // What this project refuses

  private static int unusable(List<Integer> text, boolean spaces) {
    List<List<Integer>> lines = lines(text, Set.of(0xA, 0xD));
    for (int i = 0; i < lines.size(); i++) {
      List<Integer> name = strip(lines.get(i));
      if (name.size() == 1 || !isUsable(name, spaces)) {
        return i + 1;
      }
    }
    return 0;
  }

  private static boolean isUsable(List<Integer> name, boolean spaces) {
    for (int i = 0; i < name.size(); i++) {
      int c = name.get(i);
      boolean isSingleSpace = spaces && c == ' ' && name.get(i - 1) != ' ';
      boolean isControl = c < 0x20 || 0x7F <= c && c < 0xA0;
      boolean isUnusable =
          c == '.'
              || isControl
              || WHITE_SPACE.contains(c)
              || DIRECTIONAL.contains(c)
              || c == BYTE_ORDER_MARK;
      if (isUnusable && !isSingleSpace) {
        return false;
      }
    }
    return true;
  }

  /** How many different characters the names have. */
  int characters() {
    Set<Integer> all = new HashSet<>();
    names.forEach(name -> name.codePoints().forEach(all::add));
    return all.size();
  }
}
