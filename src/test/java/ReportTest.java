import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.backpropninja.names.RunFolder;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.SingularValueDecomposition;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The report tells what the run did, in one file that is safe to open. */
class ReportTest {

  private static ReportData data;
  private static String page;

  @BeforeAll
  static void train() throws IOException {
    data = ReportDemo.train(300, 32);
    page = Report.page(data);
  }

  // What is on the page

  @Test
  void everySectionIsThere() {
    assertEquals(
        List.of(
            "Loss",
            "Samples",
            "Embedding of the letters",
            "Activations",
            "Gradients",
            "dlogits",
            "Updates",
            "The run"),
        all("<h2>(.*?)</h2>", page));
    assertEquals(6, all("(src=\"data:image/svg)", page).size(), "pictures by XChart");
    assertEquals(1, all("(srcset=\"data:image/png)", page).size(), "heat map for a dark page");
    assertFalse(page.contains("class=\"bad\""), "no warning");
  }

  @Test
  void optionsVersionsTimingsAndSamplesAreThere() {
    assertEquals(
        List.of("--steps", "--hidden", "--context", "--seed"),
        all("<th scope=\"row\">(--.*?)</th>", page),
        "in their order");
    assertTrue(page.contains("<th scope=\"row\">--hidden</th><td>32</td>"));
    assertTrue(page.contains("<th scope=\"row\">Deeplearning4j</th><td>1.0.0-M2.1</td>"));
    ReportData timed =
        ReportDataWith.timings(data, Map.of("training", Duration.ofMillis(1_234_567)));
    assertTrue(Report.page(timed).contains("<th scope=\"row\">training</th><td>1,234.567 s</td>"));
    assertEquals(data.samples().stream().map(Sample::name).toList(), all("<bdi>(.*?)</bdi>", page));
    assertEquals(
        data.samples().stream().map(sample -> sample.origin().toString()).toList(),
        all("<span class=\"mark [a-z]+\">(.*?)</span>", page));
  }

  @Test
  void lettersStandAtTheirPoints() {
    String svg = pictures(page).get(0);
    List<String> characters = data.snapshot().characters();
    double[][] table = data.snapshot().network().getParam("0_W").toDoubleMatrix();

    assertEquals(characters, all("<text[^>]*>(.*?)</text>", svg));
    double[] x = doubles(all("<text[^>]* x=\"(.*?)\"", svg));
    double[] y = doubles(all("<text[^>]* y=\"(.*?)\"", svg));
    for (int i = 1; i < x.length; i++) {
      assertEquals(table[i][0] > table[0][0], x[i] > x[0], characters.get(i) + " to the right");
      assertEquals(table[i][1] > table[0][1], y[i] < y[0], characters.get(i) + " above");
    }
  }

  @Test
  void picturesHaveTheirLinesAndColours() {
    List<String> pictures = pictures(page);
    assertEquals(2, all("(<line[^>]*stroke-dasharray)", pictures.get(2)).size(), "at ±0.97");
    String updates = pictures.get(5);
    double[] lines = doubles(all("<line[^>]*stroke-dasharray[^>]* y1=\"(.*?)\"", updates));
    assertEquals(1, lines.length);
    double top = doubles(all("<rect[^>]*dasharray[^>]* y=\"(.*?)\"", updates))[0];
    double height = doubles(all("<rect height=\"([^\"]*)\"[^>]*dasharray", updates))[0];
    assertEquals(top + height / 2, lines[0], 3, "−3 is half way between 0 and −6");
    for (String svg : pictures) {
      assertTrue(svg.contains("prefers-color-scheme: dark") && svg.contains("var(--series-0)"));
      assertFalse(svg.contains("rgb(1,2,"), "every placeholder has become a variable");
    }
  }

  @Test
  void heatMapIsDarkAtTheRightClass() throws IOException {
    List<String> pngs = all("data:image/png;base64,([^\"]*)", page);
    INDArray labels = data.snapshot().minibatch().getLabels();
    assertEquals(2, pngs.size());
    for (String png : pngs) {
      BufferedImage image = ImageIO.read(new ByteArrayInputStream(Base64.getDecoder().decode(png)));
      for (int i = 0; i < labels.rows(); i++) {
        int row = 16 * (i + 1) + 8;
        int darkest =
            IntStream.range(0, 27)
                .boxed()
                .min(Comparator.comparing(j -> image.getRGB(16 * (j + 1) + 8, row) & 255))
                .orElseThrow();
        assertEquals(labels.getInt(i, 0), darkest, "row " + i);
      }
    }
  }

