import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.check.ConformanceReport;
import org.backpropninja.check.Feature;
import org.backpropninja.check.LayerConformance;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.BatchNormBessel.Convention;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** What the example {@link Conformance} checks, and what is declared of it. */
final class ConformanceSubjects {

  private static final InputType TABLES = InputType.feedForward(5);
  private static final InputType SEQUENCES = InputType.recurrent(3, 4);
  private static final InputType SEQUENCES_NWC = InputType.recurrent(3, 4, RNNFormat.NWC);
  private static final InputType IMAGES = InputType.convolutional(4, 3, 2);
  private static final InputType IMAGES_NHWC = InputType.convolutional(4, 3, 2, CNN2DFormat.NHWC);
  private static final InputType VOLUMES =
      InputType.convolutional3D(Convolution3D.DataFormat.NCDHW, 2, 3, 2, 2);

  private static final int VOCABULARY = 7;
  private static final double DECAY = 0.9; // the default of both batch norms

  /**
   * A layer or loss, and its kit.
   *
   * @param name what is checked, and how it is set
   * @param ours whether it is this library's, and so has to pass
   * @param check runs the kit
   */
  record Subject(String name, boolean ours, Supplier<ConformanceReport> check) {

    static Subject ours(String name, org.backpropninja.check.Conformance<?> kit) {
      return new Subject(name, true, () -> kit.named(name).run());
    }

    static Subject dl4js(String name, org.backpropninja.check.Conformance<?> kit) {
      String theirs = "DL4J's " + name;
      return new Subject(theirs, false, () -> kit.named(theirs).run());
    }
  }

  private ConformanceSubjects() {}

  static List<Subject> all() {
    return Stream.of(
            dense(),
            batchNorm(),
            embedding(),
            ConformanceLosses.ours(),
            dl4jsDense(),
            dl4jsBatchNorm(),
            dl4jsEmbedding(),
            dl4jsWithoutMasks(),
            ConformanceLosses.dl4js())
        .flatMap(List::stream)
        .toList();
  }

  /**
   * A layer that takes masks; DL4J hands them to all layers, so one has to refuse what it cannot.
   */
  private static LayerConformance layer(InputType input, Supplier<? extends Layer> layer) {
    return LayerConformance.of(layer).input(input).supports(Feature.MASKS);
  }

  // This library's

  private static List<Subject> dense() {
    List<Subject> subjects = new ArrayList<>();
    for (Activation each :
        List.of(Activation.IDENTITY, Activation.TANH, Activation.RELU, Activation.SOFTMAX)) {
      subjects.add(Subject.ours("ManualDense, " + each, dense(TABLES, each)));
    }
    subjects.add(Subject.ours("ManualDense, TANH, sequences", dense(SEQUENCES, Activation.TANH)));
    subjects.add(
        Subject.ours("ManualDense, TANH, sequences NWC", dense(SEQUENCES_NWC, Activation.TANH)));
    return subjects;
  }

  private static LayerConformance dense(InputType input, Activation activation) {
    return layer(input, () -> new ManualDense.Builder().nOut(4).activation(activation).build());
  }

  private static List<Subject> batchNorm() {
    return List.of(
        Subject.ours("BatchNormBessel, tables", batchNorm(TABLES, Convention.MAKEMORE)),
        Subject.ours("BatchNormBessel, PYTORCH, tables", batchNorm(TABLES, Convention.PYTORCH)),
        Subject.ours("BatchNormBessel, sequences", batchNorm(SEQUENCES, Convention.MAKEMORE)),
        Subject.ours("BatchNormBessel, sequences NWC", batchNorm(SEQUENCES_NWC, Convention.KERAS)),
        Subject.ours("BatchNormBessel, images", batchNorm(IMAGES, Convention.MAKEMORE)),
        Subject.ours("BatchNormBessel, images NHWC", batchNorm(IMAGES_NHWC, Convention.KERAS)),
        Subject.ours("BatchNormBessel, volumes", batchNorm(VOLUMES, Convention.PYTORCH)));
  }

  private static LayerConformance batchNorm(InputType input, Convention convention) {
    boolean unbiased = convention != Convention.KERAS; // the running variance
    LayerConformance kit =
        layer(
                input,
                () ->
                    new BatchNormBessel.Builder()
                        .convention(convention)
                        .activation(Activation.TANH)
                        .build())
            .state("mean", (mean, x) -> moved(mean, x.mean(axesButChannels(input))))
            .state("var", (var, x) -> moved(var, x.var(unbiased, axesButChannels(input))))
            .calibratedBy(Calibration::calibrate);
    return input == TABLES ? kit.refuses(Feature.SINGLE_EXAMPLE) : kit; // one value has no spread
  }

