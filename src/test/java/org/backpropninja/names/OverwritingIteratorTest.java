package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.nio.file.Path;
import java.util.List;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** Minibatches in the same two arrays are the minibatches in new ones. */
class OverwritingIteratorTest {
  private static final List<String> WORDS = NamesFile.read(Path.of("names.txt")).subList(0, 500);
  private static final NamesDataset DATA = new NamesDataset(Vocabulary.of(WORDS), 3, WORDS);

  private static MinibatchIterator minibatches(int steps) {
    return new MinibatchIterator(DATA, new TorchRandom(1), 32, steps);
  }

  private static void assertSameContent(DataSet expected, DataSet actual) {
    assertEquals(DataType.FLOAT, actual.getFeatures().dataType());
    assertEquals(DataType.FLOAT, actual.getLabels().dataType());
    assertEquals(expected.getFeatures(), actual.getFeatures());
    assertEquals(expected.getLabels(), actual.getLabels());
  }

  @Test
  void sameMinibatchesInTheSameArrays() {
    MinibatchIterator plain = minibatches(5);
    MinibatchIterator iterator = minibatches(5);
    assertSame(iterator, iterator.overwriting());
    INDArray features = null;
    INDArray labels = null;
    for (int pass = 0; pass < 2; pass++) {
      while (plain.hasNext()) {
        DataSet minibatch = iterator.next();
        assertSameContent(plain.next(), minibatch);
        features = features == null ? minibatch.getFeatures() : features;
        labels = labels == null ? minibatch.getLabels() : labels;
        assertSame(features, minibatch.getFeatures());
        assertSame(labels, minibatch.getLabels());
      }
      assertFalse(iterator.hasNext());
      plain.reset();
      iterator.reset();
    }
  }

  @Test
  void anotherSizeGetsNewArrays() {
    MinibatchIterator plain = minibatches(5);
    MinibatchIterator iterator = minibatches(5).overwriting();
    DataSet first = iterator.next();
    assertSameContent(plain.next(), first);
    INDArray before = first.getFeatures().dup();
    DataSet other = iterator.next(7);
    assertSameContent(plain.next(7), other);
    assertEquals(7, other.numExamples());
    assertEquals(before, first.getFeatures());
    INDArray seven = other.getFeatures().dup();
    DataSet third = iterator.next(32);
    assertSameContent(plain.next(32), third);
    assertSame(first.getFeatures(), third.getFeatures());
    assertNotEquals(before, first.getFeatures());
    assertSameContent(plain.next(7), iterator.next(7));
    assertEquals(seven, other.getFeatures());
  }

  @Test
  void withoutItNothingIsOverwritten() {
    MinibatchIterator iterator = minibatches(2);
    DataSet first = iterator.next();
    INDArray features = first.getFeatures().dup();
    INDArray labels = first.getLabels().dup();
    DataSet second = iterator.next();
    assertNotSame(first.getFeatures(), second.getFeatures());
    assertNotSame(first.getLabels(), second.getLabels());
    assertEquals(features, first.getFeatures());
    assertEquals(labels, first.getLabels());
    assertNotEquals(first.getFeatures(), second.getFeatures());
    assertNotEquals(first.getLabels(), second.getLabels());
  }

  @Test
  void aPreprocessorMayChangeTheArrays() {
    DataSetPreProcessor change =
        minibatch -> {
          minibatch.getFeatures().muli(2).addi(1);
          minibatch.getLabels().addi(3);
        };
    MinibatchIterator plain = minibatches(4);
    MinibatchIterator iterator = minibatches(4).overwriting();
    iterator.setPreProcessor(change);
    while (plain.hasNext()) {
      DataSet expected = plain.next();
      change.preProcess(expected);
      assertSameContent(expected, iterator.next());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void goesOnAfterSerialization(int drawn) throws Exception {
    MinibatchIterator plain = minibatches(5);
    MinibatchIterator iterator = minibatches(5).overwriting();
    for (int k = 0; k < drawn; k++) {
      assertSameContent(plain.next(), iterator.next());
    }
    MinibatchIterator copy = Serialised.copy(iterator);
    DataSet first = copy.next();
    assertSameContent(plain.next(), first);
    INDArray features = first.getFeatures().dup();
    iterator.next();
    iterator.next();
    assertEquals(features, first.getFeatures(), "the copy has arrays of its own");
    DataSet second = copy.next();
    assertSameContent(plain.next(), second);
    assertSame(first.getFeatures(), second.getFeatures());
    assertSame(first.getLabels(), second.getLabels());
  }

  /** The arrays outlive the workspace that was current when the first minibatch was made. */
  @Test
  void itsArraysBelongToNoWorkspace() {
    MinibatchIterator plain = minibatches(2);
    MinibatchIterator iterator = minibatches(2).overwriting();
    try (MemoryWorkspace workspace =
        Nd4j.getWorkspaceManager().getAndActivateWorkspace("OVERWRITING")) {
      DataSet first = iterator.next();
      assertFalse(first.getFeatures().isAttached());
      assertFalse(first.getLabels().isAttached());
      assertEquals("OVERWRITING", workspace.getId());
    }
    plain.next();
    assertSameContent(plain.next(), iterator.next());
  }

  @Test
  void trainsToTheSameParameters() {
    assertArrayEquals(trainedBy(minibatches(200)), trainedBy(minibatches(200).overwriting()));
  }

  private static float[] trainedBy(MinibatchIterator iterator) {
    MultiLayerNetwork network =
        new CharMlp(DATA.vocabulary().size(), 3, 10, 16)
            .network(new Adam(0.01), DataType.FLOAT, new TorchRandom(3), new TorchRandom(4));
    float[] before = network.params().toFloatVector();
    network.fit(iterator, 2);
    assertEquals(400, network.getIterationCount());
    float[] after = network.params().toFloatVector();
    assertNotEquals(before[0], after[0], "nothing was trained");
    return after;
  }
}
