package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Networks.output;
import static org.backpropninja.testing.Networks.settings;
import static org.backpropninja.testing.Networks.stack;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.backpropninja.Backward;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.GradientChecks;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Indices as matrices and as sequences, vectors side by side and as sequences, and their masks. */
@ExtendWith(DoublePrecision.class)
class EmbeddingSequencesTest {

  private static final int V = 7;
  private static final int D = 2;
  private static final int N = 4;
  private static final int T = 3;
  private static final int PADDING = 5;

  /** What the layer gives: rows, or sequences in either format. */
  enum Form {
    CONCAT,
    NCW,
    NWC;

    EmbeddingConcat.Builder builder() {
      EmbeddingConcat.Builder builder = new EmbeddingConcat.Builder().nIn(V).nOut(D);
      return this == CONCAT
          ? builder.inputLength(T)
          : builder.concat(false).dataFormat(RNNFormat.valueOf(name()));
    }

    /** [n, T, D] as this. */
    INDArray of(INDArray vectors) {
      long n = vectors.size(0);
      return switch (this) {
        case CONCAT -> vectors.dup('c').reshape('c', n, vectors.size(1) * D);
        case NCW -> vectors.permute(0, 2, 1);
        case NWC -> vectors;
      };
    }
  }

  /** How the indices come. */
  enum Indices {
    MATRIX,
    NCW,
    NWC,
    MATRIX_F,
    NCW_F,
    NCW_VIEW,
    NWC_VIEW;

    INDArray of(INDArray x) {
      long n = x.size(0);
      long t = x.size(1);
      return switch (this) {
        case MATRIX -> x;
        case NCW -> x.reshape('c', n, 1, t);
        case NWC -> x.reshape('c', n, t, 1);
        case MATRIX_F -> x.dup('f');
        case NCW_F -> x.reshape('c', n, 1, t).dup('f');
        case NCW_VIEW -> between(x.reshape('c', n, 1, t));
        case NWC_VIEW -> between(x.reshape('c', n, t, 1));
      };
    }

    /** From the middle of a larger array that is full of 99. */
    private static INDArray between(INDArray x) {
      long[] shape = x.shape();
      INDArray all =
          Nd4j.valueArrayOf(
              new long[] {shape[0] + 3, shape[1] + 2, shape[2] + 4}, 99, x.dataType());
      return all.get(
              NDArrayIndex.interval(2, 2 + shape[0]),
              NDArrayIndex.interval(1, 1 + shape[1]),
              NDArrayIndex.interval(3, 3 + shape[2]))
          .assign(x);
    }
  }

  /** Which positions count. */
  enum Mask {
    NONE,
    POSITIONS,
    POSITIONS_NCW,
    EXAMPLES,
    NOTHING;

    private static final double[] SOME = {1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1};

    INDArray array() {
      return switch (this) {
        case NONE -> null;
        case POSITIONS -> Nd4j.create(SOME, new long[] {N, T}, 'c');
        case POSITIONS_NCW -> Nd4j.create(SOME, new long[] {N, 1, T}, 'c');
        case EXAMPLES -> Nd4j.create(new double[] {1, 0, 1, 0}, new long[] {N, 1}, 'c');
        case NOTHING -> Nd4j.zeros(DataType.DOUBLE, N, T);
      };
    }

    boolean keeps(int i, int t) {
      return switch (this) {
        case NONE -> true;
        case POSITIONS, POSITIONS_NCW -> SOME[i * T + t] != 0;
        case EXAMPLES -> i % 2 == 0;
        case NOTHING -> false;
      };
    }
  }

  static Stream<Arguments> all() {
    return Stream.of(Form.values())
        .flatMap(
            form ->
                Stream.of(Indices.values())
                    .flatMap(
                        indices ->
                            Stream.of(Mask.values())
                                .map(mask -> Arguments.of(form, indices, mask))));
  }

  /** Every index stands in several places, and padding is among them. */
  private static INDArray indices() {
    return Nd4j.createFromArray(new double[][] {{5, 0, 5}, {6, 6, 1}, {5, 2, 6}, {3, 3, 3}});
  }

