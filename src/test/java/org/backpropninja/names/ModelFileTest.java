package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;
import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.testing.Jvm;
import org.backpropninja.training.Calibration;
import org.backpropninja.training.FlatGradientUpdater;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.Updater;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.CycleSchedule;
import org.nd4j.linalg.schedule.ExponentialSchedule;
import org.nd4j.linalg.schedule.FixedSchedule;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.InverseSchedule;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.PolySchedule;
import org.nd4j.linalg.schedule.RampSchedule;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.linalg.schedule.SigmoidSchedule;
import org.nd4j.linalg.schedule.StepSchedule;

/** What is written is read again, by this library and by DL4J. */
class ModelFileTest {

  private static final List<String> NAMES =
      List.of("анна", "жанна", "صفية", "さくら", "美咲", "ñandú", "o'neil", "Ὀδυσσεύς", "an\"na\\");

  private static final Vocabulary VOCABULARY = Vocabulary.of(NAMES);
  private static final NamesDataset DATA = new NamesDataset(VOCABULARY, 3, NAMES);

  @TempDir private Path folder;

  private static MinibatchIterator minibatches() {
    return new MinibatchIterator(DATA, new TorchRandom(3), 8, 5);
  }

  private static MultiLayerNetwork untrained(IUpdater updater, DataType type) {
    return new CharMlp(VOCABULARY.size(), 3, 4, 6)
        .network(updater, type, new TorchRandom(1), new TorchRandom(2));
  }

  private static ModelFile trained(IUpdater updater, DataType type) {
    MultiLayerNetwork network = untrained(updater, type);
    network.fit(minibatches());
    Calibration.calibrate(network, DATA.chunks(10));
    return new ModelFile(network, VOCABULARY);
  }

