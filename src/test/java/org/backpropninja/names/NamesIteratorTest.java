package org.backpropninja.names;

import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.NoSuchElementException;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

class NamesIteratorTest {
  private static final List<String> WORDS = List.of("ab", "cab", "abba");
  private static final NamesDataset DATA = new NamesDataset(Vocabulary.of(WORDS), 2, WORDS);

  static List<DataSetIterator> both() {
    return List.of(DATA.chunks(5), new MinibatchIterator(DATA, new TorchRandom(1), 5, 3));
  }

  @Test
  void chunksHoldEveryExampleOnceInOrder() {
    DataSetIterator chunks = DATA.chunks(5);
    for (int pass = 0; pass < 2; pass++) {
      assertExamples(chunks.next(), 0, 1, 2, 3, 4);
      assertExamples(chunks.next(), 5, 6, 7, 8, 9);
      assertTrue(chunks.hasNext());
      assertExamples(chunks.next(), 10, 11);
      assertFalse(chunks.hasNext());
      chunks.reset();
    }
    assertExamples(chunks.next(3), 0, 1, 2);
    assertExamples(chunks.next(Integer.MAX_VALUE), 3, 4, 5, 6, 7, 8, 9, 10, 11);
  }

  @Test
  void minibatchesAreTheGeneratorsIntegersInOrder() {
    TorchRandom random = new TorchRandom(1);
    MinibatchIterator minibatches = new MinibatchIterator(DATA, new TorchRandom(1), 5, 3);
    assertExamples(minibatches.next(), random.randint(12, 5));
    assertExamples(minibatches.next(4), random.randint(12, 4));
    assertTrue(minibatches.hasNext());
    assertExamples(minibatches.next(), random.randint(12, 5));
    assertFalse(minibatches.hasNext());
    minibatches.reset();
    assertExamples(minibatches.next(), random.randint(12, 5));
  }

  @Test
  void minibatchesShareTheGenerator() {
    TorchRandom random = new TorchRandom(1);
    TorchRandom shared = new TorchRandom(1);
    MinibatchIterator minibatches = new MinibatchIterator(DATA, shared, 2, 2);
    assertExamples(minibatches.next(), random.randint(12, 2));
    assertEquals(random.randint(100), shared.randint(100));
    assertExamples(minibatches.next(), random.randint(12, 2));
  }

  @Test
  void resetAmidARunGivesTheWholeNumberOfStepsAgain() {
    MinibatchIterator minibatches = new MinibatchIterator(DATA, new TorchRandom(1), 1, 3);
    minibatches.next();
    minibatches.reset();
    int steps = 0;
    while (minibatches.hasNext()) {
      minibatches.next();
      steps++;
    }
    assertEquals(3, steps);
  }

  @ParameterizedTest
  @MethodSource("both")
  void endsWithNoSuchElement(DataSetIterator iterator) {
    while (iterator.hasNext()) {
      iterator.next();
    }
    assertThrows(NoSuchElementException.class, iterator::next);
    assertThrows(NoSuchElementException.class, () -> iterator.next(1));
    iterator.reset();
    assertTrue(iterator.hasNext());
  }

  @ParameterizedTest
  @MethodSource("both")
  void tellsWhatDl4jAsksFor(DataSetIterator iterator) {
    assertEquals(5, iterator.batch());
    assertEquals(2, iterator.inputColumns());
    assertEquals(4, iterator.totalOutcomes());
    assertEquals(List.of(".", "a", "b", "c"), iterator.getLabels());
    assertTrue(iterator.resetSupported());
    assertFalse(iterator.asyncSupported());
  }

  @ParameterizedTest
  @MethodSource("both")
  void preprocessesEveryMinibatch(DataSetIterator iterator) {
    assertNull(iterator.getPreProcessor());
    DataSetPreProcessor halve = minibatch -> minibatch.getFeatures().divi(2);
    iterator.setPreProcessor(halve);
    assertSame(halve, iterator.getPreProcessor());
    DataSetIterator plain = both().get(iterator instanceof MinibatchIterator ? 1 : 0);
    while (plain.hasNext()) {
      assertEquals(plain.next().getFeatures().div(2), iterator.next().getFeatures());
    }
  }

  @ParameterizedTest
  @MethodSource("both")
  void goesOnAfterSerialization(DataSetIterator iterator) throws Exception {
    iterator.next();
    DataSetIterator copy = Serialised.copy(iterator);
    while (iterator.hasNext()) {
      assertEquals(iterator.next(), copy.next());
    }
    assertFalse(copy.hasNext());
  }

  /** Nothing is drawn for the minibatch that does not come. */
  @Test
  void endsBeforeItDrawsWhenAConditionSaysSo() {
    TorchRandom random = new TorchRandom(1);
    boolean[] ended = {false};
    MinibatchIterator iterator = new MinibatchIterator(DATA, random, 4, 5).until(() -> ended[0]);
    iterator.next();
    assertTrue(iterator.hasNext());
    TorchRandom.State state = random.state();
    ended[0] = true;
    assertFalse(iterator.hasNext());
    assertThrows(NoSuchElementException.class, iterator::next);
    iterator.reset();
    assertFalse(iterator.hasNext());
    assertEquals(state, random.state());
  }

  @Test
  void trainsEpochsTimesStepsIterations() {
    MultiLayerNetwork network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .list()
                .layer(
                    new OutputLayer.Builder(LossFunction.MSE)
                        .activation(Activation.IDENTITY)
                        .nIn(2)
                        .nOut(1)
                        .build())
                .build());
    network.init();
    network.fit(new MinibatchIterator(DATA, new TorchRandom(1), 4, 5), 3);
    assertEquals(15, network.getIterationCount());
  }

  @Test
  void refusesBadSizesByNameAndValue() {
    TorchRandom random = new TorchRandom(1);
    assertRefused("batch (0) must be at least 1", () -> new MinibatchIterator(DATA, random, 0, 1));
    assertRefused("steps (0) must be at least 1", () -> new MinibatchIterator(DATA, random, 1, 0));
    assertRefused("chunkSize (-1) must be at least 1", () -> DATA.chunks(-1));
    assertRefused("num (0) must be at least 1", () -> DATA.chunks(1).next(0));
  }

  private static void assertExamples(DataSet minibatch, int... examples) {
    float[][] features = new float[examples.length][2];
    float[][] labels = new float[examples.length][1];
    int[] context = new int[2];
    for (int row = 0; row < examples.length; row++) {
      DATA.context(examples[row], context);
      features[row] = new float[] {context[0], context[1]};
      labels[row][0] = DATA.label(examples[row]);
    }
    INDArray expectedFeatures = Nd4j.createFromArray(features);
    assertEquals(expectedFeatures, minibatch.getFeatures());
    assertEquals(Nd4j.createFromArray(labels), minibatch.getLabels());
  }
}
