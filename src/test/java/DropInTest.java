import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.dataset.DataSet;

/** What the table of the three networks says: that they learn, and where they agree. */
class DropInTest {

  private static final List<String> MODELS = List.of("table of numbers", "sequences", "images");
  private static final List<String> LAYERS = List.of("DL4J's", "ours", "converted");

  private static final int STEPS = 6;

  /** Sequences of different lengths. */
  private static DropIn.Result masked;

  /** Sequences of one length, so that DL4J's batch norm counts no masked steps. */
  private static DropIn.Result whole;

  @BeforeAll
  static void run() {
    masked = DropIn.run("--steps", "40", "--blocks", "2");
    whole = DropIn.run("--steps", "" + STEPS, "--blocks", "1", "--shortest", "10");
  }

  @Test
  void everyModelHasARowOfEachKindOfLayers() {
    List<List<String>> expected =
        MODELS.stream()
            .flatMap(model -> LAYERS.stream().map(layers -> List.of(model, layers)))
            .toList();
    assertEquals(
        expected, masked.rows().stream().map(row -> List.of(row.model(), row.layers())).toList());
  }

  @Test
  void everyNetworkLearns() {
    for (DropIn.Row row : masked.rows()) {
      assertEquals(40, row.losses().size(), row::toString);
      assertTrue(row.after() < row.before(), row::toString);
      assertTrue(row.accuracy() > 0.6 && row.accuracy() <= 1, row::toString);
      if (!row.layers().equals("converted")) { // which begins where DL4J's has ended
        double first = mean(row.losses().subList(0, 5));
        double last = mean(row.losses().subList(35, 40));
        assertTrue(last < first / 2, row::toString);
      }
    }
  }

  /** The loss of a step is the forward pass, those of the next ones are gradients and updates. */
  @ParameterizedTest
  @ValueSource(strings = {"table of numbers", "sequences", "images"})
  void oursIsDl4jsMathematics(String model) {
    DropIn.Row dl4js = row(whole, model, "DL4J's");
    DropIn.Row ours = row(whole, model, "ours");
    assertClose(dl4js.before(), ours.before());
    for (int step = 0; step < STEPS; step++) {
      assertClose(dl4js.losses().get(step), ours.losses().get(step));
    }
    assertClose(dl4js.after(), ours.after());
  }

  /** In inference both leave masked steps out, in training DL4J's batch norm counts them. */
  @Test
  void masksLeaveStepsOutOfOurStatistics() {
    DropIn.Row dl4js = row(masked, "sequences", "DL4J's");
    DropIn.Row ours = row(masked, "sequences", "ours");
    assertClose(dl4js.before(), ours.before());
    double difference = Math.abs(1 - dl4js.losses().get(0) / ours.losses().get(0));
    assertTrue(difference > 1e-3, "DL4J's batch norm may have learnt masks: " + difference);
    assertTrue(difference < 0.1, "more than statistics differs: " + difference);
  }

  @Test
  void masksAreThoseOfTheLengths() {
    DataSet data = DropInData.sequences(new Random(5), 60, 4);
    double[][] masks = data.getFeaturesMaskArray().toDoubleMatrix();
    assertEquals(data.getFeaturesMaskArray(), data.getLabelsMaskArray());
    Set<Integer> lengths = new TreeSet<>();
    for (double[] mask : masks) {
      int length = (int) Arrays.stream(mask).sum();
      double[] expected = new double[DropInData.LONGEST];
      Arrays.fill(expected, 0, length, 1);
      assertArrayEquals(expected, mask);
      lengths.add(length);
    }
    assertEquals(Set.of(4, 5, 6, 7, 8, 9, 10), lengths);
  }

  @Test
  void convertedNetworksSayWhatDl4jsSaid() {
    assertEquals(3, masked.conversion().size());
    for (int k = 0; k < MODELS.size(); k++) {
      assertTrue(masked.conversion().get(k) <= 1e-6, MODELS.get(k) + masked.conversion());
      DropIn.Row dl4js = row(masked, MODELS.get(k), "DL4J's");
      DropIn.Row converted = row(masked, MODELS.get(k), "converted");
      assertClose(dl4js.after(), converted.before());
    }
  }

  @Test
  void ratiosAreThoseOfTheTimes() {
    for (DropIn.Row row : masked.rows()) {
      double dl4js = row(masked, row.model(), "DL4J's").microseconds();
      assertTrue(row.microseconds() > 0, row::toString);
      assertEquals(dl4js / row.microseconds(), row.ratio(), 1e-9, row::toString);
    }
  }

  @Test
  void printsTheRows() {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    DropIn.print(whole, new PrintStream(printed, true, StandardCharsets.UTF_8));
    List<String> lines = printed.toString(StandardCharsets.UTF_8).lines().toList();
    assertEquals(1 + 9 + 1, lines.size());
    for (int k = 0; k < 9; k++) {
      DropIn.Row row = whole.rows().get(k);
      List<String> cells = List.of(lines.get(k + 1).trim().split("\\s*\\|\\s*"));
      assertEquals(7, cells.size(), lines.get(k + 1));
      assertEquals(List.of(row.model(), row.layers()), cells.subList(0, 2));
      assertEquals(row.before(), Double.parseDouble(cells.get(2)), 1e-4);
      assertEquals(row.after(), Double.parseDouble(cells.get(3)), 1e-4);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--steps 0 | --steps (0) must be from 1 to 2147483647",
        "--blocks 0 | --blocks (0) must be from 1 to 2147483647",
        "--shortest 11 | --shortest (11) must be from 1 to 10",
        "--nonsense | Unknown option: '--nonsense'",
      })
  void whatCannotBeUsedIsSaidInOneLine(String args, String said) {
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      assertEquals(2, DropIn.execute(args.split(" ")));
    } finally {
      System.setErr(err);
    }
    assertEquals(said + "\n", printed.toString(StandardCharsets.UTF_8));
  }

  private static DropIn.Row row(DropIn.Result result, String model, String layers) {
    return result.rows().get(3 * MODELS.indexOf(model) + LAYERS.indexOf(layers));
  }

  /** To what DL4J's sums over hundreds of floats are worth. */
  private static void assertClose(double dl4js, double ours) {
    assertEquals(dl4js, ours, 1e-5 * dl4js);
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }
}