  private static INDArray moved(INDArray running, INDArray minibatch) {
    return running.mul(DECAY).addi(minibatch.reshape(running.shape()).muli(1 - DECAY));
  }

  private static int[] axesButChannels(InputType input) {
    int rank = input.getShape(true).length;
    int channels = input == SEQUENCES_NWC || input == IMAGES_NHWC ? rank - 1 : 1;
    return IntStream.range(0, rank).filter(axis -> axis != channels).toArray();
  }

  private static List<Subject> embedding() {
    return List.of(
        Subject.ours(
            "EmbeddingConcat",
            layer(InputType.feedForward(3), () -> embedding(true)).indices(VOCABULARY)),
        Subject.ours(
            "EmbeddingConcat, concat(false)",
            layer(InputType.recurrent(1, 4), () -> embedding(false)).indices(VOCABULARY)));
  }

  private static EmbeddingConcat embedding(boolean concat) {
    return new EmbeddingConcat.Builder().nIn(VOCABULARY).nOut(2).concat(concat).build();
  }

  // DL4J's

  private static List<Subject> dl4jsDense() {
    return List.of(
        Subject.dl4js(
            "DenseLayer",
            layer(
                TABLES,
                () -> new DenseLayer.Builder().nOut(4).activation(Activation.TANH).build())));
  }

  private static List<Subject> dl4jsBatchNorm() {
    return List.of(
        Subject.dl4js("BatchNormalization, tables", dl4jsBatchNorm(TABLES)),
        Subject.dl4js("BatchNormalization, images", dl4jsBatchNorm(IMAGES)),
        Subject.dl4js("BatchNormalization, gamma locked at 2", lockedBatchNorm()));
  }

  private static List<Subject> dl4jsEmbedding() {
    return List.of(
        Subject.dl4js(
            "EmbeddingLayer",
            layer(
                    InputType.feedForward(1),
                    () -> new EmbeddingLayer.Builder().nIn(VOCABULARY).nOut(2).build())
                .indices(VOCABULARY)),
        Subject.dl4js(
            "EmbeddingSequenceLayer",
            layer(
                    InputType.recurrent(1, 4),
                    () ->
                        new EmbeddingSequenceLayer.Builder()
                            .nIn(VOCABULARY)
                            .nOut(2)
                            .inputLength(4)
                            .build())
                .indices(VOCABULARY)));
  }

  /** DL4J's LSTM leaves masks to the loss, and a convolution mixes what they tell apart. */
  private static List<Subject> dl4jsWithoutMasks() {
    return List.of(
        Subject.dl4js(
            "LSTM",
            LayerConformance.of(
                    () -> new LSTM.Builder().nOut(3).activation(Activation.TANH).build())
                .input(SEQUENCES)),
        Subject.dl4js(
            "ConvolutionLayer",
            LayerConformance.of(
                    () ->
                        new ConvolutionLayer.Builder(2, 2)
                            .nOut(3)
                            .activation(Activation.TANH)
                            .build())
                .input(IMAGES)));
  }

  private static LayerConformance dl4jsBatchNorm(InputType input) {
    return dl4jsBatchNorm(input, () -> new BatchNormalization.Builder().build());
  }

  private static LayerConformance lockedBatchNorm() {
    return dl4jsBatchNorm(
            TABLES, () -> new BatchNormalization.Builder().lockGammaBeta(true).gamma(2).build())
        .only("gradients.input", "contract.gradientView", "contract.numParams");
  }

  private static LayerConformance dl4jsBatchNorm(
      InputType input, Supplier<? extends Layer> batchNorm) {
    int[] axes = axesButChannels(input);
    return layer(input, batchNorm)
        .state("mean", (mean, x) -> moved(mean, x.mean(axes)))
        .state(
            "log10stdev", (log, x) -> log10OfRoot(moved(squareOfPower(log), x.var(false, axes))));
  }

  /** DL4J keeps the logarithm of the standard deviation in place of the variance. */
  private static INDArray log10OfRoot(INDArray variance) {
    return Transforms.log(variance).divi(2 * Math.log(10));
  }

  private static INDArray squareOfPower(INDArray log10) {
    return Transforms.exp(log10.mul(2 * Math.log(10)));
  }
}
