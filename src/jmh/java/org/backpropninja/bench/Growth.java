package org.backpropninja.bench;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;

/** How a step's cost grows with the minibatch, the hidden layer and the vocabulary. */
final class Growth {

  private static final Color[] COLORS = {
    Color.RED, Color.BLUE, Color.MAGENTA, Color.GRAY, Color.ORANGE, Color.BLACK
  };
  private static final int PIXELS = 560; // of one of the three charts, each way

  /** One size grows, the others stay at n=32, H=200, V=27. */
  private enum Axis {
    MINIBATCH("n (H=200, V=27)", "fit:%dx200x27", 8, 32, 128, 512, 2048),
    HIDDEN("H (n=32, V=27)", "fit:32x%dx27", 16, 64, 256, 1024),
    VOCABULARY("V (n=32, H=200)", "fit:32x200x%d", 27, 300, 3000, 30_000);

    private final String title;
    private final String task;
    private final int[] sizes;

    Axis(String title, String task, int... sizes) {
      this.title = title;
      this.task = task;
      this.sizes = sizes;
    }

    List<String> tasks() {
      return IntStream.of(sizes).mapToObj(task::formatted).toList();
    }
  }

  /** Whose steps: a line in each chart, at the fastest where there are several. */
  private enum Line {
    STOCK("DL4J", "stock"),
    OURS("ours", "ours"),
    COMPILED("compiled", "compiled"),
    PRODUCTS("products", "products"),
    PYTORCH("PyTorch", Peers.PYTORCH.toArray(String[]::new)),
    C("C", Peers.C);

    private final String title;
    private final List<String> contenders;

    Line(String title, String... contenders) {
      this.title = title;
      this.contenders = List.of(contenders);
    }

    /** Microseconds, NaN if not measured. */
    double cost(String task, Figures figures) {
      return contenders.stream()
          .map(contender -> contender + " " + task)
          .filter(figures::has)
          .mapToDouble(figures::median)
          .min()
          .orElse(Double.NaN);
    }
  }

  private final Figures figures;

  Growth(Figures figures) {
    this.figures = figures;
  }

  /** All of all lines. */
  List<String> contenders() {
    return Stream.of(Line.values()).flatMap(line -> line.contenders.stream()).toList();
  }

  /** All sizes of all axes, each once. */
  List<String> tasks() {
    List<String> tasks = new ArrayList<>();
    for (Axis axis : Axis.values()) {
      axis.tasks().stream().filter(task -> !tasks.contains(task)).forEach(tasks::add);
    }
    return tasks;
  }

  String table() {
    StringBuilder table = new StringBuilder("| µs a step |");
    for (Line line : Line.values()) {
      table.append(' ').append(line.title).append(" |");
    }
    table.append("\n|---|").append("---|".repeat(Line.values().length)).append('\n');
    for (String task : tasks()) {
      String[] size = task.substring("fit:".length()).split("x");
      table.append("| n=%s H=%s V=%s |".formatted((Object[]) size));
      for (Line line : Line.values()) {
        table.append(' ').append(Figures.threeDigits(line.cost(task, figures))).append(" |");
      }
      table.append('\n');
    }
    return table.toString();
  }

  /** Draws the three charts side by side, both axes logarithmic. */
  void draw(Path picture) throws IOException {
    List<XYChart> charts = new ArrayList<>();
    for (Axis axis : Axis.values()) {
      charts.add(chart(axis));
    }
    Files.createDirectories(picture.toAbsolutePath().getParent());
    BitmapEncoder.saveBitmap(charts, 1, charts.size(), picture.toString(), BitmapFormat.PNG);
  }

  private XYChart chart(Axis axis) {
    XYChart chart =
        new XYChartBuilder()
            .width(PIXELS)
            .height(PIXELS)
            .xAxisTitle(axis.title)
            .yAxisTitle("µs a step")
            .build();
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    chart.getStyler().setChartBackgroundColor(Color.WHITE).setSeriesColors(COLORS);
    chart
        .getStyler()
        .setLegendPosition(LegendPosition.OutsideS)
        .setLegendLayout(LegendLayout.Horizontal);
    for (Line line : Line.values()) {
      Map<Integer, Double> points = new LinkedHashMap<>();
      for (int i = 0; i < axis.sizes.length; i++) {
        double cost = line.cost(axis.tasks().get(i), figures);
        if (!Double.isNaN(cost)) {
          points.put(axis.sizes[i], cost);
        }
      }
      if (!points.isEmpty()) {
        chart.addSeries(line.title, List.copyOf(points.keySet()), List.copyOf(points.values()));
      }
    }
    return chart;
  }
}