  /** The table's rows, one by one, zeros where the mask leaves out. */
  @ParameterizedTest
  @MethodSource("all")
  void looksUpAndGoesBack(Form form, Indices indices, Mask mask) {
    for (Backward way : Backward.values()) {
      for (DataType type : List.of(DataType.FLOAT16, DataType.FLOAT, DataType.DOUBLE)) {
        Layer layer =
            instantiate(form.builder().paddingIndex(PADDING).backward(way).build(), type, 1);
        layer.setMaskArray(mask.array());
        INDArray dvectors = random(4, -1, 1, N, T, D).castTo(type);
        INDArray expected = Nd4j.zeros(type, N, T, D);
        INDArray dC = Nd4j.zeros(type, V, D);
        INDArray x = indices();
        for (int i = 0; i < N; i++) {
          for (int t = 0; t < T; t++) {
            int v = x.getInt(i, t);
            if (!mask.keeps(i, t)) {
              x.putScalar(i, t, (i + t) % 2 == 0 ? Double.NaN : 99); // not looked at
              continue;
            }
            for (int d = 0; d < D; d++) {
              expected.putScalar(i, t, d, layer.getParam("W").getDouble(v, d));
              double slope = v == PADDING ? 0 : dvectors.getDouble(i, t, d);
              dC.putScalar(v, d, dC.getDouble(v, d) + slope);
            }
          }
        }
        INDArray given = indices.of(x);
        INDArray out = forward(layer, given, true);
        assertArrayEquals(form.of(expected).shape(), out.shape());
        assertArrayEquals(NdArrays.values(form.of(expected)), NdArrays.values(out));
        layer.getGradientsViewArray().assign(Double.NaN);
        INDArray dx = backward(layer, form.of(dvectors));
        assertArrayEquals(given.shape(), dx.shape());
        assertEquals(0, largest(NdArrays.values(dx)));
        INDArray gradient = layer.getGradientsViewArray().reshape('f', V, D);
        double rounding =
            Map.of(DataType.FLOAT16, 2e-3, DataType.FLOAT, 1e-6).getOrDefault(type, 1e-15);
        assertClose("dC", NdArrays.values(dC), NdArrays.values(gradient), rounding);
      }
    }
  }

  /** DL4J has a table of its own kind, with the same rows. */
  @ParameterizedTest
  @EnumSource(names = {"NCW", "NWC"})
  void isEmbeddingSequenceLayer(Form form) {
    for (Mask mask : new Mask[] {Mask.NONE, Mask.POSITIONS}) {
      Layer ours = instantiate(form.builder().build(), DataType.FLOAT, 1);
      Layer theirs =
          instantiate(
              new EmbeddingSequenceLayer.Builder()
                  .nIn(V)
                  .nOut(D)
                  .inputLength(T)
                  .outputDataFormat(RNNFormat.valueOf(form.name()))
                  .activation(Activation.IDENTITY)
                  .build(),
              DataType.FLOAT,
              2);
      theirs.setParams(ours.params().dup());
      ours.setMaskArray(mask.array());
      theirs.setMaskArray(mask.array());
      INDArray x = indices().castTo(DataType.FLOAT);
      assertEquals(forward(theirs, x, true), forward(ours, x, true));
      INDArray epsilon = form.of(random(3, -1, 1, N, T, D).castTo(DataType.FLOAT));
      backward(theirs, epsilon.dup('c'));
      backward(ours, epsilon);
      assertClose(
          "dC",
          NdArrays.values(theirs.getGradientsViewArray()),
          NdArrays.values(ours.getGradientsViewArray()),
          1e-6);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"INT", "LONG", "SHORT", "BYTE", "UBYTE", "HALF", "BFLOAT16", "FLOAT"})
  void anyTypeOfIndex(DataType type) {
    for (Form form : Form.values()) {
      Layer layer = instantiate(form.builder().build(), DataType.FLOAT, 1);
      INDArray expected = forward(layer, indices(), true).dup();
      for (Indices indices : Indices.values()) {
        assertEquals(expected, forward(layer, indices.of(indices().castTo(type)), true));
      }
    }
  }

