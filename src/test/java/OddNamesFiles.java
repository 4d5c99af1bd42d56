import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Names files such as people and accidents make them: whole, odd and broken ones of each kind. */
final class OddNamesFiles {

  /**
   * A file.
   *
   * @param kind what is odd
   * @param writer makes it
   */
  record Odd(String kind, Writer writer) {}

  interface Writer {
    void to(Path file) throws IOException, InterruptedException;
  }

  private static final List<String> PLAIN =
      List.of(
          "anna",
          "bob",
          "Zoë",
          "О\u0301ля",
          "Ἀθηνᾶ",
          "ნინო",
          "李明华",
          "さくら",
          "سارا",
          "𐌀𐌁𐌂",
          "dvořák",
          "o'neil",
          "ann-lee",
          "Ðuro",
          "שרה",
          "한나");
  private static final List<String> EMOJI =
      List.of(
          "👩\u200d👧\u200d👦",
          "👍🏽👍🏿",
          "🏴\udb40\udc67\udb40\udc62\udb40\udc7f",
          "🇬🇪🇫🇷",
          "❤\ufe0f!",
          "😀😀",
          "1\ufe0f\u20e3");
  private static final List<String> ENDS = List.of("\n", "\r\n", "\r");
  private static final int[] SPACES = {
    0x9, 0xB, 0xC, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003,
    0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000
  };
  private static final int[] DIRECTIONS = {
    0x61C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069
  };

  private final Random random;
  private final List<Odd> files = new ArrayList<>();

  private OddNamesFiles(long seed) {
    random = new Random(seed);
  }

  /** At least 500 files; the same for the same seed. */
  static List<Odd> of(long seed) {
    OddNamesFiles all = new OddNamesFiles(seed);
    all.whole();
    all.broken();
    all.otherEncodings();
    all.badUtf8();
    all.whiteSpace();
    all.characters();
    all.sizes();
    all.otherFormats();
    all.noFiles();
    return all.files;
  }

  private void add(String kind, byte[] bytes) {
    files.add(new Odd(kind, file -> Files.write(file, bytes)));
  }

  private void add(String kind, String text) {
    add(kind, text.getBytes(UTF_8));
  }

  private void times(int count, Supplier<String> text, String kind) {
    for (int k = 0; k < count; k++) {
      add(kind, text.get());
    }
  }

  private <T> T any(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }

  /** Lines of names, of which one is another text. */
  private String around(String line) {
    List<String> lines = new ArrayList<>();
    for (int k = random.nextInt(4) + 7; k > 0; k--) {
      lines.add(any(PLAIN));
    }
    lines.set(random.nextInt(lines.size()), line);
    return String.join(any(ENDS), lines) + (random.nextBoolean() ? "" : "\n");
  }

  private String text() {
    return around(any(PLAIN));
  }

  /** A name with something at its start, within or at its end. */
  private String with(String part) {
    String name = any(PLAIN);
    int at = name.offsetByCodePoints(0, random.nextInt(name.codePointCount(0, name.length()) + 1));
    return name.substring(0, at) + part + name.substring(at);
  }

