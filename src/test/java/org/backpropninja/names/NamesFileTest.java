package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NamesFileTest {
  private static final String RULE =
      "; a name is 2 or more characters up to U+FFFF, none of them '.', white space or control";

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
        "\uFEFFZoë\nО\u0301ля\nEmma\n"
      })
  void takesEveryLineEndOneBlankLastLineAndAByteOrderMark(String content) throws IOException {
    write(content, UTF_8);
    assertEquals(List.of("Zoë", "О\u0301ля", "Emma"), NamesFile.read(file));
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
  @ValueSource(strings = {"", "\n", "\r\n", "\uFEFF", "\uFEFF\n"})
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
  void refusesBlankLinesAndShortNames() throws IOException {
    refusesLine(1, "\nemma\n", "\"\" is blank");
    refusesLine(2, "emma\n\nava\n", "\"\" is blank");
    refusesLine(2, "emma\n\n\n", "\"\" is blank");
    refusesLine(2, "emma\r\n  \r\nava", "\"  \" is blank");
    refusesLine(2, "emma\n \n", "\" \" is blank");
    refusesLine(3, "emma\nava\nx", "\"x\" has only one character");
  }

  @Test
  void refusesCharactersThatNoNameHas() throws IOException {
    refusesLine(2, "emma\na.va\n", "\"a.va\" holds the end marker (U+002E)");
    refusesLine(1, ".\n", "\".\" holds the end marker (U+002E)");
    refusesLine(1, "emma \n", "\"emma \" holds white space (U+0020)");
    refusesLine(1, "emma\tF\n", "\"emma\\u0009F\" holds white space (U+0009)");
    refusesLine(1, "em\u00a0ma\n", "\"em\\u00a0ma\" holds white space (U+00A0)");
    refusesLine(1, "em\u2028ma\n", "\"em\\u2028ma\" holds white space (U+2028)");
    refusesLine(2, "emma\n\uFEFFava\n", "\"\\ufeffava\" holds white space (U+FEFF)");
    refusesLine(1, "em\0ma\n", "\"em\\u0000ma\" holds a control character (U+0000)");
    refusesLine(1, "em\u0085ma\n", "\"em\\u0085ma\" holds a control character (U+0085)");
    refusesLine(2, "emma\nzoe😀\n", "\"zoe😀\" holds a character beyond U+FFFF (U+1F600)");
  }

  @Test
  void quotesTheStartOfALongLine() throws IOException {
    String start = "emma,olivia,isabella,sophia,charlotte,mi";
    refusesLine(1, start + "a. ", "\"" + start + "…\" holds the end marker (U+002E)");
  }

  @Test
  void checksALineThatSomethingElseHasRead() {
    assertEquals("zoë", NamesFile.name("s3a://names/a.txt", "zoë".getBytes(UTF_8)));
    assertRefused(
        InvalidNamesException.class,
        "a.txt, line 7: \"z.\" holds the end marker (U+002E)" + RULE,
        () -> NamesFile.name("a.txt, line 7", "z.".getBytes(UTF_8)));
    assertRefused(
        InvalidNamesException.class,
        "a.txt: byte 0xeb is not UTF-8; save the file as UTF-8",
        () -> NamesFile.name("a.txt", "zoë".getBytes(ISO_8859_1)));
    assertRefused(
        InvalidNamesException.class,
        "a.txt: \"\" is blank" + RULE,
        () -> NamesFile.name("a.txt", new byte[0]));
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
