import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.knowm.xchart.AnnotationLine;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.internal.chartpart.Annotation;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * The pictures of a report, drawn by XChart as SVG.
 *
 * <p>A picture's colours are variables of {@code report-colours.css}, which it contains, so the
 * same picture serves a light and a dark page.
 */
final class ReportPictures {
  private static final int WIDTH = 440;
  private static final int HEIGHT = 320;
  private static final int BINS = 41; // one around 0
  private static final int MOST_POINTS = 120; // of a line
  private static final double LEAST_DENSITY = 1e-2; // a logarithm has no place for 0

  /** XChart takes no variables: these stand for them until the picture is drawn. */
  private static final Color INK = placeholder(100);

  private static final Color MUTED = placeholder(101);
  private static final Color GRID = placeholder(102);
  private static final Color TRANSPARENT = new Color(0, 0, 0, 0);
  private static final Color[] SERIES =
      IntStream.range(0, 7).mapToObj(ReportPictures::placeholder).toArray(Color[]::new);
  private static final BasicStroke THIN = new BasicStroke(1); // XChart's dashes are an outline each
  private static final BasicStroke DASHES =
      new BasicStroke(1, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10, new float[] {4, 4}, 0);
  private static final String STYLE =
      Report.colours()
          + "text{font-family:system-ui,sans-serif;text-anchor:middle;dominant-baseline:central}";
  private static final Pattern PLACEHOLDER = Pattern.compile("rgb\\(1,2,(\\d+)\\)");
  private static final Pattern DIGITS = Pattern.compile("(\\d\\.\\d\\d)\\d+");

  private ReportPictures() {}

  private static Color placeholder(int index) {
    return new Color(1, 2, index);
  }

  private static String variable(int index) {
    return switch (index) {
      case 100 -> "var(--ink)";
      case 101 -> "var(--muted)";
      case 102 -> "var(--grid)";
      default -> "var(--series-" + index + ")";
    };
  }

  /** Draws each letter at its point. */
  static byte[] letters(List<String> characters, double[][] points, String x, String y)
      throws IOException {
    XYChart chart = chart(x, y);
    chart.getStyler().setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
    chart.getStyler().setMarkerSize(18);
    XYSeries series = chart.addSeries("letters", column(points, 0), column(points, 1));
    series.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(new Color(1, 2, 0, 60));
    for (int i = 0; i < characters.size(); i++) {
      chart.addAnnotation(new Letter(characters.get(i), points[i][0], points[i][1]));
    }
    return svg(chart);
  }

  /** Draws how often tanh gives what. */
  static byte[] activations(Distribution h) throws IOException {
    XYChart chart = chart("h = tanh(hpreact)", "density");
    chart.getStyler().setXAxisMin(-1.0).setXAxisMax(1.0).setYAxisMin(0.0);
    XYSeries series = histogram(chart, "h", h, -1, 1, 0);
    series.setXYSeriesRenderStyle(XYSeriesRenderStyle.Area).setFillColor(new Color(1, 2, 0, 60));
    for (double limit : new double[] {-ReportDiagnostics.SATURATED, ReportDiagnostics.SATURATED}) {
      chart.addAnnotation(new AnnotationLine(limit, true, false));
    }
    return svg(chart);
  }

  /** Draws several distributions, each in units of its own deviation. */
  static byte[] gradients(Map<String, Distribution> gradients) throws IOException {
    XYChart chart = chart("gradient in units of its own deviation", "density");
    chart.getStyler().setXAxisMin(-4.0).setXAxisMax(4.0);
    chart.getStyler().setYAxisLogarithmic(true).setYAxisMin(LEAST_DENSITY).setYAxisMax(10.0);
    gradients.forEach(
        (name, gradient) ->
            histogram(chart, name, gradient.dividedBy(gradient.deviation()), -4, 4, LEAST_DENSITY));
    return svg(chart);
  }

  /** Draws the lines of update:data, with one at −3. */
  static byte[] updates(List<UpdateRatios.Ratios> updates) throws IOException {
    XYChart chart = chart("step", "log10 of update:data");
    chart.getStyler().setYAxisMin(-6.0).setYAxisMax(0.0).setXAxisMin(0.0);
    chart.addAnnotation(new AnnotationLine(-3, false, false));
    int colour = 0;
    for (String name : updates.get(0).log10().keySet()) {
      double[][] means = means(updates, name);
      if (means.length > 0) {
        line(chart, name, column(means, 0), column(means, 1)).setLineColor(SERIES[colour]);
      }
      colour++; // the legend counts a line of no points too
    }
    return svg(chart);
  }

