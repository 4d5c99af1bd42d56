package org.backpropninja.layers;

import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.disturb;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.backpropninja.Backward;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.Networks;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryType;
import org.deeplearning4j.nn.conf.memory.MemoryUseMode;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.ObjectNode;

/** What DL4J does with a configuration: copies, files, inference of sizes, transfer learning. */
class ConfigurationTest {

  private static final int V = 6;
  private static final int T = 3;

  /** No setting is the default one. */
  private static EmbeddingConcat.Builder embedding() {
    return new EmbeddingConcat.Builder()
        .name("emb")
        .nIn(V)
        .nOut(2)
        .weightInit(WeightInit.NORMAL)
        .paddingIndex(4)
        .updater(new Nesterovs(0.02, 0.8))
        .constrainWeights(new NonNegativeConstraint());
  }

  private static ManualDense.Builder dense() {
    return new ManualDense.Builder()
        .name("hidden")
        .nOut(4)
        .hasBias(false)
        .activation(Activation.IDENTITY)
        .l2(0.01)
        .weightNoise(new DropConnect(0.99));
  }

  private static BatchNormBessel.Builder batchNorm() {
    return new BatchNormBessel.Builder()
        .name("norm")
        .decay(0.8)
        .eps(1e-3)
        .variance(Variance.BIASED)
        .runningVariance(Variance.BIASED)
        .activation(Activation.TANH)
        .gainInit(0.9)
        .biasInit(0.1)
        .constrainAllParameters(new NonNegativeConstraint());
  }

  private static MultiLayerConfiguration stackOfAll() {
    return settings(DataType.FLOAT)
        .updater(new Adam(0.01))
        .list()
        .layer(embedding().build())
        .layer(dense().build())
        .layer(batchNorm().build())
        .layer(new BatchNormBessel.Builder().build())
        .layer(output(3))
        .setInputType(InputType.feedForward(T))
        .build();
  }

  private static ComputationGraphConfiguration graphOfAll() {
    return settings(DataType.FLOAT)
        .updater(new Adam(0.01))
        .graphBuilder()
        .addInputs("x")
        .addLayer("emb", embedding().build(), "x")
        .addLayer("hidden", dense().build(), "emb")
        .addLayer("norm", batchNorm().build(), "hidden")
        .addLayer("out", output(3), "norm")
        .setOutputs("out")
        .setInputTypes(InputType.feedForward(T))
        .build();
  }

  @Test
  void roundTripsOfANetwork() throws Exception {
    MultiLayerConfiguration conf = stackOfAll();
    assertEquals(conf, MultiLayerConfiguration.fromJson(conf.toJson()));
    assertEquals(conf.toJson(), MultiLayerConfiguration.fromJson(conf.toJson()).toJson());
    assertEquals(conf, MultiLayerConfiguration.fromYaml(conf.toYaml()));
    assertEquals(conf, Serialised.copy(conf));
    assertEquals(conf, conf.clone());
    assertSettings(MultiLayerConfiguration.fromJson(conf.toJson()));
    assertSettings(MultiLayerConfiguration.fromYaml(conf.toYaml()));
    assertSettings(Serialised.copy(conf));
    assertSettings(conf.clone());
  }

  /** A file of 0.1.0 has none of the settings that came later. */
  @Test
  void settingsThatJsonDoesNotNameAreTheDefault() throws IOException {
    EmbeddingConcat padded = embedding().inputLength(T).frozen(true).concat(false).build();
    ObjectNode json = (ObjectNode) new ObjectMapper().readTree(json(padded));
    ObjectNode layer = (ObjectNode) json.get("confs").get(0).get("layer");
    for (String setting : List.of("paddingIndex", "frozen", "concat", "channelsLast")) {
      assertNotNull(layer.remove(setting), setting);
    }
    EmbeddingConcat plain = embedding().inputLength(T).build();
    plain.setPaddingIndex(null);
    assertEquals(
        MultiLayerConfiguration.fromJson(json(plain)),
        MultiLayerConfiguration.fromJson(json.toString()));
  }

