package org.backpropninja.names;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Golden;
import org.backpropninja.testing.GradientChecks;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;

/** The whole network: one step against PyTorch's figures, gradient checks, saving, the recipe. */
@ExtendWith(DoublePrecision.class)
class CharMlpTest {

  private static final CharMlp NOTEBOOK = new CharMlp(27, 3, 10, 64);

  /** Where the notebooks' parameters are in the network. */
  private static final Map<String, String> KEYS = new LinkedHashMap<>();

  static {
    KEYS.put("C", "0_W");
    KEYS.put("W1", "1_W");
    KEYS.put("b1", "1_b");
    KEYS.put("bngain", "2_gain");
    KEYS.put("bnbias", "2_bias");
    KEYS.put("W2", "3_W");
    KEYS.put("b2", "3_b");
  }

  @ParameterizedTest
  @CsvSource({
    "step-one-generator, DOUBLE, 1e-12",
    "step-two-generators, DOUBLE, 1e-12",
    "step-one-generator, FLOAT, 1e-6",
    "step-two-generators, FLOAT, 1e-6"
  })
  void stepEqualsPyTorch(String step, DataType type, double relative) {
    String folder = step + (type == DataType.DOUBLE ? "/f64/" : "/f32/");
    MultiLayerNetwork network =
        NOTEBOOK.network(new Sgd(0.1), type, new TorchRandom(1), new TorchRandom(2));
    KEYS.forEach(
        (name, key) ->
            NdArrays.assign(
                NdArrays.values(Golden.npy(folder + name + ".npy")), network.getParam(key)));
    INDArray Yb = Golden.npy(step + "/Yb.npy").castTo(type);
    network.setInput(Golden.npy(step + "/Xb.npy").castTo(type));
    network.setLabels(Yb.reshape(Yb.length(), 1));
    network.computeGradientAndScore();

    double loss = Golden.json(folder + "loss.json").get("loss").asDouble();
    assertEquals(loss, network.score(), loss * relative);
    int n = 32; // DL4J's gradients are those of the sum over examples
    KEYS.forEach(
        (name, key) -> {
          double[] expected = NdArrays.values(Golden.npy(folder + "d" + name + ".npy"));
          double[] actual = NdArrays.values(network.gradient().getGradientFor(key).div(n));
          if (name.equals(
              "b1")) { // zero but for rounding, here and in PyTorch, of terms as in dbnbias
            double term = largest(NdArrays.values(Golden.npy(folder + "dbnbias.npy")));
            assertTrue(largest(expected) < relative * term);
            assertWithin("db1", expected, actual, relative * term);
          } else {
            assertClose("d" + name, expected, actual, relative);
          }
        });
  }

