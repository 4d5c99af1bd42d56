import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.stepwise.GradientComparison;
import org.backpropninja.stepwise.StepwiseMlp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The example as its user sees it. */
class BackpropNinjaTest {
  private static final Path NAMES = Path.of("names.txt");

  @ParameterizedTest
  @CsvSource({"ONE_GENERATOR, 3.2487", "TWO_GENERATORS, 3.4769"})
  void givesPyTorchsLossAndGradientsThatAgree(BackpropNinja.Recipe recipe, String loss) {
    BackpropNinja.Result result = BackpropNinja.run(NAMES, recipe, 42);

    assertEquals(loss, String.format(Locale.ROOT, "%.4f", result.loss()));
    assertEquals(26, result.table().rows().size());
    assertEquals(26, result.table().exactRows(), () -> result.table().table());
    assertEquals(List.of("logits"), names(result.crossEntropy()));
    assertEquals(List.of("hprebn"), names(result.batchNorm()));
    assertEquals(List.of("h", "W2", "b2"), names(result.matrixProduct()));
    assertEquals(0, result.status());
  }

  /** Rounding grows with the number of letters; what is allowed must not hide a mistake. */
  @ParameterizedTest
  @ValueSource(ints = {27, 1000, 10_000})
  void gradientsAgreeAndMistakesShowHoweverManyLettersThereAre(int letters, @TempDir Path dir)
      throws IOException {
    Path names = namesOf(letters, dir);
    for (int seed = 1; seed <= 3; seed++) {
      BackpropNinja.Result right =
          BackpropNinja.run(names, BackpropNinja.Recipe.ONE_GENERATOR, seed);
      assertEquals(letters + 1, right.vocabulary().size());
      assertEquals(0, right.status(), right.crossEntropy().table());
      for (Mistake mistake : Mistake.values()) {
        INDArray dlogits = right.gradients().get("logits").dup();
        mistake.make(dlogits, right.step().values().get("norm_logits"));
        assertFalse(crossEntropyWith(dlogits, right).allApproximate(), letters + ": " + mistake);
      }
    }
  }

  private static GradientComparison crossEntropyWith(
      INDArray dlogits, BackpropNinja.Result result) {
    Map<String, INDArray> gradients = new HashMap<>(result.gradients());
    INDArray yb = gradients.get("logits").neg().argMax(1).reshape(32, 1); // below 0 at labels only
    gradients.put("logits", dlogits);
    return BackpropNinja.crossEntropyInOneGo(result.step().values(), yb, gradients);
  }

  /** In the steps' dlogits. */
  private enum Mistake {
    N_MINUS_1 {
      @Override
      void make(INDArray dlogits, INDArray normLogits) {
        dlogits.muli(32.0 / 31);
      }
    },
    MAXIMUM_LEFT_OUT {
      @Override
      void make(INDArray dlogits, INDArray normLogits) {
        dlogits.muli(normLogits.neq(0).castTo(dlogits.dataType()));
      }
    },
    A_TENTH_OF_THE_MAXIMA {
      @Override
      void make(INDArray dlogits, INDArray normLogits) {
        dlogits.addi(dlogits.mul(normLogits.eq(0).castTo(dlogits.dataType())).muli(0.1));
      }
    },
    A_TENTH_OF_A_PERCENT_OF_THE_LARGEST_OTHER {
      @Override
      void make(INDArray dlogits, INDArray normLogits) {
        INDArray others = dlogits.mul(normLogits.neq(0).castTo(dlogits.dataType()));
        int row = others.max(1).argMax().getInt(0);
        int column = others.getRow(row).argMax().getInt(0);
        dlogits.putScalar(row, column, dlogits.getDouble(row, column) * 1.001);
      }
    },
    LABEL_IN_ONE_ROW_NOT_TAKEN_OFF {
      @Override
      void make(INDArray dlogits, INDArray normLogits) {
        int label = dlogits.getRow(5).neg().argMax().getInt(0);
        dlogits.putScalar(5, label, dlogits.getDouble(5, label) + 1 / 32.0);
      }
    };