  private static String json(Layer layer) {
    return settings(DataType.FLOAT).list().layer(layer).layer(output(3)).build().toJson();
  }

  @Test
  void roundTripsOfAnEmbeddingOfSequences() throws Exception {
    EmbeddingConcat layer =
        embedding().frozen(true).concat(false).dataFormat(RNNFormat.NWC).build();
    MultiLayerConfiguration conf =
        settings(DataType.FLOAT)
            .list()
            .layer(layer)
            .layer(new RnnOutputLayer.Builder().nOut(3).activation(Activation.SOFTMAX).build())
            .setInputType(InputType.recurrent(1, T))
            .build();
    for (MultiLayerConfiguration read :
        List.of(
            MultiLayerConfiguration.fromJson(conf.toJson()),
            MultiLayerConfiguration.fromYaml(conf.toYaml()),
            Serialised.copy(conf),
            conf.clone())) {
      assertEquals(conf, read);
      EmbeddingConcat embedding = (EmbeddingConcat) read.getConf(0).getLayer();
      assertEquals(4, embedding.getPaddingIndex());
      assertTrue(embedding.isFrozen());
      assertFalse(embedding.isConcat());
      assertTrue(embedding.getChannelsLast());
      assertEquals(0, embedding.getInputLength());
    }
  }

  @Test
  void roundTripsOfAGraph() throws Exception {
    ComputationGraphConfiguration conf = graphOfAll();
    assertEquals(conf, ComputationGraphConfiguration.fromJson(conf.toJson()));
    assertEquals(conf, ComputationGraphConfiguration.fromYaml(conf.toYaml()));
    assertEquals(conf, Serialised.copy(conf));
    assertEquals(conf, conf.clone());
  }

  /** equals could overlook a setting, so a few are asked for by name. */
  private static void assertSettings(MultiLayerConfiguration conf) {
    EmbeddingConcat embedding = (EmbeddingConcat) conf.getConf(0).getLayer();
    assertEquals(V, embedding.getNIn());
    assertEquals(T, embedding.getInputLength());
    assertEquals(4, embedding.getPaddingIndex());
    assertEquals(new Nesterovs(0.02, 0.8), embedding.getIUpdater());
    ManualDense dense = (ManualDense) conf.getConf(1).getLayer();
    assertEquals(2 * T, dense.getNIn());
    assertEquals(false, dense.isHasBias());
    assertEquals(new DropConnect(0.99), dense.getWeightNoise());
    BatchNormBessel norm = (BatchNormBessel) conf.getConf(2).getLayer();
    assertEquals("norm", norm.getLayerName());
    assertEquals(0.8, norm.getDecay());
    assertEquals(1e-3, norm.getEps());
    assertEquals(Variance.BIASED, norm.getVariance());
    assertEquals(Variance.BIASED, norm.getRunningVariance());
    assertEquals(Set.of("gain", "bias"), norm.getConstraints().get(0).getParams());
    assertEquals(4, norm.getNIn());
    assertEquals(4, norm.getNOut());
  }

  @Test
  void equalsTellsEverySettingApart() {
    assertAllDiffer(
        embedding().build(),
        embedding().nIn(7).build(),
        embedding().nOut(3).build(),
        embedding().inputLength(9).build(),
        embedding().paddingIndex(3).build(),
        embedding().frozen(true).build(),
        embedding().concat(false).build(),
        embedding().dataFormat(RNNFormat.NWC).build(),
        embedding().dataFormat(RNNFormat.NCW).build(),
        embedding().backward(Backward.STEPWISE).build(),
        embedding().name("other").build(),
        embedding().updater(new Sgd(0.02)).build(),
        dense().build(),
        dense().nIn(9).build(),
        dense().nOut(9).build(),
        dense().hasBias(true).build(),
        dense().backward(Backward.STEPWISE).build(),
        dense().activation(Activation.TANH).build(),
        dense().dropOut(0.5).build(),
        dense().l2(0.02).build(),
        batchNorm().build(),
        batchNorm().nOut(9).build(),
        batchNorm().decay(0.81).build(),
        batchNorm().backward(Backward.STEPWISE).build(),
        batchNorm().eps(1e-4).build(),
        batchNorm().variance(Variance.UNBIASED).build(),
        batchNorm().runningVariance(Variance.UNBIASED).build(),
        batchNorm().activation(Activation.IDENTITY).build(),
        batchNorm().gainInit(0.8).build());
    for (Layer layer : List.of(embedding().build(), dense().build(), batchNorm().build())) {
      assertEquals(layer, layer.clone());
      assertEquals(layer.hashCode(), layer.clone().hashCode());
      assertNotSame(layer, layer.clone());
      assertNotEquals(layer, output(3));
    }
  }