  @ParameterizedTest
  @CsvSource({"one, 42, 42", "two, 2147483647, 42"})
  void weightsEqualPyTorch(String generators, long seed, long batchNormSeed) {
    TorchRandom random = new TorchRandom(seed);
    MultiLayerNetwork network =
        NOTEBOOK.network(
            new NoOp(),
            DataType.FLOAT,
            random,
            generators.equals("one") ? random : new TorchRandom(batchNormSeed));
    String folder =
        "step-" + generators + (generators.equals("one") ? "-generator" : "-generators");
    KEYS.forEach(
        (name, key) ->
            assertWithin(
                name,
                NdArrays.values(Golden.npy(folder + "/f32/" + name + ".npy")),
                NdArrays.values(network.getParam(key)),
                5e-7));
    assertEquals(4137, NOTEBOOK.parameters()); // as the notebook prints
    assertEquals(4137 + 2 * 64, network.numParams()); // and the running statistics
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 32})
  void gradientsOfTheWholeNetwork(int n) {
    CharMlp small = new CharMlp(7, 3, 4, 6);
    MultiLayerNetwork network =
        small.network(new NoOp(), DataType.DOUBLE, new TorchRandom(3), new TorchRandom(4));
    TorchRandom random = new TorchRandom(5);
    DataSet data = indices(random, n, 3, 7);
    GradientChecks.check(network, data.getFeatures(), data.getLabels(), "2_mean", "2_var");
  }

  private static DataSet indices(TorchRandom random, int n, int T, int V) {
    return new DataSet(
        Nd4j.createFromArray(random.randint(V, n * T)).castTo(DataType.DOUBLE).reshape(n, T),
        Nd4j.createFromArray(random.randint(V, n)).castTo(DataType.DOUBLE).reshape(n, 1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"FLOAT", "DOUBLE"})
  void restoredNetworkGoesOnTheSame(DataType type, @TempDir Path folder) throws IOException {
    MultiLayerNetwork network =
        NOTEBOOK.network(new Adam(0.01), type, new TorchRandom(3), new TorchRandom(4));
    TorchRandom random = new TorchRandom(5);
    for (int step = 0; step < 5; step++) {
      network.fit(indices(random, 32, 3, 27));
    }
    File file = folder.resolve("model.zip").toFile();
    ModelSerializer.writeModel(network, file, true);
    MultiLayerNetwork restored = ModelSerializer.restoreMultiLayerNetwork(file, true);

    DataSet data = indices(random, 32, 3, 27);
    assertEquals(network.output(data.getFeatures()), restored.output(data.getFeatures()));
    network.fit(data);
    restored.fit(data);
    assertArrayEquals(
        NdArrays.values(network.params()), NdArrays.values(restored.params()), "the next step");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5, 10, 11, 200_000, 200_001})
  void learningRateDropsHalfWay(int steps) {
    IUpdater sgd = CharMlp.notebookSgd(steps);
    int half = (steps - steps % 2) / 2; // an odd step in the middle has the lower rate
    for (int step : new int[] {0, half - 1}) {
      assertEquals(0.1, sgd.getLearningRate(step, 0), "step " + step);
    }
    for (int step : new int[] {half, steps - 1}) {
      assertEquals(0.01, sgd.getLearningRate(step, 0), "step " + step);
    }
  }

  @Test
  void aSingleStepHasTheHigherLearningRate() {
    assertEquals(0.1, CharMlp.notebookSgd(1).getLearningRate(0, 0));
  }

  /** Two chunks of 4,096 examples and a smaller one. */
  @Test
  void lossIsTheMeanOverAllExamplesInInference() {
    List<String> words = NamesFile.read(Path.of("names.txt")).subList(0, 1500);
    NamesDataset data = new NamesDataset(Vocabulary.of(words), 3, words);
    assertEquals(List.of(true, true), List.of(data.size() > 2 * 4096, data.size() < 3 * 4096));
    MultiLayerNetwork network =
        new CharMlp(data.vocabulary().size(), 3, 4, 6)
            .network(new NoOp(), DataType.DOUBLE, new TorchRandom(3), new TorchRandom(4));

    DataSet all = data.examples(IntStream.range(0, data.size()).toArray());
    INDArray probs = network.output(all.getFeatures());
    double sum = 0;
    for (int i = 0; i < data.size(); i++) {
      sum -= Math.log(probs.getDouble(i, all.getLabels().getInt(i, 0)));
    }
    assertEquals(sum / data.size(), CharMlp.loss(network, data), 1e-9);
  }

  /** What weight decay adds to DL4J's score is no loss of the data. */
  @Test
  void lossLeavesWeightDecayOut() {
    List<String> words = List.of("anna", "bob", "cleo");
    NamesDataset data = new NamesDataset(Vocabulary.of(words), 3, words);
    double[] losses = new double[2];
    for (int k = 0; k < 2; k++) {
      MultiLayerNetwork network =
          new CharMlp(data.vocabulary().size(), 3, 4, 6)
              .network(
                  new Sgd(0.1), k * 0.7, DataType.DOUBLE, new TorchRandom(3), new TorchRandom(4));
      assertEquals(k == 1, network.calcRegularizationScore(true) > 1);
      losses[k] = CharMlp.loss(network, data);
    }
    assertEquals(losses[0], losses[1], 1e-12);
  }

  /** A step of Sgd subtracts λ·η·w besides η·∂L/∂w, from C, W1 and W2 only. */
  @Test
  void weightDecayIsTimesTheLearningRateAndOfWeightsOnly() {
    List<String> words = List.of("anna", "bob", "cleo");
    NamesDataset data = new NamesDataset(Vocabulary.of(words), 3, words);
    DataSet minibatch = data.examples(IntStream.range(0, data.size()).toArray());
    MultiLayerNetwork plain = decayed(data, 0);
    MultiLayerNetwork decayed = decayed(data, 0.7);
    Map<String, INDArray> before = new LinkedHashMap<>();
    plain.paramTable().forEach((key, value) -> before.put(key, value.dup()));
    plain.fit(minibatch);
    decayed.fit(minibatch);
    for (String key : List.of("0_W", "1_W", "1_b", "2_gain", "2_bias", "3_W", "3_b")) {
      INDArray expected = plain.getParam(key).dup();
      if (key.endsWith("W")) {
        expected.subi(before.get(key).mul(0.2 * 0.7));
      }
      assertArrayEquals(
          expected.dup('c').data().asDouble(),
          decayed.getParam(key).dup('c').data().asDouble(),
          1e-12,
          key);
    }
  }

  private static MultiLayerNetwork decayed(NamesDataset data, double weightDecay) {
    return new CharMlp(data.vocabulary().size(), 3, 4, 6)
        .network(
            new Sgd(0.2), weightDecay, DataType.DOUBLE, new TorchRandom(3), new TorchRandom(4));
  }

  /** 4,096 of the notebook's network, and fewer of a wide one. */
  @Test
  void chunksKeepTheWidestArrayWithin64MiB() {
    for (int[] sizeAndChunk :
        new int[][] {{200, 4096}, {4096, 4096}, {16384, 1024}, {70000, 239}}) {
      MultiLayerNetwork network =
          new CharMlp(5, 2, 3, sizeAndChunk[0])
              .network(new NoOp(), DataType.FLOAT, new TorchRandom(3), new TorchRandom(4));
      assertEquals(sizeAndChunk[1], CharMlp.chunk(network));
    }
  }

  /** Nothing in its configuration is of the time at which it was made. */
  @Test
  void theSameNetworkHasTheSameConfiguration() throws InterruptedException {
    String first = json();
    Thread.sleep(2);
    assertEquals(first, json());
  }

  private static String json() {
    return NOTEBOOK
        .network(new NoOp(), DataType.FLOAT, new TorchRandom(3), new TorchRandom(4))
        .getLayerWiseConfigurations()
        .toJson();
  }

  @Test
  void refusesImpossibleSizes() {
    var e = assertThrows(IllegalArgumentException.class, () -> new CharMlp(27, 0, 10, 64));
    assertEquals("contextLength (0) must be at least 1", e.getMessage());
    e = assertThrows(IllegalArgumentException.class, () -> CharMlp.notebookSgd(0));
    assertEquals("steps (0) must be at least 1", e.getMessage());
  }
}
