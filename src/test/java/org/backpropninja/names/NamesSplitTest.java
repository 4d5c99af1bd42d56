package org.backpropninja.names;

import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NamesSplitTest {
  @Test
  void splitsTheProjectsNamesAsPythonDoes() {
    NamesSplit split = NamesSplit.of(NamesFile.read(Path.of("names.txt")), 3);
    assertEquals(27, split.train().vocabulary().size());
    assertEquals(183430, split.train().size());
    assertEquals(22953, split.validation().size());
    assertEquals(22818, split.test().size());
  }

  /** CPython 3.11: random.seed(seed), random.shuffle(words), then the words of each part. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          42 | hh dd cc ii ff gg jj ee | aa | bb kk
          7 | bb kk dd jj ii ee hh aa | gg | cc ff
          """)
  void putsEachWordWherePythonDoes(long seed, String train, String validation, String test) {
    List<String> words = List.of("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii", "jj", "kk");
    NamesSplit split = NamesSplit.of(words, 2, seed);
    assertEquals(train, words(split.train()));
    assertEquals(validation, words(split.validation()));
    assertEquals(test, words(split.test()));
  }

  @Test
  void sharesTheVocabularyOfAllWordsAndSeed42() {
    List<String> words = List.of("ab", "cd", "ef", "gh", "ij", "kl");
    NamesSplit split = NamesSplit.of(words, 4);
    for (NamesDataset part : List.of(split.train(), split.validation(), split.test())) {
      assertEquals(".abcdefghijkl", part.vocabulary().toString());
      assertEquals(4, part.contextLength());
    }
    assertEquals(words(NamesSplit.of(words, 4, 42).train()), words(split.train()));
  }

  @ParameterizedTest
  @CsvSource({"6, 4, 1, 1", "7, 5, 1, 1", "10, 8, 1, 1", "11, 8, 1, 2", "15, 12, 1, 2"})
  void givesEachPartAtLeastOneWord(int count, int train, int validation, int test) {
    NamesSplit split = NamesSplit.of(Collections.nCopies(count, "ab"), 2);
    assertEquals(3 * train, split.train().size());
    assertEquals(3 * validation, split.validation().size());
    assertEquals(3 * test, split.test().size());
  }

  @Test
  void refusesTooFewWords() {
    assertRefused(
        InvalidNamesException.class,
        "words (5) must be 6 or more, for training, validation and test to have one each",
        () -> NamesSplit.of(List.of("ab", "cd", "ef", "gh", "ij"), 3));
  }

  /** The words that a dataset was made of, with a blank after each. */
  private static String words(NamesDataset data) {
    StringBuilder words = new StringBuilder();
    for (int i = 0; i < data.size(); i++) {
      int label = data.label(i);
      words.append(label == 0 ? ' ' : data.vocabulary().character(label));
    }
    return words.toString().strip();
  }
}