  /** One pass leaves nothing behind for the next. */
  @ParameterizedTest
  @EnumSource(names = {"NCW", "NWC"})
  void anyLengthFromMinibatchToMinibatch(Form form) {
    Layer layer = instantiate(form.builder().build(), DataType.DOUBLE, 1);
    for (int length : new int[] {4, 1, 9, 2, 4}) {
      INDArray x = Nd4j.createFromArray(classes(length, 3 * length, V)).reshape(3, length);
      Layer fresh = instantiate(form.builder().inputLength(length).build(), DataType.DOUBLE, 1);
      assertEquals(forward(fresh, x, true), forward(layer, x, true));
      INDArray epsilon = form.of(random(length, -1, 1, 3, length, D));
      backward(fresh, epsilon);
      backward(layer, epsilon);
      assertEquals(fresh.getGradientsViewArray(), layer.getGradientsViewArray());
    }
    Layer three = instantiate(form.builder().inputLength(3).build(), DataType.DOUBLE, 1);
    assertRefused(() -> forward(three, Nd4j.zeros(2, 4), true), "[n, 3]", "[2, 4]");
    assertRefused(() -> forward(layer, Nd4j.zeros(2, 3, 4), true), "[n, 1, T]", "[2, 3, 4]");
  }

  /** Java arrays end at 2³¹ − 1 elements: the indices are few, and their vectors are too many. */
  @Test
  void refusesTooManyVectors() {
    for (boolean concat : new boolean[] {true, false}) {
      EmbeddingConcat.Builder builder = Form.CONCAT.builder().nOut(4096).inputLength(4);
      Layer layer = instantiate(builder.concat(concat).build(), DataType.FLOAT, 1);
      INDArray x = Nd4j.zeros(DataType.FLOAT, 1 << 17, 4);
      assertRefused(() -> forward(layer, x, false), "a minibatch must hold at most");
    }
  }

  @Test
  void placesOfWrongIndices() {
    Layer layer = instantiate(Form.NCW.builder().build(), DataType.DOUBLE, 1);
    INDArray x = indices().putScalar(2, 1, 7);
    assertRefused(() -> forward(layer, x, true), "input[2, 1] must be", "was 7.0");
    assertRefused(() -> forward(layer, Indices.NCW.of(x), true), "input[2, 0, 1] must be");
    assertRefused(() -> forward(layer, Indices.NWC.of(x), true), "input[2, 1, 0] must be");
    layer.setMaskArray(Mask.POSITIONS.array());
    assertRefused(() -> forward(layer, x, true), "input[2, 1] must be");
    assertRefused(() -> forward(layer, Indices.NCW.of(x), true), "input[2, 0, 1] must be");
    assertRefused(() -> forward(layer, Indices.NWC.of(x), true), "input[2, 1, 0] must be");
  }

  // Masks

  @Test
  void masksOfPositionsEndWhereThereAreNone() {
    INDArray positions = Mask.POSITIONS.array();
    INDArray examples = Mask.EXAMPLES.array();
    for (Form form : Form.values()) {
      Layer layer = instantiate(form.builder().build(), DataType.DOUBLE, 1);
      for (INDArray mask : new INDArray[] {positions, examples, null}) {
        INDArray next = layer.feedForwardMaskArray(mask, MaskState.Active, N).getFirst();
        assertSame(mask, layer.getMaskArray());
        if (form == Form.CONCAT && mask == positions) {
          assertNull(next);
        } else {
          assertSame(mask, next);
        }
      }
    }
    Layer one = instantiate(Form.CONCAT.builder().inputLength(1).build(), DataType.DOUBLE, 1);
    assertSame(examples, one.feedForwardMaskArray(examples, MaskState.Active, N).getFirst());
  }

  @Test
  void refusesMasksOfOtherShapes() {
    for (Form form : Form.values()) {
      Layer layer = instantiate(form.builder().build(), DataType.DOUBLE, 1);
      layer.setMaskArray(Nd4j.ones(N, T + 1));
      assertRefused(
          () -> forward(layer, indices(), true),
          "mask must hold one value for each of the 4 examples or for each position",
          "[4, 4]");
    }
  }

  // Input types

