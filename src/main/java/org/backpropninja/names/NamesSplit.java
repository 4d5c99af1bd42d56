package org.backpropninja.names;

import java.util.ArrayList;
import java.util.List;
import org.backpropninja.random.PythonRandom;

/**
 * The words' three parts: to train on, to choose hyperparameters by, and to judge by at the end.
 *
 * <p>Of the shuffled words the first 80 % train, those up to 90 % validate, and the rest test. All
 * parts use the vocabulary of all words.
 *
 * <p>Source: makemore part 4, {@code random.seed(42); random.shuffle(words)} and {@code n1}, {@code
 * n2}.
 *
 * @param train the examples of the first 80 % of the words
 * @param validation those of the next 10 %
 * @param test those of the last 10 %
 */
public record NamesSplit(NamesDataset train, NamesDataset validation, NamesDataset test) {
  private static final long NOTEBOOK_SEED = 42;
  private static final int FEWEST_WORDS = 6;

  /**
   * Splits words as the notebook does, with seed 42.
   *
   * @param words at least 6, in the file's order; the list is not changed
   * @param contextLength the context's length T, 1 or more
   * @return the three parts
   * @throws InvalidNamesException if there are fewer words, so that a part would be empty
   * @throws IllegalArgumentException if T is below 1 or a word has a character that no {@link
   *     Vocabulary} takes
   */
  public static NamesSplit of(List<String> words, int contextLength) {
    return of(words, contextLength, NOTEBOOK_SEED);
  }

  /**
   * Splits words after a shuffle of one's choice.
   *
   * @param words at least 6, in the file's order; the list is not changed
   * @param contextLength the context's length T, 1 or more
   * @param seed of Python's {@code random}, 0 or more
   * @return the three parts
   * @throws InvalidNamesException if there are fewer words, so that a part would be empty
   * @throws IllegalArgumentException if T is below 1, the seed is negative or a word has a
   *     character that no {@link Vocabulary} takes
   */
  public static NamesSplit of(List<String> words, int contextLength, long seed) {
    int count = words.size();
    if (count < FEWEST_WORDS) {
      throw new InvalidNamesException(
          "words (%d) must be %d or more, for training, validation and test to have one each"
              .formatted(count, FEWEST_WORDS));
    }
    Vocabulary vocabulary = Vocabulary.of(words);
    List<String> shuffled = new ArrayList<>(words);
    new PythonRandom(seed).shuffle(shuffled);
    int n1 = (int) (0.8 * count);
    int n2 = (int) (0.9 * count);
    return new NamesSplit(
        new NamesDataset(vocabulary, contextLength, shuffled.subList(0, n1)),
        new NamesDataset(vocabulary, contextLength, shuffled.subList(n1, n2)),
        new NamesDataset(vocabulary, contextLength, shuffled.subList(n2, count)));
  }
}