  private static void assertAllDiffer(Layer... layers) {
    for (int i = 0; i < layers.length; i++) {
      for (int j = 0; j < i; j++) {
        assertNotEquals(layers[i], layers[j], layers[i] + " and " + layers[j]);
      }
    }
  }

  /** DL4J's part of the hash does not tell activations apart. */
  @Test
  void hashesDependOnOurSettings() {
    Set<Integer> hashes = new HashSet<>();
    assertTrue(hashes.add(embedding().build().hashCode()));
    assertTrue(hashes.add(embedding().inputLength(9).build().hashCode()));
    assertTrue(hashes.add(embedding().paddingIndex(3).build().hashCode()));
    assertTrue(hashes.add(embedding().frozen(true).build().hashCode()));
    assertTrue(hashes.add(embedding().concat(false).build().hashCode()));
    assertTrue(hashes.add(dense().build().hashCode()));
    assertTrue(hashes.add(dense().hasBias(true).build().hashCode()));
    assertTrue(hashes.add(batchNorm().build().hashCode()));
    assertTrue(hashes.add(batchNorm().decay(0.81).build().hashCode()));
    assertTrue(hashes.add(batchNorm().eps(1e-4).build().hashCode()));
    assertTrue(hashes.add(batchNorm().variance(Variance.UNBIASED).build().hashCode()));
    assertTrue(hashes.add(batchNorm().runningVariance(Variance.UNBIASED).build().hashCode()));
  }

  @Test
  void textsShowTheSettings() {
    String settings = "inputLength=9, paddingIndex=4, frozen=true, concat=true";
    String text = embedding().inputLength(9).frozen(true).build().toString();
    assertTrue(text.contains(settings), text);
    assertTrue(dense().build().toString().contains("hasBias=false"));
    assertTrue(
        batchNorm()
            .build()
            .toString()
            .contains("decay=0.8, eps=0.001, variance=BIASED, runningVariance=BIASED"));
  }

  @Test
  void batchNormTakesEitherSize() {
    for (FeedForwardLayer layer :
        List.of(
            new BatchNormBessel.Builder().nIn(5).build(),
            new BatchNormBessel.Builder().nOut(5).build(),
            new BatchNormBessel.Builder().nIn(5).nOut(5).build())) {
      assertEquals(5, layer.getNIn());
      assertEquals(5, layer.getNOut());
    }
  }

  /** The activation of a network is meant for its dense layers. */
  @Test
  void activationOfTheNetwork() {
    MultiLayerConfiguration conf =
        settings(DataType.FLOAT)
            .activation(Activation.ELU)
            .list()
            .layer(new EmbeddingConcat.Builder().nIn(V).nOut(2).build())
            .layer(new ManualDense.Builder().nOut(4).build())
            .layer(new BatchNormBessel.Builder().build())
            .layer(output(3))
            .setInputType(InputType.feedForward(T))
            .build();
    assertEquals("identity", activation(conf, 0));
    assertEquals("elu", activation(conf, 1).replaceAll("\\(.*", ""));
    assertEquals("identity", activation(conf, 2));
  }

  private static String activation(MultiLayerConfiguration conf, int layer) {
    return ((FeedForwardLayer) conf.getConf(layer).getLayer()).getActivationFn().toString();
  }