  private static void assertTypes(InputType out, InputType in, EmbeddingConcat.Builder builder) {
    EmbeddingConcat layer = builder.nIn(V).nOut(D).build();
    layer.setNIn(in, true);
    assertEquals(V, layer.getNIn());
    assertNull(layer.getPreProcessorForInputType(in));
    assertEquals(out, layer.getOutputType(0, in));
  }

  private static EmbeddingConcat.Builder sequences() {
    return new EmbeddingConcat.Builder().concat(false);
  }

  @Test
  void outputTypes() {
    InputType row = InputType.feedForward(T * D);
    InputType ncw = InputType.recurrent(1, T);
    InputType nwc = InputType.recurrent(1, T, RNNFormat.NWC);
    for (InputType in : List.of(InputType.feedForward(T), ncw, nwc)) {
      assertTypes(row, in, new EmbeddingConcat.Builder());
    }
    assertTypes(row, InputType.recurrent(1), new EmbeddingConcat.Builder().inputLength(T));
    assertTypes(InputType.recurrent(D, T), InputType.feedForward(T), sequences());
    assertTypes(InputType.recurrent(D, T), ncw, sequences());
    assertTypes(InputType.recurrent(D, T, RNNFormat.NWC), nwc, sequences());
    assertTypes(
        InputType.recurrent(D, T, RNNFormat.NWC), ncw, sequences().dataFormat(RNNFormat.NWC));
    assertTypes(InputType.recurrent(D, T), nwc, sequences().dataFormat(RNNFormat.NCW));
    assertTypes(InputType.recurrent(D), InputType.recurrent(1), sequences());
    assertTypes(InputType.recurrent(D, T), InputType.recurrent(1), sequences().inputLength(T));
  }

  /** As DL4J's EmbeddingSequenceLayer is told what it reads. */
  @Test
  void takesVFromTheSizeOfAStep() {
    InputType steps = InputType.recurrent(V, T);
    assertTypes(InputType.recurrent(D, T), steps, sequences());
    assertTypes(InputType.feedForward(T * D), steps, new EmbeddingConcat.Builder());
    EmbeddingConcat layer = sequences().nOut(D).build();
    layer.setNIn(steps, true);
    assertEquals(V, layer.getNIn());
  }

  private static void assertTypeRefused(
      InputType type, EmbeddingConcat.Builder builder, String... parts) {
    EmbeddingConcat layer = builder.nIn(V).nOut(D).name("emb").build();
    var settings = settings(DataType.FLOAT);
    String[] all = Stream.concat(Stream.of(parts), Stream.of("\"emb\"")).toArray(String[]::new);
    assertRefused(IllegalStateException.class, () -> stack(settings, type, layer, output(3)), all);
    assertRefused(
        IllegalStateException.class,
        () -> stack(settings, type, layer, output(3)),
        "EmbeddingConcat (layer 0, ");
    assertRefused(
        IllegalStateException.class,
        () ->
            settings
                .graphBuilder()
                .addInputs("x")
                .addLayer("emb", layer, "x")
                .addLayer("out", output(3), "emb")
                .setOutputs("out")
                .setInputTypes(type)
                .build(),
        all);
  }

