import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Pieces of a page. What comes from outside becomes text, whatever it holds. */
final class Html {
  private static final int LONGEST = 200; // code points

  /** In place of a number that is none. */
  static final String NOTHING = "–";

  private Html() {}

  /** Not in the user's language, because the page is in English. */
  static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** Three digits, with a minus sign; a dash for NaN. */
  static String number(double value) {
    if (Double.isNaN(value)) {
      return NOTHING;
    }
    return (Double.isInfinite(value)
            ? format("%+f", value).replace("Infinity", "∞")
            : format("%.3g", value))
        .replace("-", "−");
  }

  /** Escapes a text for an element or a quoted attribute. */
  static String text(String text) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints().forEach(c -> escaped.append(character(c)));
    return escaped.toString();
  }

  /** The same for a text that may be long: the page shows its start. */
  static String shortText(String text) {
    return text(cut(text));
  }

  /** The start of a text that is long. */
  static String cut(String text) {
    return text.codePointCount(0, text.length()) <= LONGEST
        ? text
        : text.substring(0, text.offsetByCodePoints(0, LONGEST)) + "…";
  }

  private static String character(int c) {
    return switch (c) {
      case '<' -> "&lt;";
      case '>' -> "&gt;";
      case '&' -> "&amp;";
      case '"' -> "&quot;";
      case '\'' -> "&#39;";
      case '\n', '\t' -> Character.toString(c);
      default -> visible(c);
    };
  }

  /** A letter as it is shown alone: a space, and what has no shape, by something that has one. */
  static String letter(String letter) {
    return letter.equals(" ")
        ? "␣"
        : letter.codePoints().mapToObj(Html::visible).collect(Collectors.joining());
  }

  /** What neither HTML nor XML can hold is shown by its number. */
  private static String visible(int c) {
    int type = Character.getType(c);
    boolean allowed =
        type != Character.CONTROL && type != Character.SURROGATE && (c & 0xFFFE) != 0xFFFE;
    return allowed ? Character.toString(c) : format("U+%04X", c);
  }

  /** A section with a heading. */
  static String section(String heading, String... content) {
    return "<section>\n<h2>"
        + text(heading)
        + "</h2>\n"
        + String.join("\n", content)
        + "\n</section>\n";
  }

  /** A paragraph that explains; its content is HTML. */
  static String note(String html) {
    return "<p class=\"note\">" + html + "</p>";
  }

  /** A table of HTML cells; a column of numbers is aligned to its right. */
  static String table(String caption, List<String> header, List<List<String>> rows) {
    return table(caption, header, rows, " class=\"number\"");
  }

  /** A table of HTML cells that hold text. */
  static String texts(String caption, List<String> header, List<List<String>> rows) {
    return table(caption, header, rows, "");
  }

  private static String table(
      String caption, List<String> header, List<List<String>> rows, String attribute) {
    return "<div class=\"wide\" tabindex=\"0\"><table><caption>"
        + text(caption)
        + "</caption><thead><tr>"
        + cells("th", header, attribute)
        + "</tr></thead><tbody>"
        + rows.stream()
            .map(row -> "<tr>" + cells("td", row, attribute) + "</tr>")
            .collect(Collectors.joining("\n"))
        + "</tbody></table></div>";
  }

  /** The first cell names the row. */
  private static String cells(String element, List<String> cells, String attribute) {
    String scope = element.equals("th") ? "col" : "row";
    StringBuilder html = new StringBuilder("<th scope=\"" + scope + "\">" + cells.get(0) + "</th>");
    for (String cell : cells.subList(1, cells.size())) {
      html.append("<%s%s>%s</%s>".formatted(element, attribute, cell, element));
    }
    return html.toString();
  }

  /** A list whose class says how it looks; nothing for an empty one. */
  static String list(String style, Collection<String> texts) {
    return texts.isEmpty()
        ? ""
        : texts.stream()
            .map(text -> "<li>" + text(text) + "</li>")
            .collect(Collectors.joining("", "<ul class=\"" + style + "\">", "</ul>"));
  }

  static String dataUri(String type, byte[] content) {
    return "data:" + type + ";base64," + Base64.getEncoder().encodeToString(content);
  }
}
