package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.Duration.ofSeconds;
import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.backpropninja.names.NamesFile.Spaces;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NamesFileTest {
  private static final String RULE =
      "; a name is 2 or more characters, none of them '.', white space, control or directional mark";
  private static final String RULE_WITH_SPACES =
      "; a name is 2 or more characters, single spaces among them, but no '.', other white space,"
          + " control or directional mark";

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void nameTheFile() {
    file = folder.resolve("people.txt");
  }

  @Test
  void readsTheProjectsNames() {
    List<String> names = NamesFile.read(Path.of("names.txt"));
    assertEquals(32178, names.size());
    assertEquals(List.of("emma", "olivia", "ava"), names.subList(0, 3));
    assertEquals(".abcdefghijklmnopqrstuvwxyz", Vocabulary.of(names).toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Zoë\nО\u0301ля\nEmma",
        "Zoë\nО\u0301ля\nEmma\n",
        "Zoë\nО\u0301ля\nEmma\n\n",
        "Zoë\r\nО\u0301ля\r\nEmma\r\n",
        "Zoë\r\nО\u0301ля\r\nEmma\r\n\r\n",
        "Zoë\rО\u0301ля\rEmma\r",
        "\uFEFFZoë\nО\u0301ля\nEmma\n",
        "\n\nZoë\n\n \t\nО\u0301ля\r\r\nEmma\n\n\n",
        "  Zoë\nО\u0301ля \t\n\u00a0Emma\u3000\u2028\n",
        "Zoë\u001c\nО\u0301ля\u0085\n\u000bEmma\f"
      })
  void takesEveryLineEndBlankLinesWhiteSpaceAroundNamesAndAByteOrderMark(String content)
      throws IOException {
    write(content, UTF_8);
    assertEquals(List.of("Zoë", "О\u0301ля", "Emma"), NamesFile.read(file));
  }

  @Test
  void takesCharactersOfEveryScriptAndEmoji() throws IOException {
    List<String> names =
        List.of("𐌀𐌁", "👩\u200d👧", "سارا\u200cبانو", "ნინო", "李明", "🏴󠁧󠁢󠁷󠁬󠁳󠁿!");
    write(String.join("\n", names), UTF_8);
    assertEquals(names, NamesFile.read(file));
  }

  @Test
  void takesSingleSpacesWithinNamesIfItIsTold() throws IOException {
    write(" Mary Ann\nde la Cruz \n", UTF_8);
    assertEquals(List.of("Mary Ann", "de la Cruz"), NamesFile.read(file, Spaces.WITHIN_NAMES));
    refusesLine(1, "Mary Ann\n", "\"Mary Ann\" holds white space (U+0020)");
    refusesSpaces("Mary  Ann", "holds two spaces in a row (U+0020)");
    refusesSpaces("Mary\tAnn", "holds white space (U+0009)");
    refusesSpaces("Mary\u00a0Ann", "holds white space (U+00A0)");
    refusesSpaces("Mary \u2003Ann", "holds white space (U+2003)");
  }

  private void refusesSpaces(String name, String fault) throws IOException {
    write("emma\n" + name, UTF_8);
    InvalidNamesException refusal =
        assertThrows(InvalidNamesException.class, () -> NamesFile.read(file, Spaces.WITHIN_NAMES));
    String shown = name.replace("\t", "\\u0009");
    assertEquals(
        "%s, line 2: \"%s\" %s%s".formatted(file, shown, fault, RULE_WITH_SPACES),
        refusal.getMessage());
    assertFalse(refusal.isForSpace());
  }

  @ParameterizedTest
  @CsvSource({"Mary Ann, true", "Mary\u00a0Ann, false", "M., false", "M, false"})
  void tellsWhetherSpacesAreTheWayOut(String name, boolean isForSpace) throws IOException {
    write(name, UTF_8);
    assertEquals(
        isForSpace,
        assertThrows(InvalidNamesException.class, () -> NamesFile.read(file)).isForSpace());
  }

  @Test
  void givesAListThatCannotBeChanged() throws IOException {
    write("emma\nemma\n", UTF_8);
    List<String> names = NamesFile.read(file);
    assertThrows(UnsupportedOperationException.class, () -> names.set(0, "ava"));
  }

  @Test
  void refusesWhatIsNoFileOfNames() throws IOException {
    refuses(" does not exist");
    Files.createDirectory(file);
    refuses(" is a directory, not a file of names");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n", "\r\n", "\uFEFF", "\uFEFF\n", " \n\t\n\n", "\u00a0"})
  void refusesAFileWithoutNames(String content) throws IOException {
    write(content, UTF_8);
    refuses(" holds no name" + RULE);
  }

  @Test
  void refusesWhatIsNotUtf8AndNamesItsLine() throws IOException {
    String notUtf8 = " is not UTF-8; save the file as UTF-8";
    write("emma\r\nava\r\nzoë\r\nmia\r\n", ISO_8859_1);
    refuses(", line 3: byte 0xeb" + notUtf8);
    write("émile\nava\n", ISO_8859_1);
    refuses(", line 1: byte 0xe9" + notUtf8);
    write("emma\nandré", ISO_8859_1); // ends in the midst of a character
    refuses(", line 2: byte 0xe9" + notUtf8);
    write("emma\n", UTF_16);
    refuses(", line 1: byte 0xfe" + notUtf8);
  }

  @Test
  void refusesShortNamesAndCountsBlankLines() throws IOException {
    refusesLine(3, "emma\nava\nx", "\"x\" has only one character");
    refusesLine(5, "\r\nemma\r\n\r\n \r\n x ", "\"x\" has only one character");
    refusesLine(1, "😀", "\"😀\" has only one character");
  }

  @Test
  void refusesCharactersThatNoNameHas() throws IOException {
    refusesLine(2, "emma\na.va\n", "\"a.va\" holds the end marker (U+002E)");
    refusesLine(1, ".\n", "\".\" holds the end marker (U+002E)");
    refusesLine(1, "emma\tF\n", "\"emma\\u0009F\" holds white space (U+0009)");
    refusesLine(1, "em\u00a0ma\n", "\"em\u00a0ma\" holds white space (U+00A0)");
    refusesLine(1, "em\u2028ma\n", "\"em\\u2028ma\" holds white space (U+2028)");
    refusesLine(2, "emma\n\uFEFFava\n", "\"\\ufeffava\" holds a byte order mark (U+FEFF)");
    refusesLine(1, "em\0ma\n", "\"em\\u0000ma\" holds a control character (U+0000)");
    refusesLine(1, "em\u0085ma\n", "\"em\\u0085ma\" holds white space (U+0085)");
    refusesLine(1, "em\u001bma\n", "\"em\\u001bma\" holds a control character (U+001B)");
    refusesLine(1, "em\u009bma\n", "\"em\\u009bma\" holds a control character (U+009B)");
    for (int mark : new int[] {0x61C, 0x200E, 0x200F, 0x202A, 0x202E, 0x2066, 0x2069}) {
      refusesLine(
          1,
          "em%cma".formatted(mark),
          "\"em\\u%04xma\" holds a directional mark (U+%04X)".formatted(mark, mark));
    }
  }

  @Test
  void quotesTheStartOfALongLine() throws IOException {
    String start = "😀".repeat(100);
    refusesLine(1, start + "a. ", "\"" + start + "…\" holds the end marker (U+002E)");
  }

  @Test
  void checksALineThatSomethingElseHasRead() {
    assertEquals(Optional.of("zoë"), NamesFile.name("s3a://names/a.txt", " zoë\t".getBytes(UTF_8)));
    assertEquals(Optional.empty(), NamesFile.name("a.txt", " \u00a0".getBytes(UTF_8)));
    assertEquals(Optional.empty(), NamesFile.name("a.txt", new byte[0]));
    assertRefused(
        InvalidNamesException.class,
        "a.txt, line 7: \"z.\" holds the end marker (U+002E)" + RULE,
        () -> NamesFile.name("a.txt, line 7", "z.".getBytes(UTF_8)));
    assertRefused(
        InvalidNamesException.class,
        "a.txt: byte 0xeb is not UTF-8; save the file as UTF-8",
        () -> NamesFile.name("a.txt", "zoë".getBytes(ISO_8859_1)));
  }

  @Test
  void aNameOfThreeMillionBytesIsReadInASecond() throws IOException {
    String name = "ана".repeat(500_000);
    write("emma\n" + name + "\n", UTF_8);
    assertTimeout(ofSeconds(1), () -> assertEquals(List.of("emma", name), NamesFile.read(file)));
  }

  @Test
  void refusesMoreBytesThanAnArrayHolds() throws IOException {
    try (RandomAccessFile huge = new RandomAccessFile(file.toFile(), "rw")) {
      huge.setLength(3L << 30); // takes no room on the disk
    }
    refuses(" has 3221225472 bytes, must have at most 2147483639");
  }

  @Test
  void showsNoControlCharactersOfTheFilesName() {
    assertRefused(
        InvalidNamesException.class,
        "a\\u001b[2J\\u000ab\\u202e does not exist",
        () -> NamesFile.read(Path.of("a\u001b[2J\nb\u202e")));
  }

  private void refusesLine(int line, String content, String fault) throws IOException {
    write(content, UTF_8);
    refuses(", line " + line + ": " + fault + RULE);
  }

  private void refuses(String message) {
    assertRefused(InvalidNamesException.class, file + message, () -> NamesFile.read(file));
  }

  private void write(String content, Charset charset) throws IOException {
    Files.write(file, content.getBytes(charset));
  }
}