    abstract void make(INDArray dlogits, INDArray normLogits);
  }

  /** 5 letters a name, each letter in one. */
  private static Path namesOf(int letters, Path dir) throws IOException {
    String all =
        IntStream.range(0, letters)
            .mapToObj(k -> Character.toString(0x4E00 + k))
            .collect(Collectors.joining());
    List<String> names = new ArrayList<>();
    for (int from = 0; from < letters; from += 5) {
      names.add("丁" + all.substring(from, Math.min(letters, from + 5)));
    }
    names.addAll(names);
    return Files.write(dir.resolve("letters.txt"), names);
  }

  @Test
  void oneRowThatIsNotApproximateMakesTheStatus1() {
    INDArray one = Nd4j.ones(1, 1);
    GradientComparison good = GradientComparison.of(Map.of("h", one), Map.of("h", one));
    GradientComparison bad = GradientComparison.of(Map.of("h", one), Map.of("h", one.mul(2)));

    assertEquals(0, status(good, good, good, good));
    assertEquals(1, status(bad, good, good, good));
    assertEquals(1, status(good, bad, good, good));
    assertEquals(1, status(good, good, bad, good));
    assertEquals(1, status(good, good, good, bad));
  }

  private static int status(
      GradientComparison table,
      GradientComparison crossEntropy,
      GradientComparison batchNorm,
      GradientComparison matrixProduct) {
    return new BackpropNinja.Result(null, null, null, table, crossEntropy, batchNorm, matrixProduct)
        .status();
  }

  /** The notebook's printed tensors, of which these are the first numbers. */
  @Test
  void twoGeneratorsGiveTheNumbersThatTheNotebookPrints() throws IOException {
    StepwiseMlp.Parameters parameters =
        BackpropNinja.parameters(27, new TorchRandom(2147483647), new TorchRandom(42));
    INDArray yb = golden("Yb.npy");
    Map<String, INDArray> values =
        StepwiseMlp.forward(parameters, golden("Xb.npy"), yb.reshape(32, 1)).values();

    assertPrinted(1e-5, values.get("emb"), -0.47125, 0.78682, -0.32843, -0.43297);
    assertPrinted(1e-4, values.get("hprebn"), -1.2944, -1.6063, 0.58236);
    assertPrinted(1e-4, values.get("bnmeani"), -0.2923, -0.0526, -0.6841, 0.7001, -0.5036, 0.4972);
    assertPrinted(1e-4, values.get("bndiff"), -1.0021, -1.5537, 1.2665);
    assertPrinted(1e-4, values.get("bnvar"), 2.9677, 1.2682, 2.1554, 1.4667, 4.6703, 2.9705);
    assertPrinted(1e-4, values.get("bnvar_inv"), 0.5805, 0.8880, 0.6811, 0.8257, 0.4627, 0.5802);
    assertPrinted(1e-4, values.get("bnraw"), -0.5817, -1.3797, 0.8627);
    assertPrinted(1, yb, 8, 14, 15, 22, 0, 19, 9, 14, 5, 1, 20, 3, 8, 14, 12, 0, 11, 0, 26, 9);
  }

  @Test
  void printsTheLossAndTheTablesAndNothingElse() {
    TrainerRuns.Printed printed = execute("--seed", "7", "--recipe", "two-generators");

    assertEquals(0, printed.status());
    assertEquals("", printed.err());
    List<String> lines = printed.out().lines().toList();
    assertTrue(lines.get(0).matches("loss \\d\\.\\d{4}"), lines.get(0));
    assertEquals(31, lines.stream().filter(line -> line.contains("approximate: True")).count());
    assertEquals(
        List.of(
            "Gradients by hand against autodiff",
            "26 of 26 bit for bit the same",
            "Cross entropy in one go",
            "Batch norm in one go",
            "The matrix product by hand"),
        lines.stream().skip(1).filter(line -> !line.isEmpty() && !line.contains(" | ")).toList());
  }

