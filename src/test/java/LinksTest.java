import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The links of all pages, the READMEs and those in docs/, lead to a file and to a heading in it.
 */
class LinksTest {

  private static final Pattern CODE =
      Pattern.compile("^```.*?^```|`[^`\n]*`", Pattern.MULTILINE | Pattern.DOTALL);

  /** {@code [text](target)}, {@code ![text](target)} and HTML's {@code src} and {@code href}. */
  private static final Pattern LINK =
      Pattern.compile("\\]\\(([^)\\s]+)(?:\\s+\"[^\"]*\")?\\)|(?:src|href)=\"([^\"]+)\"");

  private static final Pattern HEADING =
      Pattern.compile("^#{1,6} +(.+?)(?: +#+)?$", Pattern.MULTILINE);

  static Stream<Path> pages() throws IOException {
    try (Stream<Path> docs = Files.walk(Path.of("docs"))) {
      List<Path> pages = docs.filter(page -> page.toString().endsWith(".md")).sorted().toList();
      return Stream.concat(
          Stream.of(Path.of("README.md"), Path.of("examples/spark/README.md")), pages.stream());
    }
  }

  private static String withoutCode(Path page) throws IOException {
    return CODE.matcher(Files.readString(page)).replaceAll("");
  }

  private static List<String> links(String text) {
    return LINK.matcher(text)
        .results()
        .map(link -> link.group(1) == null ? link.group(2) : link.group(1))
        .toList();
  }

  private static boolean isOnTheWeb(String link) {
    return link.startsWith("https://") || link.startsWith("http://");
  }

  @ParameterizedTest
  @MethodSource("pages")
  void linksLeadSomewhere(Path page) throws IOException {
    for (String link : links(withoutCode(page))) {
      if (!isOnTheWeb(link)) {
        assertLeadsSomewhere(page, link);
      }
    }
  }

  private static void assertLeadsSomewhere(Path page, String link) throws IOException {
    String[] fileAndHeading = link.split("#", 2);
    Path target = fileAndHeading[0].isEmpty() ? page : page.resolveSibling(fileAndHeading[0]);
    assertTrue(Files.exists(target), () -> page + " links to " + target + ", which is not there");
    if (fileAndHeading.length == 2) {
      List<String> anchors = anchors(Files.readString(target));
      assertTrue(
          anchors.contains(fileAndHeading[1]),
          () -> page + " links to " + link + ", which is none of " + anchors);
    }
  }

  /** GitHub's names of a page's headings; of equal ones the second ends in -1, and so on. */
  private static List<String> anchors(String text) {
    Map<String, Integer> seen = new HashMap<>();
    List<String> anchors = new ArrayList<>();
    String withoutBlocks =
        Pattern.compile("^```.*?^```", Pattern.MULTILINE | Pattern.DOTALL)
            .matcher(text)
            .replaceAll("");
    for (MatchResult heading : HEADING.matcher(withoutBlocks).results().toList()) {
      String shown = heading.group(1).replaceAll("!?\\[([^\\]]*)\\]\\([^)]*\\)", "$1");
      String anchor =
          shown
              .toLowerCase(Locale.ROOT)
              .replaceAll("[^\\p{L}\\p{M}\\p{N}\\p{Pc} -]", "")
              .replace(' ', '-');
      int before = seen.merge(anchor, 1, Integer::sum) - 1;
      anchors.add(before == 0 ? anchor : anchor + "-" + before);
    }
    return anchors;
  }

  /** As GitHub shows them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "# The matrix product, element by element | the-matrix-product-element-by-element",
        "### `countsSumInv` | countssuminv",
        "## n − 1 or n? | n--1-or-n",
        "## See [this page](page.md) | see-this-page",
        "## A_b, x-ray & co. ## | a_b-x-ray--co"
      })
  void anchorsAreThoseOfGitHub(String heading, String anchor) {
    assertEquals(List.of(anchor), anchors(heading));
    assertEquals(List.of(anchor, anchor + "-1"), anchors(heading + "\n\n" + heading + "\n"));
    assertEquals(List.of(), anchors("```\n" + heading + "\n```\n"));
  }

  /** Counted without the pattern, which might no longer match what people write. */
  @ParameterizedTest
  @MethodSource("pages")
  void noLinkIsOverlooked(Path page) throws IOException {
    String text = withoutCode(page);
    int written = 0;
    for (String beginning : List.of("](", "src=\"", "href=\"")) {
      written += text.split(Pattern.quote(beginning), -1).length - 1;
    }
    assertEquals(written, links(text).size(), page + " has a link that is not checked");
    assertEquals(
        List.of(),
        text.lines().filter(line -> line.startsWith("[") && line.contains("]:")).toList(),
        page + " defines a link apart from its use, which is not checked");
  }

  @Test
  void theReadmeAndTheDocsAreAmongThePages() throws IOException {
    List<Path> pages = pages().toList();
    for (String page : List.of("README.md", "docs/architecture.md", "docs/derivations.md")) {
      assertTrue(pages.contains(Path.of(page)), page);
    }
    assertTrue(
        links(withoutCode(Path.of("README.md"))).stream().anyMatch(link -> !isOnTheWeb(link)));
  }
}