  @Test
  void memoryReportCountsParametersAndUpdaterState() {
    MultiLayerConfiguration conf = stackOfAll();
    MultiLayerNetwork net = new MultiLayerNetwork(conf);
    net.init();
    InputType type = InputType.feedForward(T);
    for (int i = 0; i < 4; i++) {
      Layer layer = conf.getConf(i).getLayer();
      LayerMemoryReport report = layer.getMemoryReport(type);
      assertEquals(4 * net.getLayer(i).numParams(), bytes(report, MemoryType.PARAMETERS));
      assertEquals(
          4L * 32 * type.arrayElementsPerExample(), bytes(report, MemoryType.ACTIVATION_GRADIENTS));
      type = layer.getOutputType(i, type);
      assertEquals(4L * 32 * type.arrayElementsPerExample(), bytes(report, MemoryType.ACTIVATIONS));
    }
    // Nesterovs keeps one state for each value, Adam two, the running statistics have none.
    assertEquals(4 * V * 2, stateBytes(conf, 0, InputType.feedForward(T)));
    assertEquals(4 * 2 * (2 * T * 4), stateBytes(conf, 1, InputType.feedForward(2 * T)));
    assertEquals(4 * 2 * (4 + 4), stateBytes(conf, 2, InputType.feedForward(4)));
    long total = 4 * net.numParams();
    assertEquals(
        total,
        conf.getMemoryReport(InputType.feedForward(T))
            .getMemoryBytes(
                MemoryType.PARAMETERS, 32, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT));
  }

  private static long stateBytes(MultiLayerConfiguration conf, int layer, InputType type) {
    return bytes(conf.getConf(layer).getLayer().getMemoryReport(type), MemoryType.UPDATER_STATE);
  }

  private static long bytes(LayerMemoryReport report, MemoryType type) {
    return report.getMemoryBytes(type, 32, MemoryUseMode.TRAINING, CacheMode.NONE, DataType.FLOAT);
  }

  private static MultiLayerNetwork trained() {
    return trained(WorkspaceMode.ENABLED);
  }

  private static MultiLayerNetwork trained(WorkspaceMode mode) {
    MultiLayerConfiguration conf = stackOfAll();
    conf.setTrainingWorkspaceMode(mode);
    conf.setInferenceWorkspaceMode(mode);
    ((ManualDense) conf.getConf(1).getLayer()).setWeightNoise(null); // random
    MultiLayerNetwork net = new MultiLayerNetwork(conf);
    net.init();
    disturb(net.paramTable(), 3);
    net.fit(minibatch(1));
    net.fit(minibatch(2));
    return net;
  }

  private static DataSet minibatch(int seed) {
    return new DataSet(indices(seed), oneHot(DataType.FLOAT, 3, classes(seed, 8, 3)));
  }

  private static INDArray indices(int seed) {
    return random(seed, 0, V, 8, T).castTo(DataType.INT64).castTo(DataType.FLOAT);
  }

  @Test
  void workspacesDoNotMatter() {
    MultiLayerNetwork with = trained(WorkspaceMode.ENABLED);
    MultiLayerNetwork without = trained(WorkspaceMode.NONE);
    assertEquals(without.params(), with.params());
    assertEquals(without.output(indices(4)), with.output(indices(4)));
  }

  @Test
  void aRestoredNetworkGoesOnAsIfNothingHadHappened(@TempDir Path folder) throws IOException {
    MultiLayerNetwork net = trained();
    File file = folder.resolve("net.zip").toFile();
    ModelSerializer.writeModel(net, file, true);
    assertGoesOn(net, ModelSerializer.restoreMultiLayerNetwork(file, true));
  }

  @Test
  void aClonedNetworkGoesOnAsIfNothingHadHappened() {
    MultiLayerNetwork net = trained();
    assertGoesOn(net, net.clone());
  }

  private static void assertGoesOn(MultiLayerNetwork net, MultiLayerNetwork copy) {
    assertEquals(net.output(indices(9)), copy.output(indices(9)));
    assertEquals(net.getUpdater().getStateViewArray(), copy.getUpdater().getStateViewArray());
    net.fit(minibatch(3));
    assertNotEquals(net.params(), copy.params());
    copy.fit(minibatch(3));
    assertEquals(net.params(), copy.params());
    assertEquals(net.output(indices(9)), copy.output(indices(9)));
  }

