package org.backpropninja.names;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Examples made of words: T characters of context and the character that follows.
 *
 * <p>A word of k characters gives k + 1 examples, the last of which predicts the end marker. Before
 * a word's first character its context holds zeros.
 *
 * <p>Shapes, for n examples: features [n, T] and labels [n, 1], both FLOAT arrays of indices into
 * the vocabulary.
 *
 * <p>Only one array of codes is stored, 2 bytes an example, in which each word is followed by 0.
 * Example i predicts {@code codes[i]}, and its context is what precedes, as far as the last 0. The
 * contexts are made when they are asked for, so the memory does not grow with T.
 *
 * <p>Source: {@code build_dataset} of makemore part 4.
 */
public final class NamesDataset implements Serializable {
  private final Vocabulary vocabulary;
  private final int contextLength;

  /** The indices of all characters, chars because {@link Vocabulary} has at most 2¹⁶ of them. */
  private final char[] codes;

  /**
   * Encodes words.
   *
   * @param vocabulary has every character of the words
   * @param contextLength the context's length T, 1 or more
   * @param words the words, at least one, in the order in which their examples follow each other
   * @throws IllegalArgumentException if T is below 1, there is no word, or a word holds the end
   *     marker or a character that the vocabulary lacks
   */
  public NamesDataset(Vocabulary vocabulary, int contextLength, List<String> words) {
    if (contextLength < 1) {
      throw new IllegalArgumentException(
          "contextLength (%d) must be at least 1".formatted(contextLength));
    }
    if (words.isEmpty()) {
      throw new IllegalArgumentException("words (0) must hold at least one word");
    }
    this.vocabulary = vocabulary;
    this.contextLength = contextLength;
    this.codes = encode(vocabulary, words);
  }

  private static char[] encode(Vocabulary vocabulary, List<String> words) {
    int size = words.stream().mapToInt(NamesDataset::countExamples).reduce(0, Math::addExact);
    char[] codes = new char[size];
    int next = 0;
    for (String word : words) {
      if (word.indexOf(Vocabulary.END) >= 0) {
        throw new IllegalArgumentException(
            "word \"%s\" must not hold the end marker '%c'"
                .formatted(OneLine.of(word), Vocabulary.END));
      }
      for (int c : word.codePoints().toArray()) {
        codes[next++] = (char) vocabulary.indexOf(c);
      }
      next++; // the new array's 0 is the end marker
    }
    return codes;
  }

  private static int countExamples(String word) {
    return word.codePointCount(0, word.length()) + 1;
  }

  /**
   * Counts the examples.
   *
   * @return the characters of all words and one end marker a word
   */
  public int size() {
    return codes.length;
  }

  /**
   * Tells the context's length.
   *
   * @return T
   */
  public int contextLength() {
    return contextLength;
  }

  /**
   * Tells what the indices stand for.
   *
   * @return the vocabulary
   */
  public Vocabulary vocabulary() {
    return vocabulary;
  }

  /**
   * Writes one example's context: the indices of the T characters before the one to predict.
   *
   * @param example 0 to size − 1
   * @param into an array of length T, which is overwritten; the character just before comes last
   * @throws IndexOutOfBoundsException if there is no such example
   * @throws IllegalArgumentException if the array has another length
   */
  public void context(int example, int[] into) {
    requireExample(example);
    if (into.length != contextLength) {
      throw new IllegalArgumentException(
          "into (length %d) must have length %d, the context's"
              .formatted(into.length, contextLength));
    }
    int padding = padding(example);
    Arrays.fill(into, 0, padding, 0);
    for (int t = padding; t < contextLength; t++) {
      into[t] = codes[example - contextLength + t];
    }
  }

  /** How much of an example's context is before its word. */
  private int padding(int example) {
    int t = contextLength;
    for (int i = example - 1; t > 0 && i >= 0 && codes[i] != 0; i--) {
      t--;
    }
    return t;
  }

  /**
   * Tells the character that one example predicts.
   *
   * @param example 0 to size − 1
   * @return its index in the vocabulary, 0 at a word's end
   * @throws IndexOutOfBoundsException if there is no such example
   */
  public int label(int example) {
    requireExample(example);
    return codes[example];
  }

  /**
   * Makes a minibatch of examples.
   *
   * @param indices the examples, at least one; any may be repeated
   * @return features [n, T] and labels [n, 1], new arrays in the order of the indices
   * @throws IndexOutOfBoundsException if there is no such example
   * @throws IllegalArgumentException if there are no indices
   */
  public DataSet examples(int[] indices) {
    int n = indices.length;
    if (n == 0) {
      throw new IllegalArgumentException("indices (length 0) must hold at least one example");
    }
    float[] features = new float[n * contextLength];
    float[] labels = new float[n];
    examples(indices, features, labels);
    return new DataSet(
        Nd4j.create(features, new long[] {n, contextLength}, 'c'),
        Nd4j.create(labels, new long[] {n, 1}, 'c'));
  }

  /** Writes examples one after the other: features [n, T] and labels [n]. */
  void examples(int[] indices, float[] features, float[] labels) {
    for (int row = 0; row < indices.length; row++) {
      int example = indices[row];
      requireExample(example);
      int start = row * contextLength;
      int padding = padding(example);
      Arrays.fill(features, start, start + padding, 0);
      for (int t = padding; t < contextLength; t++) {
        features[start + t] = codes[example - contextLength + t];
      }
      labels[row] = codes[example];
    }
  }

  /**
   * Streams all examples in order, for losses and statistics over the whole set.
   *
   * @param chunkSize how many examples to yield at a time, 1 or more; the last chunk may have fewer
   * @return an iterator at the first example; {@code reset} takes it back there
   * @throws IllegalArgumentException if the chunk size is below 1
   */
  public DataSetIterator chunks(int chunkSize) {
    return new ChunkIterator(this, chunkSize);
  }

  private void requireExample(int example) {
    if (example < 0 || example >= codes.length) {
      throw new IndexOutOfBoundsException(
          "example (%d) must be from 0 to %d".formatted(example, codes.length - 1));
    }
  }
}