  @Test
  void refusesOtherInputTypes() {
    for (InputType type :
        List.of(
            InputType.recurrent(V + 1, 5),
            InputType.convolutional(2, 2, 1),
            InputType.convolutionalFlat(2, 2, 1),
            InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, 2, 2, 2, 1))) {
      for (EmbeddingConcat.Builder builder : List.of(new EmbeddingConcat.Builder(), sequences())) {
        assertTypeRefused(
            type, builder, "input type (" + type + ") must be", "InputType.recurrent(1, T)");
      }
    }
    assertTypeRefused(
        InputType.recurrent(1),
        new EmbeddingConcat.Builder(),
        "inputLength must be set",
        "concat(false)");
    assertTypeRefused(
        InputType.recurrent(1, 4),
        sequences().inputLength(3),
        "inputLength (3) must be the input type's length, 4");
  }

  @Test
  void doesNotSayMinusOne() {
    EmbeddingConcat layer = Form.CONCAT.builder().name("emb").build();
    assertRefused(
        IllegalStateException.class,
        () -> layer.getMemoryReport(InputType.recurrent(V + 1, 2)),
        "EmbeddingConcat (\"emb\"): input type");
  }

  @Test
  void lengthMustBeKnownOnlyForRows() {
    assertRefused(
        DL4JInvalidConfigException.class,
        () -> instantiate(new EmbeddingConcat.Builder().nIn(V).nOut(D).build(), DataType.FLOAT, 1),
        "inputLength (0) must be at least 1",
        "concat(false)");
    instantiate(sequences().nIn(V).nOut(D).build(), DataType.FLOAT, 1);
  }

  // Networks

  private static INDArray labels(int... classes) {
    return oneHot(DataType.DOUBLE, 3, classes);
  }

  private static INDArray labelsOfSteps(RNNFormat format) {
    INDArray rows = labels(classes(2, N * T, 3)).reshape('c', N, T, 3);
    return format == RNNFormat.NWC ? rows : rows.permute(0, 2, 1).dup('c');
  }

  static Stream<Arguments> checksOfRows() {
    return checks(Mask.NONE, Mask.POSITIONS, Mask.EXAMPLES);
  }

  static Stream<Arguments> checksOfSequences() {
    return checks(Mask.NONE, Mask.POSITIONS);
  }

  private static Stream<Arguments> checks(Mask... masks) {
    return Stream.of(masks)
        .flatMap(
            mask ->
                Stream.of(Indices.MATRIX, Indices.NCW, Indices.NWC)
                    .map(indices -> Arguments.of(mask, indices)));
  }

  @ParameterizedTest
  @MethodSource("checksOfRows")
  void gradientCheckOfRows(Mask mask, Indices indices) {
    for (Backward way : Backward.values()) {
      MultiLayerNetwork net =
          stack(
              DataType.DOUBLE,
              InputType.recurrent(1, T),
              Form.CONCAT.builder().backward(way).build(),
              output(3));
      GradientChecks.check(
          new GradientCheckUtil.MLNConfig()
              .net(net)
              .input(indices.of(indices()))
              .inputMask(mask.array())
              .labels(labels(0, 1, 2, 1)));
    }
  }

  @ParameterizedTest
  @MethodSource("checksOfSequences")
  void gradientCheckOfSequences(Mask mask, Indices indices) {
    for (RNNFormat format : RNNFormat.values()) {
      for (Backward way : Backward.values()) {
        MultiLayerNetwork net =
            stack(
                DataType.DOUBLE,
                InputType.recurrent(1, T),
                sequences().nIn(V).nOut(D).dataFormat(format).backward(way).build(),
                new ManualDense.Builder().nOut(4).activation(Activation.TANH).build(),
                stepOutput(format));
        GradientChecks.check(
            new GradientCheckUtil.MLNConfig()
                .net(net)
                .input(indices.of(indices()))
                .inputMask(mask.array())
                .labelMask(mask.array())
                .labels(labelsOfSteps(format)));
      }
    }
  }

  private static RnnOutputLayer stepOutput(RNNFormat format) {
    return new RnnOutputLayer.Builder()
        .nOut(3)
        .dataFormat(format)
        .activation(Activation.SOFTMAX)
        .build();
  }

  @ParameterizedTest
  @EnumSource(names = {"NONE", "POSITIONS"})
  void gradientCheckOfAGraph(Mask mask) {
    ComputationGraphConfiguration conf =
        settings(DataType.DOUBLE)
            .graphBuilder()
            .addInputs("x")
            .addLayer("sequence", sequences().nIn(V).nOut(D).build(), "x")
            .addLayer("row", Form.CONCAT.builder().build(), "x")
            .addLayer("sum", new GlobalPoolingLayer.Builder(PoolingType.SUM).build(), "sequence")
            .addLayer("out", output(3), "sum", "row")
            .setOutputs("out")
            .setInputTypes(InputType.recurrent(1, T))
            .build();
    ComputationGraph net = new ComputationGraph(conf);
    net.init();
    INDArray[] masks = mask == Mask.NONE ? null : new INDArray[] {mask.array()};
    GradientChecks.check(
        new GradientCheckUtil.GraphConfig()
            .net(net)
            .inputs(new INDArray[] {Indices.NCW.of(indices())})
            .inputMask(masks)
            .labels(new INDArray[] {labels(0, 1, 2, 1)}));
  }

  /** The same network of DL4J's embedding and of ours, with minibatches of other lengths. */
  @ParameterizedTest
  @EnumSource(names = {"NCW", "NWC"})
  void trainsAsWithEmbeddingSequenceLayer(Form form) {
    RNNFormat format = RNNFormat.valueOf(form.name());
    MultiLayerNetwork theirs =
        tagger(
            new EmbeddingSequenceLayer.Builder()
                .nIn(V)
                .nOut(D)
                .inferInputLength(true)
                .outputDataFormat(format)
                .activation(Activation.IDENTITY)
                .build(),
            InputType.recurrent(V),
            format);
    MultiLayerNetwork ours = tagger(form.builder().build(), InputType.recurrent(1), format);
    ours.setParams(theirs.params());
    INDArray before = ours.params().dup();
    for (int length : new int[] {4, 2, 5}) {
      INDArray x = Nd4j.createFromArray(classes(length, 2 * length, V)).reshape(2, 1, length);
      INDArray rows = labels(classes(length, 2 * length, 3)).reshape('c', 2, length, 3);
      INDArray y = format == RNNFormat.NWC ? rows : rows.permute(0, 2, 1).dup('c');
      theirs.fit(x.castTo(DataType.DOUBLE), y);
      ours.fit(x.castTo(DataType.DOUBLE), y);
    }
    assertNotEquals(before, ours.params());
    assertClose(
        "parameters", NdArrays.values(theirs.params()), NdArrays.values(ours.params()), 1e-12);
  }

  private static MultiLayerNetwork tagger(
      org.deeplearning4j.nn.conf.layers.Layer embedding, InputType type, RNNFormat format) {
    return stack(
        DataType.DOUBLE,
        type,
        embedding,
        new LSTM.Builder().nOut(4).activation(Activation.TANH).build(),
        stepOutput(format));
  }

  /** DL4J cuts sequences of indices as it does all others. */
  @Test
  void trainsByTruncatedBackprop() {
    MultiLayerNetwork theirs =
        truncated(
            new EmbeddingSequenceLayer.Builder()
                .nIn(V)
                .nOut(D)
                .inferInputLength(true)
                .activation(Activation.IDENTITY)
                .build(),
            InputType.recurrent(V));
    MultiLayerNetwork ours = truncated(Form.NCW.builder().build(), InputType.recurrent(1));
    ours.setParams(theirs.params());
    INDArray x = Nd4j.createFromArray(classes(1, 2 * 7, V)).reshape(2, 1, 7);
    INDArray y = labels(classes(2, 2 * 7, 3)).reshape('c', 2, 7, 3).permute(0, 2, 1).dup('c');
    theirs.fit(x.castTo(DataType.DOUBLE), y);
    ours.fit(x.castTo(DataType.DOUBLE), y);
    assertEquals(3, ours.getIterationCount()); // of 3, 3 and 1 steps
    assertClose(
        "parameters", NdArrays.values(theirs.params()), NdArrays.values(ours.params()), 1e-12);
  }

  private static MultiLayerNetwork truncated(
      org.deeplearning4j.nn.conf.layers.Layer embedding, InputType type) {
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            settings(DataType.DOUBLE)
                .list()
                .layer(embedding)
                .layer(new LSTM.Builder().nOut(4).activation(Activation.TANH).build())
                .layer(stepOutput(RNNFormat.NCW))
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTLength(3)
                .setInputType(type)
                .build());
    net.init();
    return net;
  }

  /** What an LSTM remembers goes on, one step at a time. */
  @Test
  void stepByStepIsTheWholeSequence() {
    MultiLayerNetwork net =
        tagger(Form.NCW.builder().build(), InputType.recurrent(1), RNNFormat.NCW);
    INDArray x = indices().reshape(N, 1, T);
    INDArray whole = net.output(x);
    for (int t = 0; t < T; t++) {
      INDArray step =
          x.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(t, t + 1));
      INDArray expected =
          whole.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(t, t + 1));
      assertClose(
          "step " + t, NdArrays.values(expected), NdArrays.values(net.rnnTimeStep(step)), 1e-12);
    }
  }
}
