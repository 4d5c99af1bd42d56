package org.backpropninja.loss;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Golden.numbers;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.dense;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.loss.ManualCrossEntropyLoss.Mean;
import org.backpropninja.testing.Differences;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.GoldenModels;
import org.backpropninja.testing.GradientChecks;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.databind.JsonNode;

/** Class weights, the ignored label, label smoothing and the mean, alone and together. */
@ExtendWith(DoublePrecision.class)
class CrossEntropySettingsTest {

  private static final IActivation SOFTMAX = new ActivationSoftmax();
  private static final int N = 6;
  private static final int V = 4;
  private static final double[] WEIGHTS = {0.7, 1.9, 0, 2.6};
  private static final int IGNORED = 1;

  // PyTorch's figures

  static List<JsonNode> golden() {
    return GoldenModels.cases("cross_entropy");
  }

  private static ManualCrossEntropyLoss lossOf(JsonNode figures) {
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss();
    loss.labelSmoothing(figures.get("label_smoothing").asDouble());
    if (figures.get("weight").isArray()) {
      loss.classWeights(numbers(figures.get("weight")));
    }
    if (figures.get("ignore_index").isNumber()) {
      loss.ignoreIndex(figures.get("ignore_index").asInt());
    }
    return loss;
  }

  private static INDArray array(JsonNode numbers, DataType type) {
    return GoldenModels.array(numbers).castTo(type);
  }

