import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.NamesFile.Spaces;
import org.backpropninja.names.NamesSplit;

/**
 * The names that a run learns from.
 *
 * @param file where they were read
 * @param sha256 of the file
 * @param count how many they are
 * @param split their three parts
 */
record Names(Path file, String sha256, int count, NamesSplit split) {

  /**
   * Reads and splits them.
   *
   * @throws InvalidNamesException if the file cannot be used
   */
  static Names read(Path file, Spaces spaces, int context) throws IOException {
    List<String> words = words(file, spaces);
    return new Names(file, sha256(file), words.size(), split(file, words, context));
  }

  private static List<String> words(Path file, Spaces spaces) {
    try {
      return NamesFile.read(file, spaces);
    } catch (InvalidNamesException e) {
      throw e.isForSpace()
          ? new InvalidNamesException(e.getMessage() + "; --spaces takes spaces within names")
          : e;
    }
  }

  /**
   * Splits the words of a file.
   *
   * @throws InvalidNamesException if they cannot be split, with the file's name
   */
  static NamesSplit split(Path file, List<String> words, int context) {
    try {
      return NamesSplit.of(words, context);
    } catch (InvalidNamesException e) {
      throw new InvalidNamesException("%s: %s".formatted(file, e.getMessage()));
    }
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest sha256;
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha256)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(sha256.digest());
  }
}