  /** How many updates one point is the mean of, so that there are not too many points. */
  static int stretch(int updates) {
    return Math.max(1, (updates + MOST_POINTS - 1) / MOST_POINTS);
  }

  /** The means of one parameter's finite values, stretch by stretch: [step, mean] each. */
  private static double[][] means(List<UpdateRatios.Ratios> updates, String name) {
    List<double[]> means = new ArrayList<>();
    int stretch = stretch(updates.size());
    for (int from = 0; from < updates.size(); from += stretch) {
      int to = Math.min(updates.size(), from + stretch);
      updates.subList(from, to).stream()
          .mapToDouble(ratios -> ratios.log10().get(name))
          .filter(Double::isFinite)
          .average()
          .ifPresent(mean -> means.add(new double[] {updates.get(to - 1).step(), mean}));
    }
    return means.toArray(double[][]::new);
  }

  private static double[] column(double[][] rows, int j) {
    return Arrays.stream(rows).mapToDouble(row -> row[j]).toArray();
  }

  private static XYSeries histogram(
      XYChart chart, String name, Distribution values, double from, double to, double least) {
    double[] density = values.density(from, to, BINS);
    double[] middles = new double[BINS];
    for (int bin = 0; bin < BINS; bin++) {
      middles[bin] = from + (bin + 0.5) * (to - from) / BINS;
      density[bin] = Math.max(density[bin], least);
    }
    return line(chart, name, middles, density);
  }

  private static XYSeries line(XYChart chart, String name, double[] x, double[] y) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE).setLineWidth(1.6f);
    series.setSmooth(true); // one path, not an element for each piece
    return series;
  }

  private static XYChart chart(String x, String y) {
    XYChart chart =
        new XYChartBuilder().width(WIDTH).height(HEIGHT).xAxisTitle(x).yAxisTitle(y).build();
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    XYStyler styler = chart.getStyler();
    styler.setLocale(Locale.ROOT);
    styler.setSeriesColors(SERIES).setChartFontColor(INK);
    styler.setChartBackgroundColor(TRANSPARENT).setPlotBackgroundColor(TRANSPARENT);
    styler.setPlotBorderColor(GRID).setChartPadding(4);
    styler.setAxisTitleFont(font).setAxisTickLabelsFont(font).setAxisTickLabelsColor(MUTED);
    styler.setAxisTickMarksColor(GRID).setPlotGridLinesColor(GRID).setPlotGridLinesStroke(THIN);
    styler.setLegendVisible(false); // the page has one that wraps
    styler.setAnnotationLineColor(MUTED).setAnnotationLineStroke(DASHES);
    return chart;
  }

  /**
   * Two decimals are enough for a pixel, colours become variables, and a document type would be an
   * address elsewhere.
   */
  private static byte[] svg(XYChart chart) throws IOException {
    ByteArrayOutputStream drawn = new ByteArrayOutputStream();
    ChartEncoder.saveChart(chart, drawn, "svg");
    String svg = DIGITS.matcher(drawn.toString(StandardCharsets.UTF_8)).replaceAll("$1");
    svg = PLACEHOLDER.matcher(svg).replaceAll(m -> variable(Integer.parseInt(m.group(1))));
    return svg.replaceFirst("<!DOCTYPE[^>]*>", "")
        .replaceFirst("<defs>", "<style>" + STYLE + "</style><defs>")
        .getBytes(StandardCharsets.UTF_8);
  }

  /** A letter as text, for which the reader's machine has the font. */
  private static final class Letter extends Annotation {
    private final String letter;
    private final double x;
    private final double y;

    Letter(String letter, double x, double y) {
      super(false);
      this.letter = letter;
      this.x = x;
      this.y = y;
    }

    @Override
    public void paint(Graphics2D graphics) {
      graphics.setColor(INK);
      graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
      graphics.drawString(Html.letter(letter), getXAxisScreenValue(x), getYAxisScreenValue(y));
    }
  }
}