  /**
   * In a minibatch of nothing but "aaa" every variance is 0, so that dhprebn is the rounding of its
   * terms, 316 times as large: each way of computing it has its own.
   */
  @Test
  void theStatusOfTheCommandIs1IfARowIsNotApproximate(@TempDir Path dir) throws IOException {
    List<String> names = new ArrayList<>(Collections.nCopies(50, "a".repeat(400)));
    names.add("bcd");
    Path file = Files.write(dir.resolve("names"), names);

    TrainerRuns.Printed printed = execute("--names", file.toString(), "--seed", "1");

    assertEquals("", printed.err());
    assertTrue(printed.out().contains("approximate: False"), printed.out());
    assertEquals(1, printed.status());
  }

  @Test
  void aFolderThatCannotBeMadeIsSaidInOneLineWithStatus1() {
    TrainerRuns.Printed printed = execute("--plot", "pom.xml/plots");

    assertEquals(1, printed.status());
    assertEquals("", printed.out());
    assertEquals(1, printed.err().lines().count(), printed.err());
    assertTrue(printed.err().contains("pom.xml"), printed.err());
  }

  @Test
  void writesThePictures(@TempDir Path dir) throws IOException {
    Path plots = dir.resolve("a/b");

    assertEquals(0, execute("--plot", plots.toString()).status());

    try (Stream<Path> files = Files.list(plots)) {
      assertEquals(
          List.of("dlogits.png", "graph.dot", "graph.png"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
    BufferedImage dlogits = ImageIO.read(plots.resolve("dlogits.png").toFile());
    for (int row = 0; row < 32; row++) {
      assertEquals(1, darkCells(dlogits, row), "the right class in row " + row);
    }
    String dot = Files.readString(plots.resolve("graph.dot"));
    assertTrue(dot.contains("logits -> norm_logits [label=\"\u00a0"), dot);
    BufferedImage graph = ImageIO.read(plots.resolve("graph.png").toFile());
    assertTrue(graph.getHeight() > 1000, "a line of 20 steps is tall, not " + graph.getHeight());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--seed -1 | --seed (-1) must be from 0 to 4294967295",
        "--seed x | Invalid value for option '--seed': 'x' is not a long",
        "--recipe both | must be one-generator or two-generators",
        "--names no/such/file | no/such/file does not exist",
        "--names pom.xml | pom.xml, line 1",
        "--plot pom.xml | --plot (pom.xml)",
        "--nonsense | Unknown option: '--nonsense'",
      })
  void whatCannotBeUsedIsSaidInOneLine(String args, String said) {
    TrainerRuns.Printed printed = execute(args.split(" "));

    assertEquals(2, printed.status());
    assertEquals("", printed.out());
    assertEquals(1, printed.err().lines().count(), printed.err());
    assertTrue(printed.err().contains(said), printed.err());
  }

  /** How many of a row's cells are nearer to black than to white. */
  private static int darkCells(BufferedImage dlogits, int row) {
    int dark = 0;
    for (int column = 0; column < 27; column++) {
      int blue = dlogits.getRGB(16 * column + 24, 16 * row + 24) & 0xff;
      dark += blue < 128 ? 1 : 0;
    }
    return dark;
  }

  private static TrainerRuns.Printed execute(String... args) {
    return TrainerRuns.run(() -> BackpropNinja.execute(args), line -> {});
  }

  private static List<String> names(GradientComparison comparison) {
    return comparison.rows().stream().map(GradientComparison.Row::name).toList();
  }

  /** Half a unit of the last digit printed, and a little for float. */
  private static void assertPrinted(double unit, INDArray x, double... first) {
    for (int i = 0; i < first.length; i++) {
      assertEquals(first[i], x.ravel().getDouble(i), unit / 2 + 1e-6, "element " + i);
    }
  }

  private static INDArray golden(String file) throws IOException {
    String path = "/golden/step-two-generators/" + file;
    try (var in = BackpropNinjaTest.class.getResourceAsStream(path)) {
      return Nd4j.createNpyFromByteArray(in.readAllBytes());
    }
  }
}
