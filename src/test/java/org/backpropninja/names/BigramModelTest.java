package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The loss of counting pairs is that of the lecture's table. */
class BigramModelTest {

  /** makemore part 1 on words of a to z: the counts N plus one, normalised by rows. */
  private static double lecture(List<String> counted, List<String> predicted) {
    double[][] P = new double[27][27];
    for (String word : counted) {
      String ended = "." + word + ".";
      for (int k = 1; k < ended.length(); k++) {
        P[index(ended, k - 1)][index(ended, k)]++;
      }
    }
    for (double[] row : P) {
      double sum = 0;
      for (int k = 0; k < 27; k++) {
        row[k] += 1;
        sum += row[k];
      }
      for (int k = 0; k < 27; k++) {
        row[k] /= sum;
      }
    }
    double negative = 0;
    int n = 0;
    for (String word : predicted) {
      String ended = "." + word + ".";
      for (int k = 1; k < ended.length(); k++) {
        negative -= Math.log(P[index(ended, k - 1)][index(ended, k)]);
        n++;
      }
    }
    return negative / n;
  }

  private static int index(String text, int k) {
    return text.charAt(k) == '.' ? 0 : text.charAt(k) - 'a' + 1;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8}) // the context's length is of no use
  void isTheLecturesOnAllNames(int T) {
    List<String> words = NamesFile.read(Path.of("names.txt"));
    NamesDataset data = new NamesDataset(Vocabulary.of(words), T, words);
    double loss = new BigramModel(data).loss(data);
    assertEquals(
        2.4544, loss, 0.0015); // as printed in the lecture, for a list that differs a little
    assertEquals(lecture(words, words), loss, 1e-12);
  }

  @Test
  void isTheLecturesOnNamesThatWereNotCounted() {
    List<String> words = NamesFile.read(Path.of("names.txt"));
    List<String> first = words.subList(0, 3000);
    List<String> last = words.subList(30_000, words.size());
    Vocabulary vocabulary = Vocabulary.of(words);
    BigramModel model = new BigramModel(new NamesDataset(vocabulary, 3, first));
    double loss = model.loss(new NamesDataset(vocabulary, 3, last));
    assertEquals(lecture(first, last), loss, 1e-12);
    assertTrue(Math.abs(loss - lecture(last, last)) > 1e-3, "the same as counting the others");
  }

  /** V² counts would take 17 GB. */
  @Test
  void aLargeVocabularyTakesNoTable() {
    String all =
        IntStream.range(0x10000, 0x10000 + 65_535)
            .mapToObj(Character::toString)
            .collect(Collectors.joining());
    String last = all.substring(all.length() - 2);
    Vocabulary vocabulary = Vocabulary.of(List.of(all));
    NamesDataset data = new NamesDataset(vocabulary, 1, List.of(all, last + last));
    NamesDataset pair = new NamesDataset(vocabulary, 1, List.of(last + last));
    double V = 65_536;
    // ". last" once of two beginnings, "last last" once and "last ." twice, of three.
    double expected = -(Math.log(2 / (2 + V)) + Math.log(2 / (3 + V)) + Math.log(3 / (3 + V))) / 3;
    assertEquals(expected, new BigramModel(data).loss(pair), 1e-12);
  }

  @Test
  void refusesAnotherVocabulary() {
    NamesDataset ab = new NamesDataset(Vocabulary.of(List.of("ab")), 1, List.of("ab"));
    NamesDataset ac = new NamesDataset(Vocabulary.of(List.of("ac")), 1, List.of("ac"));
    BigramModel model = new BigramModel(ab);
    var e = assertThrows(IllegalArgumentException.class, () -> model.loss(ac));
    assertTrue(e.getMessage().contains("vocabulary"), e.getMessage());
  }
}