  private static String character(int codePoint) {
    return Character.toString(codePoint);
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  private void whole() {
    times(20, this::text, "plain");
    for (String emoji : EMOJI) {
      add("emoji", around(emoji));
      add("emoji", around(with(emoji)));
    }
  }

  private void broken() {
    for (int k = 0; k < 70; k++) {
      byte[] bytes = text().getBytes(UTF_8);
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      add("a bit flipped", bytes);
    }
    for (int k = 0; k < 40; k++) {
      byte[] bytes = (text() + "𐌀").getBytes(UTF_8);
      add("cut short", Arrays.copyOf(bytes, bytes.length - 1 - random.nextInt(8)));
    }
    for (int k = 0; k < 10; k++) {
      byte[] bytes = text().getBytes(UTF_8);
      int from = random.nextInt(bytes.length / 2);
      add("start missing", Arrays.copyOfRange(bytes, from, bytes.length));
    }
  }

  private void otherEncodings() {
    for (String name : List.of("UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE")) {
      Charset charset = Charset.forName(name);
      for (int k = 0; k < 3; k++) {
        add("UTF-16 or UTF-32", text().getBytes(charset));
        add("UTF-16 or UTF-32", ("\uFEFF" + text()).getBytes(charset));
      }
    }
    for (String name :
        List.of("ISO-8859-1", "windows-1252", "Shift_JIS", "KOI8-R", "GB18030", "IBM037")) {
      for (int k = 0; k < 4; k++) {
        add("another encoding", text().getBytes(Charset.forName(name)));
      }
    }
    for (int k = 0; k < 5; k++) {
      add("byte order mark at the start", "\uFEFF" + text());
      add("byte order mark elsewhere", "\uFEFF\uFEFF" + text());
      add("byte order mark elsewhere", around(with("\uFEFF")));
    }
  }

  private void badUtf8() {
    String surrogates = "surrogates as CESU-8";
    for (String hex : List.of("eda0bdedb880", "eda080", "edbfbf", "edb080eda080", "edadbfedb080")) {
      addBytes(surrogates, hex);
    }
    for (String hex :
        List.of("c0ae", "c0af", "c1a1", "e080ae", "e08181", "f08080ae", "f08281a1", "c080")) {
      addBytes("overlong UTF-8", hex);
    }
    for (String hex :
        List.of(
            "f4908080",
            "f5808080",
            "f888808080",
            "fc8480808080",
            "fe",
            "ff",
            "80",
            "bf",
            "c3",
            "e282",
            "f09f98")) {
      addBytes("bytes that UTF-8 has not", hex);
    }
  }

  private void addBytes(String kind, String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    for (int k = 0; k < 2; k++) {
      add(kind, join(text().getBytes(UTF_8), bytes, text().getBytes(UTF_8)));
    }
    add(kind, bytes);
  }

  private void whiteSpace() {
    times(25, this::mixed, "line ends mixed");
    times(20, () -> around(any(ENDS).repeat(random.nextInt(3))), "blank lines");
    for (int space : SPACES) {
      String kind = "white space around or within a name";
      add(kind, around(character(space) + any(PLAIN) + character(space).repeat(2)));
      add(kind, around("ann" + character(space) + "lee"));
      add("blank but for white space", around(character(space).repeat(3)));
    }
    times(10, () -> around("Mary " + any(PLAIN) + " de la Cruz"), "single spaces");
    times(10, () -> around("Mary" + " ".repeat(2 + random.nextInt(2)) + "Ann"), "several spaces");
    for (String blank :
        List.of(
            "", "\n", "\r\n\r\n", " \n\t\r\u00a0\n", "\uFEFF", "\uFEFF\n", "\u3000".repeat(1000))) {
      add("nothing but blanks", blank);
    }
  }

  private String mixed() {
    StringBuilder text = new StringBuilder();
    for (int k = random.nextInt(8) + 4; k > 0; k--) {
      text.append(any(PLAIN)).append(any(List.of("\n", "\r", "\r\n", "\n\r", "\r\r\n", "\n\n")));
    }
    return text.toString();
  }

  private void characters() {
    times(12, () -> around(with(".")), "the end marker");
    times(3, () -> around("."), "the end marker");
    times(10, () -> around(with("\0")), "NUL");
    for (int k = 0; k < 30; k++) {
      int c = random.nextInt(64);
      add("control characters", around(with(character(c < 32 ? c : 95 + c)))); // and 7F to 9E
    }
    for (int mark : DIRECTIONS) {
      times(2, () -> around(with(character(mark))), "directional marks");
    }
    for (int c : new int[] {0xFFFE, 0xFFFF, 0xFDD0, 0x1FFFE, 0x10FFFF, 0x378, 0x2FE0, 0x3FFFD}) {
      add("no characters yet, or never", around(with(character(c))));
    }
    for (int c :
        new int[] {
          0xE000, 0xF8FF, 0xF0000, 0x10FFFD, 0xFFFD, 0xAD, 0x200B, 0x200C, 0x2060, 0x34F
        }) {
      add("private or invisible characters", around(with(character(c))));
    }
    times(5, () -> around(any(List.of("x", "é", "😀", "李", "\u0301"))), "one character");
  }

  private void sizes() {
    for (int count : new int[] {1, 5, 6, 7}) {
      add("few names", String.join("\n", Collections.nCopies(count, "anna")));
    }
    for (int count : new int[] {65_534, 65_535, 65_536, 70_000}) {
      add("very many different characters", characters(count));
    }
    add("huge lines", around("ana".repeat(500_000)));
    add("huge lines", around("😀".repeat(300_000)));
    add("huge lines", around("ana".repeat(500_000) + "."));
    add("huge lines", around("\u202e".repeat(500_000)));
    add("huge lines", "ab".repeat(700_000));
    add("huge lines", around(" ".repeat(900_000)));
    add("very many lines", "anna\n".repeat(100_000));
    add("very many lines", "\n".repeat(500_000) + text());
    add("very many lines", "anna\n".repeat(100_000) + "a.b\n");
  }

  /** Six names of so many different characters. */
  private static String characters(int count) {
    String all =
        IntStream.range(0x20000, 0x20000 + count)
            .mapToObj(Character::toString)
            .collect(Collectors.joining());
    return String.join("\n", Collections.nCopies(6, all));
  }

  private void otherFormats() {
    for (int k = 0; k < 4; k++) {
      byte[] text = text().getBytes(UTF_8);
      add("compressed", compressed(text, GZIPOutputStream::new));
      add(
          "compressed",
          compressed(
              text,
              out -> {
                ZipOutputStream zip = new ZipOutputStream(out);
                zip.putNextEntry(new ZipEntry("names.txt"));
                return zip;
              }));
    }
    for (int k = 0; k < 20; k++) {
      byte[] noise = new byte[random.nextInt(2000)];
      random.nextBytes(noise);
      add("noise", noise);
    }
    String kind = "other formats";
    add(kind, "name,sex,count\nanna,F,20\nbob,M,3\ncleo,F,1\ndora,F,1\nemma,F,7\n");
    add(kind, "anna\tF\t20\nbob\tM\t3\n");
    add(kind, "[\"anna\", \"bob\"]\n");
    add(kind, "[\"anna\",\"bob\",\n\"cleo\",\n\"dora\",\n\"emma\",\n\"fred\",\n\"gus\"]\n");
    add(kind, "<html><body>404 Not Found</body></html>\n");
    add(kind, "%PDF-1.7\n%âãÏÓ\n");
    add(kind, "{\\rtf1\\ansi anna}\n");
    add(kind, "\u001b[31manna\u001b[0m\nbob\n");
    add(kind, "\u001b]0;title\u0007\n");
  }

  private interface Compression {
    OutputStream of(OutputStream out) throws IOException;
  }

  private static byte[] compressed(byte[] bytes, Compression compression) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try (OutputStream out = compression.of(all)) {
      out.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return all.toByteArray();
  }

  private void noFiles() {
    String kind = "no file";
    files.add(new Odd(kind, file -> {}));
    files.add(new Odd(kind, Files::createDirectory));
    files.add(new Odd(kind, file -> Files.createSymbolicLink(file, file.resolveSibling("gone"))));
    files.add(new Odd(kind, file -> Files.createSymbolicLink(file, file)));
    files.add(new Odd(kind, file -> Files.createSymbolicLink(file, Path.of("/dev/zero"))));
    files.add(new Odd(kind, OddNamesFiles::pipe));
    files.add(new Odd(kind, OddNamesFiles::sparse));
    files.add(
        new Odd(
            "not to be read",
            file -> {
              Files.writeString(file, "anna\n".repeat(7));
              Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
            }));
  }

  /** A named pipe, which nobody writes to; where there are none, there is no file. */
  private static void pipe(Path file) throws IOException, InterruptedException {
    if (Files.isExecutable(Path.of("/usr/bin/mkfifo"))) {
      new ProcessBuilder("/usr/bin/mkfifo", file.toString()).start().waitFor();
    }
  }

  /** 3 GiB of nothing. */
  private static void sparse(Path file) throws IOException {
    try (RandomAccessFile huge = new RandomAccessFile(file.toFile(), "rw")) {
      huge.setLength(3L << 30);
    }
  }
}