  @Test
  void writesOneWholeFile(@TempDir Path folder) throws IOException {
    Report.write(new RunFolder(folder), data);

    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(folder.resolve("report.html")), files.toList());
    }
    assertTrue(Files.readString(folder.resolve("report.html")).endsWith("</html>\n"));
  }

  // Its numbers

  @Test
  void activationsAndGradientsAreThoseOfTheNetworksOwnStep() {
    MultiLayerNetwork network = data.snapshot().network().clone();
    network.setInput(data.snapshot().minibatch().getFeatures());
    network.setLabels(data.snapshot().minibatch().getLabels());
    network.computeGradientAndScore();
    double[] h =
        network
            .feedForward(data.snapshot().minibatch().getFeatures(), true)
            .get(3)
            .ravel()
            .toDoubleVector();

    double beyond = Arrays.stream(h).filter(x -> Math.abs(x) > 0.97).count() / (double) h.length;
    assertTrue(beyond > 0, "a share of 0 would show nothing");
    assertEquals(beyond, cell("share beyond ±0.97", 1), 5e-3 * beyond);
    assertEquals(Nd4j.createFromArray(h).stdNumber().doubleValue(), cell("deviation", 1), 1e-3);
    for (String name : List.of("C", "W1", "W2", "bngain", "b2")) {
      String key = ReportDiagnostics.PARAMETERS.get(name);
      INDArray sum = network.gradient().gradientForVariable().get(key); // DL4J divides it later
      double gradient = sum.stdNumber().doubleValue() / data.snapshot().minibatch().numExamples();
      double ratio = gradient / network.getParam(key).stdNumber().doubleValue();
      assertEquals(ratio, cell(name, 1), 5e-3 * ratio, name + " grad:data");
      assertEquals(gradient, cell(name, 2), 5e-3 * gradient, name + " deviation");
    }
    assertTrue(page.contains(String.format(Locale.ROOT, "whose loss is %.4f", network.score())));
  }

  @Test
  void theNetworkStaysAsItIs() {
    MultiLayerNetwork network = data.snapshot().network();
    float[] parameters = network.params().toFloatVector();
    float[] gradients = network.getFlattenedGradients().toFloatVector();
    float[] updater =
        network.getUpdater().getStateViewArray() == null
            ? new float[0]
            : network.getUpdater().getStateViewArray().toFloatVector();
    double score = network.score();
    int iterations = network.getIterationCount();

    Report.page(data);

    assertArrayEquals(parameters, network.params().toFloatVector(), "with running statistics");
    assertArrayEquals(gradients, network.getFlattenedGradients().toFloatVector());
    assertEquals(0, updater.length);
    assertEquals(score, network.score());
    assertEquals(iterations, network.getIterationCount());
  }

  @Test
  void updateRatiosAreThoseOfTheParametersBeforeAndAfter() {
    List<Map<String, Double>> expected = new ArrayList<>();
    MultiLayerNetwork network = data.snapshot().network().clone();
    Map<String, double[]> before = parameters(network);
    UpdateRatios ratios = new UpdateRatios(network, 7, 2, List.of());
    network.setListeners(
        ratios,
        new BaseTrainingListener() {
          @Override
          public void iterationDone(
              org.deeplearning4j.nn.api.Model model, int iteration, int epoch) {
            Map<String, Double> log10 = new HashMap<>();
            parameters(network)
                .forEach(
                    (name, after) -> {
                      double[] old = before.put(name, after);
                      double[] update = new double[old.length];
                      Arrays.setAll(update, k -> after[k] - old[k]);
                      log10.put(name, Math.log10(std(update) / std(old)));
                    });
            expected.add(log10);
          }
        });
    for (int i = 0; i < 4; i++) {
      network.fit(data.snapshot().minibatch());
    }

    assertEquals(
        List.of(8, 10), ratios.recorded().stream().map(UpdateRatios.Ratios::step).toList());
    for (String name : ReportDiagnostics.PARAMETERS.keySet()) {
      assertEquals(expected.get(0).get(name), ratios.recorded().get(0).log10().get(name), 1e-3);
      assertEquals(expected.get(2).get(name), ratios.recorded().get(1).log10().get(name), 1e-3);
    }
    assertThrows(IllegalArgumentException.class, () -> new UpdateRatios(network, 0, 0, List.of()));
  }

  private static Map<String, double[]> parameters(MultiLayerNetwork network) {
    Map<String, double[]> parameters = new HashMap<>();
    ReportDiagnostics.PARAMETERS.forEach(
        (name, key) -> parameters.put(name, network.getParam(key).ravel().toDoubleVector()));
    return parameters;
  }

  @Test
  void principalComponentsAreThoseOfTheSingularValues() {
    double[][] vectors = random(12, 4);
    Letters letters = Letters.of(letters(12), Nd4j.createFromArray(vectors));

    double[][] centred = new double[12][4];
    for (int j = 0; j < 4; j++) {
      int column = j;
      double mean = Arrays.stream(vectors).mapToDouble(row -> row[column]).average().orElseThrow();
      IntStream.range(0, 12).forEach(i -> centred[i][column] = vectors[i][column] - mean);
    }
    SingularValueDecomposition svd =
        new SingularValueDecomposition(new Array2DRowRealMatrix(centred));
    double[] s = svd.getSingularValues();
    double total = Arrays.stream(s).map(x -> x * x).sum();
    for (int k = 0; k < 2; k++) {
      assertEquals(s[k] * s[k] / total, letters.shares()[k], 1e-12);
      double[] component = svd.getU().getColumn(k);
      double sign = Math.signum(component[0]) * Math.signum(letters.principal()[0][k]);
      for (int i = 0; i < 12; i++) {
        assertEquals(sign * s[k] * component[i], letters.principal()[i][k], 1e-12);
      }
    }
    assertEquals(vectors[3][1], letters.firstTwo()[3][1]);
  }

  @Test
  void oneDimensionAndManyLettersHavePictures() throws IOException {
    Letters letters = Letters.of(letters(1000), Nd4j.createFromArray(random(1000, 1)));

    assertEquals(200, letters.characters().size());
    assertEquals(1, letters.shares()[0], 1e-9);
    assertTrue(
        ReportPictures.letters(letters.characters(), letters.principal(), "x", "y").length > 0);
  }

  @Test
  void densityAddsUpToTheShareInside() {
    Distribution values = Distribution.of(Nd4j.createFromArray(-2.0, -1, 0, 0.999, 1, Double.NaN));

    double[] density = values.density(-1, 1, 4);

    assertArrayEquals(new double[] {0.4, 0, 0.4, 0.8}, density, 1e-12);
    assertEquals(1, values.notFinite());
  }

  // Curves

  @Test
  void thinnedCurvesKeepEveryPeak() {
    List<ReportData.Metrics> rows = metrics(200_000);
    rows.set(123_456, new ReportData.Metrics(123_457, 99, Double.NaN, 0.1, 50));
    rows.set(150_000, new ReportData.Metrics(150_001, 0.001, 0.002, 0.1, 50));

    List<ReportData.Metrics> shown = new ReportCurves(rows).shown();

    assertTrue(shown.size() <= ReportCurves.MOST, () -> "points: " + shown.size());
    assertTrue(shown.size() > ReportCurves.MOST / 2, () -> "points: " + shown.size());
    assertEquals(rows.get(0), shown.get(0));
    assertEquals(rows.get(199_999), shown.get(shown.size() - 1));
    assertTrue(shown.contains(rows.get(123_456)) && shown.contains(rows.get(150_000)));
    assertEquals(
        shown.stream().sorted((a, b) -> a.step() - b.step()).toList(), shown, "in order of steps");
    double best =
        rows.stream()
            .mapToDouble(ReportData.Metrics::validation)
            .filter(Double::isFinite)
            .min()
            .orElseThrow();
    assertEquals(
        best,
        shown.stream()
            .mapToDouble(ReportData.Metrics::validation)
            .filter(Double::isFinite)
            .min()
            .orElseThrow());
  }

  @Test
  void runningMeanIsOfAllRows() {
    List<ReportData.Metrics> rows = metrics(10_000);
    ReportCurves curves = new ReportCurves(rows);
    assertEquals(500, curves.window());

    double[] means = column("mean", curves.json(2.5));

    List<ReportData.Metrics> shown = curves.shown();
    for (int i = 0; i < shown.size(); i++) {
      int row = shown.get(i).step() - 1;
      double mean = 0;
      for (int k = Math.max(0, row - 499); k <= row; k++) {
        mean += rows.get(k).loss() / Math.min(500, row + 1);
      }
      assertEquals(mean, means[i], 1e-4 * mean, "row " + row);
    }
    assertTrue(DoubleStream.of(column("bigram", curves.json(2.5))).allMatch(x -> x == 2.5));
  }

  @Test
  void lossThatIsNoNumberIsNull() {
    List<ReportData.Metrics> rows = metrics(3);
    rows.set(1, new ReportData.Metrics(2, Double.POSITIVE_INFINITY, Double.NaN, 0.1, 50));
    ReportData diverged = ReportDataWith.metrics(data, rows);

    assertTrue(new ReportCurves(rows).json(2).matches("(?s).*\"loss\":\\[[0-9.]+,null,[0-9.]+].*"));
    assertTrue(
        Report.page(diverged)
            .contains("The minibatch loss is not a finite number in 1 rows, first at step 2."));
    assertTrue(Report.page(ReportDataWith.metrics(data, List.of())).contains("\"loss\":[]"));
  }

  // What may go wrong

  @Test
  void aNetworkOfNaNsHasAPage() {
    MultiLayerNetwork network = data.snapshot().network().clone();
    network.params().assign(Double.NaN);

    String broken = Report.page(ReportDataWith.network(data, network));

    assertTrue(broken.contains("class=\"bad\""), "says that diagnostics are missing");
    assertTrue(broken.contains("<h2>Loss</h2>") && broken.contains("<h2>The run</h2>"));
  }

  @Test
  void aPictureThatCannotBeDrawnGivesTheReason() {
    String figure =
        Figures.svg(
            "caption",
            List.of(),
            () -> {
              throw new InternalError("<no> fonts");
            });

    assertTrue(
        figure.contains("cannot be drawn: java.lang.InternalError: &lt;no&gt; fonts"), figure);
  }

  @Test
  void charactersOfAnotherAlphabetAreRefused() {
    ReportData.Snapshot right = data.snapshot();

    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> new ReportData.Snapshot(right.network(), letters(5), right.minibatch()));
    assertEquals(
        "characters (5) must be as many as the network's classes (27)", refused.getMessage());
  }

  @Test
  void hostileTextIsText() throws Exception {
    String hostile = Report.page(ReportDataWith.hostile(data));

    assertEquals(2, all("(<script)", hostile).size(), "the data and our script");
    assertEquals(all("(<img)", page).size(), all("(<img)", hostile).size());
    assertFalse(
        hostile.contains("<b>") || hostile.contains("\u0000") || hostile.contains("\u0007"));
    assertTrue(hostile.contains("<bdi>&lt;b&gt;&amp;&quot;&#39;😀U+0000U+D83D</bdi>"));
    assertTrue(hostile.contains("<bdi>שלום</bdi>") && hostile.contains("<bdi>\u202eabc</bdi>"));
    String letters = pictures(hostile).get(0);
    assertTrue(letters.contains(">&lt;</text>"), "XML escapes a letter");
    assertTrue(letters.contains(">␣</text>") && letters.contains(">U+0007</text>"));
    for (String svg : pictures(hostile)) {
      DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    }
  }

  @Test
  void numbersAreThoseOfNoLanguage() {
    Locale usual = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
      assertEquals(withoutIds(page), withoutIds(Report.page(data)));
    } finally {
      Locale.setDefault(usual);
    }
  }

  @Test
  void nothingComesFromElsewhere() throws Exception {
    for (String address :
        all(
            "\\s(?:src|srcset|href|action|poster|data|background)\\s*=\\s*\"?([^\"\\s>]*)",
            page.replaceAll("(?s)<script>.*?</script>", ""))) {
      assertTrue(address.startsWith("data:image/"), address);
    }
    assertFalse(page.contains("<link") || page.contains("<iframe") || page.contains("@import"));
    assertFalse(
        Pattern.compile("url\\(|fetch\\(|XMLHttpRequest|WebSocket|sendBeacon|import\\(")
            .matcher(page)
            .find());
    for (String svg : pictures(page)) {
      assertEquals(List.of(), all("((?:href|src)=\"[^#]|url\\([^#]|<!DOCTYPE)", svg));
    }
    assertTrue(page.contains("default-src 'none'; img-src data:"));
    assertEquals(
        hash(all("(?s)<style>(.*?)</style>", page).get(0)), all("style-src '(.*?)'", page).get(0));
    assertEquals(
        hash(all("(?s)<script>(.*?)</script>", page).get(0)),
        all("script-src '(.*?)'", page).get(0));
  }

  @Test
  void theLicenceIsThere() {
    assertTrue(page.contains("Copyright (c) 2022 Leon Sorokin"));
    assertTrue(page.contains("THE SOFTWARE IS PROVIDED &quot;AS IS&quot;"));
  }

  @Test
  void theSizeIsBounded() {
    Sample longest = new Sample("文".repeat(65_535), Sample.Origin.NEW);
    List<UpdateRatios.Ratios> updates =
        IntStream.rangeClosed(1, 200_000)
            .mapToObj(step -> new UpdateRatios.Ratios(step, data.updates().get(0).log10()))
            .toList();
    ReportData large =
        ReportDataWith.all(
            data,
            metrics(200_000),
            updates,
            IntStream.range(0, 10_000).mapToObj(i -> longest).toList());

    String text = Report.page(large);

    int bytes = text.getBytes(StandardCharsets.UTF_8).length;
    assertTrue(bytes < 1_000_000, () -> bytes + " bytes");
    assertTrue(text.contains("10,000 names, the first 200 of them below: train 0"));
    assertTrue(text.contains("Of 200,000 rows of the metrics"));
  }

  // Helpers

  private static List<String> all(String pattern, String text) {
    return Pattern.compile(pattern).matcher(text).results().map(match -> match.group(1)).toList();
  }

  /** The number in a table's row. */
  private static double cell(String row, int column) {
    Matcher found =
        Pattern.compile("<tr><th scope=\"row\">" + Pattern.quote(row) + "</th>(.*?)</tr>")
            .matcher(page);
    assertTrue(found.find(), "no row " + row);
    String text = all("<td class=\"number\">(.*?)</td>", found.group(1)).get(column - 1);
    return Double.parseDouble(text.replace("−", "-"));
  }

  private static List<String> pictures(String html) {
    return all("src=\"data:image/svg\\+xml;base64,([^\"]*)\"", html).stream()
        .map(base64 -> new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8))
        .toList();
  }

  /** With pictures as text, whose clip paths are named after Java's identity hashes. */
  static String withoutIds(String html) {
    return Pattern.compile("data:image/svg\\+xml;base64,([^\"]*)")
        .matcher(html)
        .replaceAll(
            match ->
                Matcher.quoteReplacement(
                    new String(Base64.getDecoder().decode(match.group(1)), StandardCharsets.UTF_8)
                        .replaceAll("clip-?\\d+", "clip")));
  }

  private static double[] doubles(List<String> numbers) {
    return numbers.stream().mapToDouble(Double::parseDouble).toArray();
  }

  private static double[] column(String name, String json) {
    String numbers = all("\"" + name + "\":\\[(.*?)]", json).get(0);
    return doubles(List.of(numbers.split(",")));
  }

  private static List<ReportData.Metrics> metrics(int count) {
    Random random = new Random(3);
    List<ReportData.Metrics> rows = new ArrayList<>();
    for (int step = 1; step <= count; step++) {
      double loss = 2 + random.nextGaussian() / 10 + 100.0 / (step + 50);
      double validation = step % 100 == 0 ? 2.1 + random.nextGaussian() / 100 : Double.NaN;
      rows.add(new ReportData.Metrics(step, loss, validation, 0.1, 50 + random.nextInt(9)));
    }
    return rows;
  }

  private static List<String> letters(int count) {
    return IntStream.range(0, count).mapToObj(i -> Character.toString(0x4e00 + i)).toList();
  }

  private static double[][] random(int rows, int columns) {
    Random random = new Random(5);
    double[][] matrix = new double[rows][columns];
    Arrays.stream(matrix).forEach(row -> Arrays.setAll(row, j -> random.nextGaussian()));
    return matrix;
  }

  private static double std(double[] values) {
    double mean = Arrays.stream(values).sum() / values.length;
    return Math.sqrt(
        Arrays.stream(values).map(x -> Math.pow(x - mean, 2)).sum() / (values.length - 1));
  }

  private static String hash(String text) throws Exception {
    byte[] digest =
        MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    return "sha256-" + Base64.getEncoder().encodeToString(digest);
  }
}