  @ParameterizedTest
  @MethodSource("golden")
  void sumAndLossesArePyTorchs(JsonNode figures) {
    for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT)) {
      for (Backward way : Backward.values()) {
        ManualCrossEntropyLoss loss = lossOf(figures).backward(way);
        INDArray logits = array(figures.get("logits"), type);
        INDArray y = labels(figures, type);
        double relative = type == DataType.DOUBLE ? 1e-12 : 1e-5;
        double sum = figures.get("loss_sum").asDouble();
        assertEquals(
            sum, loss.computeScore(y, logits, SOFTMAX, null, false), relative * Math.abs(sum));
        INDArray dlogits = loss.computeGradient(y, logits, SOFTMAX, null);
        assertArrayEquals(logits.shape(), dlogits.shape());
        assertClose("dlogits", numbers(figures.get("dlogits_of_sum")), elements(dlogits), relative);
        if (figures.has("losses")) {
          INDArray losses = loss.computeScoreArray(y, logits, SOFTMAX, null);
          assertClose("losses", numbers(figures.get("losses")), elements(losses), relative);
        }
      }
    }
  }

  private static INDArray labels(JsonNode figures, DataType type) {
    return array(figures.get(figures.has("labels") ? "labels" : "targets"), type);
  }

  @ParameterizedTest
  @MethodSource("golden")
  void meanIsPyTorchs(JsonNode figures) {
    boolean isIgnored = !figures.has("loss_mean"); // all of it, and PyTorch's mean is NaN
    for (Backward way : Backward.values()) {
      ManualCrossEntropyLoss loss = lossOf(figures).backward(way).mean(Mean.OVER_WEIGHTS);
      INDArray logits = array(figures.get("logits"), DataType.DOUBLE);
      INDArray y = labels(figures, DataType.DOUBLE);
      long rows = logits.length() / logits.size(1);
      double mean = isIgnored ? 0 : figures.get("loss_mean").asDouble();
      assertEquals(mean, loss.computeScore(y, logits, SOFTMAX, null, true), 1e-12 * mean);
      // What DL4J divides by the number of rows, is the mean afterwards.
      double score = loss.computeScore(y, logits, SOFTMAX, null, false);
      assertEquals(mean, score / rows, 1e-12 * mean);
      double[] expected = numbers(figures.get(isIgnored ? "dlogits_of_sum" : "dlogits_of_mean"));
      INDArray dlogits = loss.computeGradient(y, logits, SOFTMAX, null);
      assertClose("dlogits", expected, elements(dlogits.div(rows)), 1e-12);
    }
  }

  // The formula

  static Stream<Arguments> cases() {
    return settings().flatMap(loss -> Stream.of(Labels.values()).map(y -> Arguments.of(loss, y)));
  }

  static Stream<ManualCrossEntropyLoss> settings() {
    return Stream.of(
        new ManualCrossEntropyLoss().mean(Mean.OVER_WEIGHTS),
        new ManualCrossEntropyLoss().classWeights(WEIGHTS),
        new ManualCrossEntropyLoss().classWeights(WEIGHTS).mean(Mean.OVER_WEIGHTS),
        new ManualCrossEntropyLoss().ignoreIndex(IGNORED),
        new ManualCrossEntropyLoss().ignoreIndex(IGNORED).mean(Mean.OVER_WEIGHTS),
        new ManualCrossEntropyLoss().ignoreIndex(-100),
        new ManualCrossEntropyLoss().labelSmoothing(0.3),
        new ManualCrossEntropyLoss().labelSmoothing(1),
        new ManualCrossEntropyLoss().labelSmoothing(0.3).classWeights(WEIGHTS),
        new ManualCrossEntropyLoss().labelSmoothing(0.3).ignoreIndex(IGNORED),
        all(Mean.OVER_EXAMPLES),
        all(Mean.OVER_WEIGHTS),
        new ManualCrossEntropyLoss().classWeights(WEIGHTS).dataFormat(CNN2DFormat.NCHW),
        new ManualCrossEntropyLoss().classWeights(WEIGHTS).dataFormat(RNNFormat.NWC));
  }

  private static ManualCrossEntropyLoss all(Mean mean) {
    return new ManualCrossEntropyLoss()
        .labelSmoothing(0.3)
        .classWeights(WEIGHTS)
        .ignoreIndex(IGNORED)
        .mean(mean);
  }

  /** All classes, the one of weight 0 and the ignored one among them. */
  private enum Labels {
    VECTOR {
      @Override
      INDArray of(ManualCrossEntropyLoss loss) {
        return COLUMN.of(loss).reshape(N);
      }
    },
    COLUMN {
      @Override
      INDArray of(ManualCrossEntropyLoss loss) {
        Integer ignored = loss.getIgnoreIndex();
        return column(3, 0, 2, ignored == null ? 1 : ignored, 1, 3);
      }
    },
    ROWS {
      @Override
      INDArray of(ManualCrossEntropyLoss loss) {
        INDArray rows = random(2, 0.1, 2, N, V); // they do not sum to one
        rows.putRow(1, Nd4j.createFromArray(0, 1.3, 0, 0)); // only the ignored class
        rows.putRow(2, Nd4j.createFromArray(0, 0, 1.7, 0)); // only the one of weight 0
        return rows;
      }
    };

    abstract INDArray of(ManualCrossEntropyLoss loss);
  }

  private static INDArray column(double... elements) {
    return Nd4j.create(elements, new long[] {elements.length, 1}, 'c');
  }

  static List<INDArray> masks() {
    return Arrays.asList(null, column(1, 1, 1, 0, 1, 0));
  }

  /** Sum and mean, by the definition and nothing else. */
  private record Expected(double[] losses, double mean) {

    static Expected of(ManualCrossEntropyLoss loss, INDArray y, INDArray logits, INDArray mask) {
      double[] losses = new double[N];
      double counted = 0;
      for (int i = 0; i < N; i++) {
        if (mask != null && mask.getDouble(i) == 0) {
          continue;
        }
        double mass = 0;
        for (int k = 0; k < V; k++) {
          double target = target(y, i, k);
          boolean isIgnored = loss.getIgnoreIndex() != null && loss.getIgnoreIndex() == k;
          if (!isIgnored) {
            losses[i] += target * lossOfLabel(loss, logits, i, k);
            boolean byWeight = y.length() == N && loss.getMean() == Mean.OVER_WEIGHTS;
            mass += target * (byWeight ? weight(loss, k) : 1);
          }
        }
        counted += y.length() == N ? mass : Math.signum(mass);
      }
      double factor = loss.getMean() == Mean.OVER_WEIGHTS ? N / counted : 1;
      double mean = Arrays.stream(losses).sum() / counted;
      return new Expected(Arrays.stream(losses).map(l -> l * factor).toArray(), mean);
    }

    private static double target(INDArray y, int i, int k) {
      return y.length() == N ? (y.getDouble(i) == k ? 1 : 0) : y.getDouble(i, k);
    }

    private static double weight(ManualCrossEntropyLoss loss, int k) {
      return loss.getClassWeights() == null ? 1 : loss.getClassWeights()[k];
    }

    private static double lossOfLabel(ManualCrossEntropyLoss loss, INDArray logits, int i, int k) {
      double s = loss.getLabelSmoothing();
      double sum = 0;
      for (int j = 0; j < V; j++) {
        sum += weight(loss, j) * nll(logits, i, j);
      }
      return (1 - s) * weight(loss, k) * nll(logits, i, k) + s / V * sum;
    }

    private static double nll(INDArray logits, int i, int j) {
      double sum = 0;
      for (int k = 0; k < V; k++) {
        sum += Math.exp(logits.getDouble(i, k));
      }
      return Math.log(sum) - logits.getDouble(i, j);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void valuesAreThoseOfTheDefinition(ManualCrossEntropyLoss loss, Labels labels) {
    INDArray y = labels.of(loss);
    INDArray logits = random(1, -2, 2, N, V);
    for (INDArray mask : masks()) {
      for (Backward way : Backward.values()) {
        loss.backward(way);
        Expected expected = Expected.of(loss, y, logits, mask);
        double sum = Arrays.stream(expected.losses).sum();
        assertTrue(sum > 1, "there is something to go wrong");
        assertEquals(sum, loss.computeScore(y, logits, SOFTMAX, mask, false), 1e-12);
        assertEquals(expected.mean, loss.computeScore(y, logits, SOFTMAX, mask, true), 1e-12);
        double[] losses = elements(loss.computeScoreArray(y, logits, SOFTMAX, mask));
        assertWithin("losses", expected.losses, losses, 1e-12);
        for (boolean average : new boolean[] {false, true}) {
          var both = loss.computeGradientAndScore(y, logits, SOFTMAX, mask, average);
          assertEquals(average ? expected.mean : sum, both.getFirst(), 1e-12);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void gradientIsThatOfTheScore(ManualCrossEntropyLoss loss, Labels labels) {
    INDArray y = labels.of(loss);
    INDArray logits = random(1, -2, 2, N, V);
    for (INDArray mask : masks()) {
      for (Backward way : Backward.values()) {
        loss.backward(way);
        double[] slopes =
            Differences.of(logits, () -> loss.computeScore(y, logits, SOFTMAX, mask, false), 1e-5);
        INDArray gradient = loss.computeGradient(y, logits, SOFTMAX, mask);
        assertWithin("dlogits", slopes, elements(gradient), 1e-8);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void fusedIsStepwise(ManualCrossEntropyLoss loss, Labels labels) {
    INDArray y = labels.of(loss);
    INDArray logits = random(1, -2, 2, N, V);
    for (INDArray mask : masks()) {
      double[] fused =
          elements(loss.backward(Backward.FUSED).computeGradient(y, logits, SOFTMAX, mask));
      double[] stepwise =
          elements(loss.backward(Backward.STEPWISE).computeGradient(y, logits, SOFTMAX, mask));
      assertClose("dlogits", stepwise, fused, 1e-14);
    }
  }

  /** The parameters' gradient of whole networks, and the score that DL4J makes of it. */
  @ParameterizedTest
  @MethodSource("cases")
  void gradientsOfANetwork(ManualCrossEntropyLoss loss, Labels labels) {
    INDArray y = labels.of(loss);
    INDArray x = random(3, -1, 1, N, 3);
    Layer output = new OutputLayer.Builder(loss).nOut(V).activation(Activation.SOFTMAX).build();
    Layer lossLayer = new LossLayer.Builder(loss).activation(Activation.SOFTMAX).build();
    for (Layer[] layers : new Layer[][] {{dense(5), output}, {dense(V), lossLayer}}) {
      MultiLayerNetwork net = stack(DataType.DOUBLE, InputType.feedForward(3), layers);
      for (INDArray mask : masks()) {
        GradientChecks.check(
            new GradientCheckUtil.MLNConfig().net(net).input(x).labels(y).labelMask(mask));
        net.clearLayerMaskArrays();
      }
    }
  }

  /** As argMax(1) gives them, whole numbers of rank 1, in networks and graphs. */
  @Test
  void fitsVectorsOfLabels() {
    ManualCrossEntropyLoss loss = all(Mean.OVER_WEIGHTS);
    Layer output = new OutputLayer.Builder(loss).nOut(V).activation(Activation.SOFTMAX).build();
    Layer lossLayer = new LossLayer.Builder(loss).activation(Activation.SOFTMAX).build();
    INDArray x = random(3, -1, 1, N, V);
    INDArray y = x.argMax(1);
    assertEquals(1, y.rank());
    for (Layer[] layers : new Layer[][] {{dense(5), output}, {dense(V), lossLayer}}) {
      MultiLayerNetwork columns = stack(DataType.DOUBLE, InputType.feedForward(V), layers);
      MultiLayerNetwork vectors = columns.clone();
      ComputationGraph graph = columns.toComputationGraph();
      INDArray before = columns.params().dup();
      for (int step = 0; step < 3; step++) {
        columns.fit(x, y.reshape(N, 1).castTo(DataType.DOUBLE));
        vectors.fit(x, y);
        graph.fit(new DataSet(x, y));
      }
      assertNotEquals(before, columns.params());
      assertEquals(columns.params(), vectors.params());
      assertEquals(columns.params(), graph.params());
    }
  }

  // Edges

  @ParameterizedTest
  @MethodSource("cases")
  void leavesItsArgumentsAlone(ManualCrossEntropyLoss loss, Labels labels) {
    INDArray y = labels.of(loss);
    INDArray mask = column(1, 1, 1, 0, 1, 0);
    loss.computeGradientAndScore(y, random(1, -2, 2, N, V), SOFTMAX, mask, true);
    assertEquals(labels.of(loss), y);
    assertEquals(column(1, 1, 1, 0, 1, 0), mask);
    assertArrayEquals(new double[] {0.7, 1.9, 0, 2.6}, WEIGHTS);
  }

  /** Not NaN, whatever the mean divides by. */
  @ParameterizedTest
  @MethodSource("settings")
  void everythingIgnoredIsZero(ManualCrossEntropyLoss loss) {
    loss.ignoreIndex(IGNORED);
    INDArray logits = random(1, -2, 2, N, V);
    INDArray rows = Nd4j.zeros(N, V);
    rows.getColumn(IGNORED).assign(1.3);
    INDArray Yb = Nd4j.valueArrayOf(new long[] {N, 1}, (double) IGNORED);
    INDArray mask = Nd4j.zeros(N, 1);
    for (INDArray[] minibatch :
        new INDArray[][] {
          {rows, null}, {Yb, null}, {Labels.ROWS.of(loss), mask}, {Labels.COLUMN.of(loss), mask}
        }) {
      assertZero(loss, minibatch[0], logits, minibatch[1]);
    }
  }

  private static void assertZero(
      ManualCrossEntropyLoss loss, INDArray y, INDArray logits, INDArray mask) {
    for (Backward way : Backward.values()) {
      loss.backward(way);
      for (boolean average : new boolean[] {true, false}) {
        var both = loss.computeGradientAndScore(y, logits, SOFTMAX, mask, average);
        assertEquals(0, both.getFirst());
        assertWithin("dlogits", new double[N * V], elements(both.getSecond()), 0);
        assertEquals(0, loss.computeScore(y, logits, SOFTMAX, mask, average));
      }
      double[] losses = elements(loss.computeScoreArray(y, logits, SOFTMAX, mask));
      assertWithin("losses", new double[N], losses, 0);
    }
  }

  /** There is no mean over weights of nothing but zeros, with smoothing either. */
  @Test
  void onlyLabelsOfWeightZero() {
    INDArray logits = random(1, -2, 2, N, V);
    INDArray Yb = Nd4j.valueArrayOf(new long[] {N, 1}, 2.0);
    for (double smoothing : new double[] {0, 0.3}) {
      assertZero(
          new ManualCrossEntropyLoss()
              .classWeights(WEIGHTS)
              .labelSmoothing(smoothing)
              .mean(Mean.OVER_WEIGHTS),
          Yb,
          logits,
          null);
    }
  }

  @Test
  void ignoredLogitsAreNotLookedAt() {
    INDArray logits = random(1, -2, 2, N, V);
    for (Labels labels : new Labels[] {Labels.COLUMN, Labels.VECTOR}) {
      ManualCrossEntropyLoss loss = all(Mean.OVER_WEIGHTS);
      INDArray y = labels.of(loss);
      double expected = loss.computeScore(y, logits, SOFTMAX, null, false);
      INDArray broken = logits.dup();
      broken.putScalar(3, 0, Double.NaN);
      assertEquals(expected, loss.computeScore(y, broken, SOFTMAX, null, false));
    }
  }

  /** One label is ignored, and no other. */
  @ParameterizedTest
  @ValueSource(ints = {-100, -1, 4, 1000})
  void ignoresOneLabelOnly(int ignored) {
    INDArray logits = random(1, -2, 2, N, V);
    for (double smoothing : new double[] {0, 0.3}) {
      ManualCrossEntropyLoss loss =
          new ManualCrossEntropyLoss().ignoreIndex(ignored).labelSmoothing(smoothing);
      loss.computeGradient(column(0, 1, ignored, 2, 3, ignored), logits, SOFTMAX, null);
      for (double other : new double[] {ignored + 0.5, Double.NaN, 5, -2}) {
        assertRefused(
            () -> loss.computeGradient(column(0, other, 1, 1, 1, 1), logits, SOFTMAX, null),
            "labels[1, 0] must be a whole number from 0 to 3, was " + other);
      }
    }
  }

  @Test
  void refusesWeightsForAnotherNumberOfClasses() {
    INDArray logits = random(1, -2, 2, N, V);
    for (double[] weights : new double[][] {{}, {0.5, 2}, {0.5, 2, 3, 4, 5}}) {
      ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().classWeights(weights);
      for (Labels labels : Labels.values()) {
        assertRefused(
            () -> loss.computeScore(labels.of(loss), logits, SOFTMAX, null, false),
            "ManualCrossEntropyLoss: classWeights must have one weight for each of the 4 classes,"
                + " has "
                + weights.length);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesClassWeights(double weight) {
    assertRefused(
        IllegalArgumentException.class,
        () -> new ManualCrossEntropyLoss().classWeights(1.5, weight),
        "classWeights[1] (" + weight + ") must be a finite number from 0 on");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.0001, Double.NaN})
  void refusesLabelSmoothing(double smoothing) {
    assertRefused(
        IllegalArgumentException.class,
        () -> new ManualCrossEntropyLoss().labelSmoothing(smoothing),
        "labelSmoothing (" + smoothing + ") must be from 0 to 1");
  }

  @Test
  void refusesNoFormat() {
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss();
    var type = NullPointerException.class;
    String message = "format must not be null";
    assertRefused(type, () -> loss.dataFormat((RNNFormat) null), message);
    assertRefused(type, () -> loss.dataFormat((CNN2DFormat) null), message);
    assertRefused(type, () -> loss.dataFormat((Convolution3D.DataFormat) null), message);
    assertNull(loss.getChannelsLast());
  }

  @Test
  void classWeightsAreCopies() {
    double[] weights = {0.5, 2};
    ManualCrossEntropyLoss loss = new ManualCrossEntropyLoss().classWeights(weights);
    weights[0] = 7;
    loss.getClassWeights()[1] = 7;
    assertArrayEquals(new double[] {0.5, 2}, loss.getClassWeights());
  }

  // Configurations

  @ParameterizedTest
  @MethodSource("settings")
  void settingsSurviveSerialisation(ManualCrossEntropyLoss loss)
      throws IOException, ClassNotFoundException {
    MultiLayerConfiguration conf = configuration(loss);
    for (MultiLayerConfiguration copy :
        List.of(
            MultiLayerConfiguration.fromJson(conf.toJson()),
            MultiLayerConfiguration.fromYaml(conf.toYaml()),
            Serialised.copy(conf),
            conf.clone())) {
      assertEquals(conf, copy);
      ManualCrossEntropyLoss restored = lossIn(copy);
      assertEquals(loss, restored);
      assertEquals(loss.hashCode(), restored.hashCode());
      assertEquals(loss.toString(), restored.toString());
      assertArrayEquals(loss.getClassWeights(), restored.getClassWeights());
      assertEquals(loss.getIgnoreIndex(), restored.getIgnoreIndex());
      assertEquals(loss.getLabelSmoothing(), restored.getLabelSmoothing());
      assertEquals(loss.getMean(), restored.getMean());
      assertEquals(loss.getChannelsLast(), restored.getChannelsLast());
    }
  }

  private static MultiLayerConfiguration configuration(ManualCrossEntropyLoss loss) {
    Layer output = new OutputLayer.Builder(loss).nOut(V).activation(Activation.SOFTMAX).build();
    return stack(DataType.DOUBLE, InputType.feedForward(3), output).getLayerWiseConfigurations();
  }

  private static ManualCrossEntropyLoss lossIn(MultiLayerConfiguration conf) {
    return (ManualCrossEntropyLoss) ((OutputLayer) conf.getConf(0).getLayer()).getLossFn();
  }

  /** As they were written before there were settings. */
  @Test
  void loadsConfigurationsWithoutSettings() {
    String json = configuration(new ManualCrossEntropyLoss()).toJson();
    String old =
        json.replaceAll(
            "(?s)(\"lossFn\" : \\{[^}]*?\"backward\" : \"FUSED\")[^}]*?(\\s*\\})", "$1$2");
    for (String setting :
        List.of("classWeights", "ignoreIndex", "labelSmoothing", "mean\"", "channelsLast")) {
      assertTrue(json.contains(setting), setting);
      assertFalse(old.contains(setting), old);
    }
    assertEquals(new ManualCrossEntropyLoss(), lossIn(MultiLayerConfiguration.fromJson(old)));
  }

  /** One of backward STEPWISE, written by Java before there were settings. */
  private static final String OLD_OBJECT =
      "rO0ABXNyAC1vcmcuYmFja3Byb3BuaW5qYS5sb3NzLk1hbnVhbENyb3NzRW50cm9weUxvc3MAAAAAAAAAAQIAAUwA"
          + "CGJhY2t3YXJkdAAcTG9yZy9iYWNrcHJvcG5pbmphL0JhY2t3YXJkO3hwfnIAGm9yZy5iYWNrcHJvcG5pbmph"
          + "LkJhY2t3YXJkAAAAAAAAAAASAAB4cgAOamF2YS5sYW5nLkVudW0AAAAAAAAAABIAAHhwdAAIU1RFUFdJU0U=";

  @Test
  void readsObjectsWithoutSettings() throws IOException, ClassNotFoundException {
    byte[] bytes = Base64.getDecoder().decode(OLD_OBJECT);
    try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
      ManualCrossEntropyLoss loss = (ManualCrossEntropyLoss) in.readObject();
      assertEquals(new ManualCrossEntropyLoss().backward(Backward.STEPWISE), loss);
      assertEquals(Mean.OVER_EXAMPLES, loss.getMean());
    }
  }

  @Test
  void equalsAndToStringTellEachSettingApart() {
    List<ManualCrossEntropyLoss> all =
        Stream.concat(
                settings(),
                Stream.of(
                    new ManualCrossEntropyLoss(),
                    new ManualCrossEntropyLoss().backward(Backward.STEPWISE)))
            .toList();
    for (int i = 0; i < all.size(); i++) {
      for (int k = 0; k < i; k++) {
        assertNotEquals(all.get(i), all.get(k));
        assertNotEquals(all.get(i).toString(), all.get(k).toString());
      }
    }
  }
}