  private static byte[] bytes(ModelFile model) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    model.write(out);
    return out.toByteArray();
  }

  private ModelFile copy(ModelFile model) throws IOException {
    Path file = folder.resolve("model.zip");
    model.write(file);
    return ModelFile.read(file);
  }

  private static MultiLayerNetwork dl4js(ModelFile model) throws IOException {
    return ModelSerializer.restoreMultiLayerNetwork(new ByteArrayInputStream(bytes(model)), true);
  }

  private static double[] state(MultiLayerNetwork network) {
    INDArray state = network.getUpdater().getStateViewArray();
    return state == null ? new double[0] : NdArrays.values(state);
  }

  private static void assertSame(MultiLayerNetwork expected, MultiLayerNetwork actual) {
    assertEquals(expected.getLayerWiseConfigurations(), actual.getLayerWiseConfigurations());
    assertEquals(expected.getIterationCount(), actual.getIterationCount());
    assertEquals(expected.params().dataType(), actual.params().dataType());
    assertArrayEquals(NdArrays.values(expected.params()), NdArrays.values(actual.params()));
    assertArrayEquals(state(expected), state(actual));
  }

  private static void assertTrainsOnAlike(MultiLayerNetwork one, MultiLayerNetwork other) {
    FlatGradientUpdater.install(other);
    one.fit(minibatches());
    other.fit(minibatches());
    assertSame(one, other);
  }

  // All that a user can train with

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "CUSTOM")
  void everyUpdaterComesBackAndTrainsOn(Updater kind) throws IOException {
    ModelFile model = trained(kind.getIUpdaterWithDefaultConfig(), DataType.FLOAT);
    ModelFile copy = copy(model);
    assertSame(model.network(), copy.network());
    assertSame(model.network(), dl4js(model));
    assertTrainsOnAlike(model.network(), copy.network());
  }

  static Stream<ISchedule> schedules() {
    return Arrays.stream(ScheduleType.values())
        .flatMap(
            type ->
                Stream.of(
                    new FixedSchedule(1e-3),
                    new MapSchedule(type, Map.of(0, 0.25, 7, 1e-300, 123456789, 3.0)),
                    new StepSchedule(type, 1, 0.5, 1e9),
                    new ExponentialSchedule(type, 1e-7, 0.99),
                    new InverseSchedule(type, 0.1, 0.5, 0.75),
                    new PolySchedule(type, 0.1, 1, 200_000),
                    new SigmoidSchedule(type, 0.1, 0.9, 3),
                    new CycleSchedule(type, 0.01, 50)));
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void everyScheduleComesBackAndTrainsOn(ISchedule schedule) throws IOException {
    for (IUpdater updater : List.of(new Sgd(schedule), new Adam(schedule))) {
      MultiLayerNetwork network = untrained(updater, DataType.FLOAT);
      for (NeuralNetConfiguration conf : network.getLayerWiseConfigurations().getConfs()) {
        ((BaseLayer) conf.getLayer()).setRegularization(List.of(new WeightDecay(schedule, true)));
      }
      FlatGradientUpdater.install(network); // which looks for regularisation when it is made
      network.fit(minibatches());
      ModelFile model = new ModelFile(network, VOCABULARY);
      assertTrainsOnAlike(network, copy(model).network());
    }
  }

  /** The list of updaters lacks it, and AdaBelief, which does not train. */
  @Test
  void amsGradComesBack() throws IOException {
    ModelFile model = trained(new AMSGrad(0.1), DataType.FLOAT);
    assertTrainsOnAlike(model.network(), copy(model).network());
  }

  @Test
  void aScheduleOfTheMomentumComesBack() throws IOException {
    IUpdater updater =
        Nesterovs.builder()
            .momentumISchedule(new StepSchedule(ScheduleType.EPOCH, 1, 1, 1))
            .build();
    ModelFile model = trained(updater, DataType.DOUBLE);
    assertSame(model.network(), copy(model).network());
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.INCLUDE,
      names = {"FLOAT", "DOUBLE"})
  void bothTypesComeBack(DataType type) throws IOException {
    ModelFile model = trained(new Adam(0.1), type);
    assertEquals(type, copy(model).network().params().dataType());
    assertSame(model.network(), copy(model).network());
  }

  @Test
  void countsOfStepsComeBack() throws IOException {
    ModelFile model = trained(CharMlp.notebookSgd(10), DataType.FLOAT);
    assertEquals(5, model.network().getIterationCount());
    assertEquals(5, copy(model).network().getIterationCount());
    assertEquals(1, copy(model).network().getEpochCount());
  }

  @Test
  void vocabularyAndSizesComeBack() throws IOException {
    ModelFile copy = copy(trained(new NoOp(), DataType.FLOAT));
    assertEquals(VOCABULARY, copy.vocabulary());
    assertEquals(new CharMlp(VOCABULARY.size(), 3, 4, 6), copy.sizes());
  }

  @Test
  void asManyCharactersAsAVocabularyMayHoldComeBack() throws IOException {
    String all =
        IntStream.rangeClosed(' ', Character.MAX_CODE_POINT)
            .filter(c -> NameCharacters.fault(c) == null)
            .limit(65_535)
            .mapToObj(Character::toString)
            .collect(joining());
    assertTrue(all.contains("𐀀"));
    Vocabulary vocabulary = Vocabulary.of(List.of(all));
    MultiLayerNetwork network =
        new CharMlp(vocabulary.size(), 1, 1, 1)
            .network(new NoOp(), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
    assertEquals(vocabulary, copy(new ModelFile(network, vocabulary)).vocabulary());
  }

  // The file

  @Test
  void theSameNetworkGivesTheSameBytes() throws IOException {
    ModelFile model = trained(new Adam(0.1), DataType.FLOAT);
    byte[] bytes = bytes(model);
    assertArrayEquals(bytes, bytes(model));
    assertArrayEquals(bytes, bytes(copy(model)));
    model.network().fit(minibatches());
    assertNotEquals(Arrays.hashCode(bytes), Arrays.hashCode(bytes(model)));
  }

  /** The order of the steps in the map differs between processes. */
  private static ModelFile trainedBySchedule() {
    Map<Integer, Double> rates = Map.of(0, 0.1, 10, 0.2, 20, 0.3, 30, 0.4, 40, 0.5);
    return trained(new Adam(new MapSchedule(ScheduleType.ITERATION, rates)), DataType.FLOAT);
  }

  @Test
  void theSameNetworkGivesTheSameBytesInAnotherProcess() throws Exception {
    Path file = folder.resolve("model.zip");
    Jvm.Outcome outcome =
        Jvm.run(folder.resolve("log"), Writer.class, List.of(), List.of(file.toString()));
    assertEquals(0, outcome.status(), outcome.said());
    assertArrayEquals(bytes(trainedBySchedule()), Files.readAllBytes(file));
  }

  /** Writes that network. */
  static final class Writer {
    public static void main(String[] args) throws IOException {
      trainedBySchedule().write(Path.of(args[0]));
    }
  }

  @Test
  void theStreamStaysOpenAndGetsAllBytes() throws IOException {
    ModelFile model = trained(new NoOp(), DataType.FLOAT);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    OutputStream out =
        new FilterOutputStream(all) {
          @Override
          public void close() {
            throw new AssertionError("closed");
          }
        };
    model.write(out);
    assertArrayEquals(bytes(model), all.toByteArray());
  }

  @Test
  void writingFailsWithoutAFolderAndLeavesNothing() {
    ModelFile model = trained(new NoOp(), DataType.FLOAT);
    Path file = folder.resolve("nowhere/model.zip");
    assertThrows(IOException.class, () -> model.write(file));
    assertTrue(Files.notExists(file.getParent()));
  }

  // What is refused

  @Test
  void aCheckpointHoldsTheTrainersState() throws IOException {
    MultiLayerNetwork network = untrained(new NoOp(), DataType.FLOAT);
    Path file = folder.resolve("checkpoint.zip");
    new ModelFile(network, VOCABULARY, "{\"step\": 3, \"é\": 1}").write(file);
    assertEquals("{\"step\": 3, \"é\": 1}", ModelFile.read(file).trainingState());
    new ModelFile(network, VOCABULARY).write(file);
    assertNull(ModelFile.read(file).trainingState());
  }

  /** As after some hundred million steps; random digits, so that the file is long too. */
  @Test
  void theTrainersStateMayBeLong() throws IOException {
    StringBuilder digits = new StringBuilder("[0");
    new Random(1).ints(3 << 20, 0, 10).forEach(digits::append);
    String state = digits.append("]").toString();
    Path file = folder.resolve("checkpoint.zip");
    new ModelFile(untrained(new NoOp(), DataType.FLOAT), VOCABULARY, state).write(file);
    assertEquals(state, ModelFile.read(file).trainingState());
  }

  @Test
  void aVocabularyOfAnotherSizeIsRefused() {
    MultiLayerNetwork network = untrained(new NoOp(), DataType.FLOAT);
    assertRefused(
        InvalidModelException.class,
        "vocabulary.json has 3 characters; the network's vocabulary has " + VOCABULARY.size(),
        () -> new ModelFile(network, Vocabulary.of(List.of("ab"))));
  }

  @ParameterizedTest
  @CsvSource({
    "0x1B, a control character",
    "0x202E, a directional mark",
    "0xA0, white space",
    "0xFEFF, a byte order mark",
  })
  void whatNoNameHoldsIsNotWritten(int codePoint, String what) {
    Vocabulary vocabulary = Vocabulary.of(List.of("a" + Character.toString(codePoint)));
    MultiLayerNetwork network =
        new CharMlp(3, 1, 1, 1)
            .network(new NoOp(), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
    assertRefused(
        InvalidModelException.class,
        "vocabulary.json holds %s (U+%04X); no name does".formatted(what, codePoint),
        () -> new ModelFile(network, vocabulary));
  }

  @Test
  void aParameterThatIsNotFiniteIsNotWritten() {
    for (float value : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
      MultiLayerNetwork network = untrained(new NoOp(), DataType.FLOAT);
      network.params().putScalar(0, 7, value);
      assertRefused(
          InvalidModelException.class,
          "coefficients.bin holds a parameter that is not finite, as after training that diverged",
          () -> new ModelFile(network, VOCABULARY));
    }
  }

  /** It could not be read again. */
  @Test
  void aTrainingStateThatIsTooLongIsNotWritten() {
    MultiLayerNetwork network = untrained(new NoOp(), DataType.FLOAT);
    assertRefused(
        InvalidModelException.class,
        "training-state.json has more than the 67,108,864 bytes that are allowed",
        () -> new ModelFile(network, VOCABULARY, "é".repeat((1 << 25) + 1)));
  }

  /** DL4J would write it, and fail to read it. */
  @Test
  void aScheduleThatCouldNotBeReadIsNotWritten() {
    IUpdater updater = new Sgd(new RampSchedule(new FixedSchedule(0.1), 10));
    MultiLayerNetwork network = untrained(updater, DataType.FLOAT);
    String message =
        assertThrows(InvalidModelException.class, () -> new ModelFile(network, VOCABULARY))
            .getMessage();
    assertTrue(
        message.startsWith(
            "configuration.json confs[0] layer iupdater learningRateSchedule"
                + " is org.nd4j.linalg.schedule.RampSchedule; allowed is org."),
        message);
  }

  @Test
  void filesOfModelSerializerAreRefusedWithAWayOut() throws IOException {
    Path file = folder.resolve("old.zip");
    ModelSerializer.writeModel(untrained(new NoOp(), DataType.FLOAT), file.toFile(), true);
    assertRefused(
        InvalidModelException.class,
        file
            + ": vocabulary.json is missing, as in files that ModelSerializer wrote; if you trust the"
            + " file, read it with ModelSerializer.restoreMultiLayerNetwork and write a ModelFile of"
            + " network and vocabulary",
        () -> ModelFile.read(file));
  }

  @Test
  void aFileLargerThanAllowedIsRefusedAndThenAllowed() throws IOException {
    Path file = folder.resolve("model.zip");
    ModelFile model = trained(new Adam(0.1), DataType.FLOAT);
    model.write(file);
    long bytes = 4 * (3 * model.sizes().parameters() + 2 * model.sizes().hiddenSize());
    assertRefused(
        InvalidModelException.class,
        "%s: its arrays take %,d bytes; %,d are allowed, or what you pass to ModelFile.read"
            .formatted(file, bytes, bytes - 1),
        () -> ModelFile.read(file, bytes - 1));
    assertSame(model.network(), ModelFile.read(file, bytes).network());
  }

  /** It could be nothing but empty blocks, which take only time. */
  @Test
  void aFileThatIsLargerThanItsArraysMayBeIsNotOpened() throws IOException {
    Path file = folder.resolve("model.zip");
    trained(new NoOp(), DataType.FLOAT).write(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), 3L << 30);
    }
    assertRefused(
        InvalidModelException.class,
        file
            + ": its arrays take at least 3,149,922,305 bytes; 167,772,160 are allowed, or what you"
            + " pass to ModelFile.read",
        () -> ModelFile.read(file));
  }

  @Test
  void aNumberOfManyDigitsIsRefusedBeforeItIsMade() {
    assertRefused(
        InvalidModelException.class,
        "text holds a number of 1000000 characters; 32 are allowed",
        () -> StrictJson.read("text", "9".repeat(1_000_000).getBytes(UTF_8)));
  }

  @Test
  void whatIsNoFileIsRefused() {
    assertRefused(
        InvalidModelException.class, folder + ": is not a file", () -> ModelFile.read(folder));
    Path missing = folder.resolve("missing.zip");
    assertRefused(
        InvalidModelException.class,
        missing + ": does not exist, or its folder cannot be read",
        () -> ModelFile.read(missing));
  }
}
