package org.backpropninja.names;

import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

class NamesDatasetTest {
  private static final List<String> WORDS = List.of("ab", "c", "abcabcabc", "", "ba");

  private final Vocabulary vocabulary = Vocabulary.of(WORDS);
  private final NamesDataset data = new NamesDataset(vocabulary, 3, WORDS);

  /** The notebook's build_dataset: the window slides over the word and its end marker. */
  private record Example(int[] context, int label) {
    static List<Example> ofAll(Vocabulary vocabulary, int contextLength, List<String> words) {
      List<Example> examples = new ArrayList<>();
      for (String word : words) {
        int[] context = new int[contextLength];
        for (int c : (word + '.').codePoints().toArray()) {
          int index = vocabulary.indexOf(c);
          examples.add(new Example(context, index));
          int[] next = new int[contextLength];
          System.arraycopy(context, 1, next, 0, contextLength - 1);
          next[contextLength - 1] = index;
          context = next;
        }
      }
      return examples;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void equalsTheSlidingWindowForAnyContextLength(int contextLength) {
    assertEqualsSlidingWindow(vocabulary, contextLength, WORDS);
  }

  @Test
  void equalsTheSlidingWindowOnTheProjectsNames() {
    List<String> names = NamesFile.read(Path.of("names.txt"));
    assertEqualsSlidingWindow(Vocabulary.of(names), 3, names);
  }

  private static void assertEqualsSlidingWindow(
      Vocabulary vocabulary, int contextLength, List<String> words) {
    List<Example> expected = Example.ofAll(vocabulary, contextLength, words);
    NamesDataset data = new NamesDataset(vocabulary, contextLength, words);
    assertEquals(expected.size(), data.size());
    int[] context = new int[contextLength];
    for (int i = 0; i < expected.size(); i++) {
      data.context(i, context);
      int example = i;
      assertArrayEquals(expected.get(i).context(), context, () -> "context " + example);
      assertEquals(expected.get(i).label(), data.label(i), () -> "label " + example);
    }
  }

  @Test
  void equalsTheSlidingWindowOverCodePoints() {
    List<String> words = List.of("👩\u200d👧", "𝐀b", "zoë", "👧👧👧👧");
    Vocabulary vocabulary = Vocabulary.of(words);
    assertEquals(3 + 2 + 3 + 4 + words.size(), new NamesDataset(vocabulary, 3, words).size());
    assertEqualsSlidingWindow(vocabulary, 3, words);
  }

  @Test
  void takesTheLargestVocabulary() {
    List<String> words = IntStream.range(0x20000, 0x2FFFF).mapToObj(Character::toString).toList();
    assertEqualsSlidingWindow(Vocabulary.of(words), 2, words);
  }

  @Test
  void makesMinibatchesOfFloatIndices() {
    DataSet minibatch = data.examples(new int[] {2, 9, 0, 9});
    float[][] features = {{0, 1, 2}, {2, 3, 1}, {0, 0, 0}, {2, 3, 1}};
    float[][] labels = {{0}, {2}, {1}, {2}};
    assertEquals(Nd4j.createFromArray(features), minibatch.getFeatures());
    assertEquals(Nd4j.createFromArray(labels), minibatch.getLabels());
  }

  @Test
  void staysFloatWhenNd4jsDefaultIsDouble() {
    DataType before = Nd4j.dataType();
    Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    try {
      DataSet minibatch = data.examples(new int[] {1});
      assertEquals(DataType.FLOAT, minibatch.getFeatures().dataType());
      assertEquals(DataType.FLOAT, minibatch.getLabels().dataType());
    } finally {
      Nd4j.setDefaultDataTypes(before, before);
    }
  }

  @Test
  void tellsWhatItWasMadeOf() {
    assertEquals(3, data.contextLength());
    assertEquals(vocabulary, data.vocabulary());
  }

  @Test
  void refusesBadWordsAndContextLengths() {
    assertRefused(
        "contextLength (0) must be at least 1", () -> new NamesDataset(vocabulary, 0, WORDS));
    assertRefused(
        "words (0) must hold at least one word", () -> new NamesDataset(vocabulary, 3, List.of()));
    assertRefused(
        "word \"a.b\" must not hold the end marker '.'",
        () -> new NamesDataset(vocabulary, 3, List.of("ab", "a.b")));
    assertRefused(
        "character 'd' (U+0064) is not in the vocabulary .abc",
        () -> new NamesDataset(vocabulary, 3, List.of("abd")));
  }

  @Test
  void refusesExamplesThatItLacks() {
    // 14 characters and 5 end markers
    String range = " must be from 0 to 18";
    refusesExample("example (-1)" + range, -1);
    refusesExample("example (19)" + range, 19);
    assertRefused(
        "indices (length 0) must hold at least one example", () -> data.examples(new int[0]));
    assertRefused(
        "into (length 2) must have length 3, the context's", () -> data.context(0, new int[2]));
  }

  private void refusesExample(String message, int example) {
    Class<IndexOutOfBoundsException> type = IndexOutOfBoundsException.class;
    assertRefused(type, message, () -> data.label(example));
    assertRefused(type, message, () -> data.context(example, new int[3]));
    assertRefused(type, message, () -> data.examples(new int[] {0, example}));
  }
}