  @Test
  void aRestoredGraphGoesOnAsIfNothingHadHappened(@TempDir Path folder) throws IOException {
    ComputationGraphConfiguration conf = graphOfAll();
    ComputationGraph net = new ComputationGraph(conf);
    net.init();
    disturb(net.paramTable(), 3);
    net.fit(minibatch(1));
    File file = folder.resolve("net.zip").toFile();
    ModelSerializer.writeModel(net, file, true);
    ComputationGraph copy = ModelSerializer.restoreComputationGraph(file, true);
    assertEquals(net.outputSingle(indices(9)), copy.outputSingle(indices(9)));
    assertEquals(net.params(), copy.params());
  }

  @Test
  void transferLearningKeepsTheLayers() {
    MultiLayerNetwork net = trained();
    MultiLayerNetwork transferred =
        new TransferLearning.Builder(net)
            .fineTuneConfiguration(
                new FineTuneConfiguration.Builder().seed(1).updater(new Sgd(0.1)).build())
            .setFeatureExtractor(1)
            .removeOutputLayer()
            .addLayer(
                new OutputLayer.Builder().nIn(4).nOut(3).activation(Activation.SOFTMAX).build())
            .build();
    for (int i = 0; i < 4; i++) {
      assertEquals(net.getLayer(i).params(), transferred.getLayer(i).params());
    }
    BatchNormBessel norm = (BatchNormBessel) transferred.getLayer(2).conf().getLayer();
    assertEquals(0.8, norm.getDecay());
    assertEquals(new Sgd(0.1), norm.getIUpdater());
    INDArray frozen = transferred.getLayer(1).params().dup();
    INDArray trained = transferred.getLayer(2).params().dup();
    transferred.fit(minibatch(1));
    assertEquals(frozen, transferred.getLayer(1).params());
    assertNotEquals(trained, transferred.getLayer(2).params());
  }

  /** The width of a batch norm is replaced with that of the layer below it. */
  @Test
  void transferLearningReplacesWidths() {
    MultiLayerNetwork widened =
        new TransferLearning.Builder(trained())
            .nOutReplace(1, 7, WeightInit.XAVIER)
            .nOutReplace(2, 7, WeightInit.XAVIER)
            .nOutReplace(3, 7, WeightInit.XAVIER)
            .build();
    widened.fit(minibatch(1));
    assertEquals(7, widened.feedForward(indices(1)).get(4).size(1));
  }

  /** DL4J gives the layer above nOut inputs, right for sequences and too few side by side. */
  @Test
  void transferLearningReplacesTheWidthOfVectors() {
    TransferLearning.Builder wider =
        new TransferLearning.Builder(trained()).nOutReplace(0, 5, WeightInit.XAVIER);
    MultiLayerNetwork net = wider.nInReplace(1, 5 * T, WeightInit.XAVIER).build();
    net.fit(minibatch(1));
    assertEquals(5 * T, net.feedForward(indices(1)).get(1).size(1));
    MultiLayerNetwork sequences =
        Networks.stack(
            DataType.FLOAT,
            InputType.recurrent(1, T),
            embedding().concat(false).build(),
            new RnnOutputLayer.Builder().nOut(3).activation(Activation.SOFTMAX).build());
    MultiLayerNetwork widened =
        new TransferLearning.Builder(sequences).nOutReplace(0, 5, WeightInit.XAVIER).build();
    assertArrayEquals(new long[] {8, 5, T}, widened.feedForward(indices(1)).get(1).shape());
  }

  /** As TransferLearning replaces them, one at a time. */
  @Test
  void batchNormsWidthsStayTheSame() {
    BatchNormBessel norm = new BatchNormBessel.Builder().nIn(4).build();
    norm.setNIn(7);
    assertEquals(7, norm.getNOut());
    norm.setNOut(5);
    assertEquals(5, norm.getNIn());
    ManualDense dense = new ManualDense.Builder().nIn(4).nOut(3).build();
    dense.setNIn(7);
    dense.setNOut(5);
    assertEquals(7, dense.getNIn());
  }
}
