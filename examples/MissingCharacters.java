import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.backpropninja.names.Vocabulary;

/** Names the characters that a vocabulary lacks. */
final class MissingCharacters {
  private static final int SHOWN = 20;

  private MissingCharacters() {}

  /**
   * Lists the characters of texts that no index stands for, with their code points.
   *
   * @return one line that any terminal can show; empty if none is missing
   */
  static Optional<String> of(Vocabulary vocabulary, List<String> texts) {
    int[] missing =
        texts.stream()
            .flatMapToInt(String::codePoints)
            .distinct()
            .filter(character -> !isIn(vocabulary, character))
            .sorted()
            .toArray();
    if (missing.length == 0) {
      return Optional.empty();
    }
    String shown =
        Arrays.stream(missing)
            .limit(SHOWN)
            .mapToObj(MissingCharacters::show)
            .collect(Collectors.joining(", "));
    int more = missing.length - SHOWN;
    return Optional.of(more > 0 ? "%s and %d more".formatted(shown, more) : shown);
  }

  /** The end marker has an index, but is in no name. */
  private static boolean isIn(Vocabulary vocabulary, int character) {
    return character != Vocabulary.END && vocabulary.has(character);
  }

  private static String show(int character) {
    return switch (Character.getType(character)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR,
          Character.SURROGATE,
          Character.UNASSIGNED ->
          "U+%04X".formatted(character);
      default -> "'%s' (U+%04X)".formatted(Character.toString(character), character);
    };
  }
}
