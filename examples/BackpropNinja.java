import java.awt.Color;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.stepwise.ComputeGraph;
import org.backpropninja.stepwise.GradientComparison;
import org.backpropninja.stepwise.Referee;
import org.backpropninja.stepwise.StepwiseMlp;
import org.graphper.api.FileType;
import org.graphper.api.GraphResource;
import org.graphper.draw.ExecuteException;
import org.graphper.parser.DotParser;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * One step of the character network with every gradient by hand, each compared with autodiff.
 *
 * <p>Source: the notebook "makemore part 4: becoming a backprop ninja".
 */
@Command(
    name = "BackpropNinja",
    description = "Compares every hand-written gradient of one step with SameDiff's autodiff.")
public final class BackpropNinja implements Callable<Integer> {
  private static final int CONTEXT = 3;
  private static final int EMBEDDING = 10;
  private static final int HIDDEN = 64;
  private static final int MINIBATCH = 32;
  private static final long NOTEBOOK_SEED = 2147483647;

  /** Which generator draws what. */
  enum Recipe {
    /** One draws everything. */
    ONE_GENERATOR("one-generator"),
    /** One, seeded 2147483647, draws all but gain and bias, which another draws. */
    TWO_GENERATORS("two-generators");

    private final String option;

    Recipe(String option) {
      this.option = option;
    }

    static Recipe of(String option) {
      for (Recipe recipe : values()) {
        if (recipe.option.equals(option)) {
          return recipe;
        }
      }
      throw new TypeConversionException(
          "'%s' must be one-generator or two-generators".formatted(option));
    }
  }

  /**
   * What one step starts from.
   *
   * @param vocabulary the characters of the 27 classes
   * @param parameters the weights, all drawn
   * @param xb the minibatch's contexts, [n, T]
   * @param yb the class that follows each, [n, 1]
   */
  record Start(Vocabulary vocabulary, StepwiseMlp.Parameters parameters, INDArray xb, INDArray yb) {

    /** Autodiff's values and gradients. */
    Referee referee() {
      return quietly(() -> Referee.judge(parameters, xb, yb));
    }
  }

  /**
   * What one run found.
   *
   * @param vocabulary the characters of the 27 classes
   * @param step the step, with its values
   * @param gradients the 26 gradients, by hand
   * @param table those against autodiff
   * @param crossEntropy dlogits in one go against the steps
   * @param batchNorm dhprebn in one go against the steps
   * @param matrixProduct dh, dW2 and db2 by nested loops against mmul
   */
  record Result(
      Vocabulary vocabulary,
      StepwiseMlp step,
      Map<String, INDArray> gradients,
      GradientComparison table,
      GradientComparison crossEntropy,
      GradientComparison batchNorm,
      GradientComparison matrixProduct) {

    double loss() {
      return step.loss();
    }

    /** 0 if every row of every comparison is approximately equal, else 1. */
    int status() {
      return Stream.of(table, crossEntropy, batchNorm, matrixProduct)
              .allMatch(GradientComparison::allApproximate)
          ? 0
          : 1;
    }
  }

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Shows this.")
  private boolean help;

  @Option(
      names = "--names",
      paramLabel = "FILE",
      defaultValue = "names.txt",
      description = "One name a line (${DEFAULT-VALUE}).")
  private Path names;

  @Option(
      names = "--recipe",
      paramLabel = "NAME",
      defaultValue = "one-generator",
      description =
          "one-generator: one draws all numbers; two-generators: a second draws gain and bias"
              + " (${DEFAULT-VALUE}).")
  private Recipe recipe;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "42",
      description = "Seeds the generator, with two the one of gain and bias (${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--plot",
      paramLabel = "DIR",
      description = "Writes dlogits.png, graph.png and graph.dot there.")
  private Path plot;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /**
   * Runs from the command line: status 0 if every row is approximately equal, 1 if one is not, 2 if
   * the arguments or the names cannot be used.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(execute(args));
  }

  static int execute(String... args) {
    return Commands.execute(
        new CommandLine(new BackpropNinja()).registerConverter(Recipe.class, Recipe::of), args);
  }

  @Override
  public Integer call() throws IOException {
    Commands.requireRange(spec, "--seed", seed, 0, 0xFFFF_FFFFL);
    Commands.requireFolder(spec, "--plot", plot);
    RunFolder pictures = plot == null ? null : RunFolder.create(plot);
    Result result = run(names, recipe, seed);
    print(result, System.out);
    if (pictures != null) {
      plot(result, pictures);
    }
    return result.status();
  }

  /**
   * Takes one step and compares its gradients.
   *
   * @throws InvalidNamesException if the names cannot be used
   */
  static Result run(Path names, Recipe recipe, long seed) {
    Start start = draw(names, recipe, seed);
    StepwiseMlp step = StepwiseMlp.forward(start.parameters(), start.xb(), start.yb());
    Map<String, INDArray> gradients = step.gradients();
    return new Result(
        start.vocabulary(),
        step,
        gradients,
        GradientComparison.of(gradients, start.referee().gradients()),
        crossEntropyInOneGo(step.values(), start.yb(), gradients),
        batchNormInOneGo(step.values(), gradients),
        matrixProductByHand(step.values(), gradients));
  }

  /**
   * Draws weights and a minibatch.
   *
   * @throws InvalidNamesException if the names cannot be used
   */
  static Start draw(Path names, Recipe recipe, long seed) {
    NamesDataset train = Names.split(names, NamesFile.read(names), CONTEXT).train();
    TorchRandom first = new TorchRandom(recipe == Recipe.ONE_GENERATOR ? seed : NOTEBOOK_SEED);
    TorchRandom second = recipe == Recipe.ONE_GENERATOR ? first : new TorchRandom(seed);
    StepwiseMlp.Parameters parameters = parameters(train.vocabulary().size(), first, second);
    DataSet minibatch = train.examples(first.randint(train.size(), MINIBATCH));
    return new Start(
        train.vocabulary(), parameters, minibatch.getFeatures(), minibatch.getLabels());
  }

  /** The notebooks' weights: none is zero or one, where it could hide a wrong gradient. */
  static StepwiseMlp.Parameters parameters(int classes, TorchRandom first, TorchRandom second) {
    int inputs = CONTEXT * EMBEDDING;
    return new StepwiseMlp.Parameters(
        normal(first, classes, EMBEDDING),
        normal(first, inputs, HIDDEN).muli(5.0 / 3 / Math.sqrt(inputs)),
        normal(first, 1, HIDDEN).muli(0.1),
        normal(first, HIDDEN, classes).muli(0.1),
        normal(first, 1, classes).muli(0.1),
        normal(second, 1, HIDDEN).muli(0.1).addi(1),
        normal(second, 1, HIDDEN).muli(0.1));
  }

  private static INDArray normal(TorchRandom random, int rows, int columns) {
    return Nd4j.createFromArray(random.randn(rows * columns)).reshape(rows, columns);
  }

  /** dlogits = (probs − onehot(Yb)) / n. */
  private static GradientComparison crossEntropyInOneGo(
      Map<String, INDArray> values, INDArray yb, Map<String, INDArray> gradients) {
    INDArray dlogits = values.get("probs").dup();
    long n = dlogits.rows();
    for (int i = 0; i < n; i++) {
      int y = yb.getInt(i, 0);
      dlogits.putScalar(i, y, dlogits.getDouble(i, y) - 1);
    }
    return compare(Map.of("logits", dlogits.divi(n)), gradients);
  }

  /** dx = gain·bnvarInv/n · (n·dy − Σ dy − n/(n−1) · bnraw · Σ dy·bnraw), sums over the rows. */
  private static GradientComparison batchNormInOneGo(
      Map<String, INDArray> values, Map<String, INDArray> gradients) {
    INDArray dy = gradients.get("hpreact");
    INDArray bnraw = values.get("bnraw");
    double n = dy.rows();
    INDArray dx =
        dy.mul(n)
            .subi(dy.sum(true, 0))
            .subi(bnraw.mul(dy.mul(bnraw).sum(true, 0)).muli(n / (n - 1)))
            .muli(values.get("bngain").mul(values.get("bnvar_inv")).divi(n));
    return compare(Map.of("hprebn", dx), gradients);
  }

  /** The gradients of logits = h·W2 + b2 as sums, one product at a time. */
  private static GradientComparison matrixProductByHand(
      Map<String, INDArray> values, Map<String, INDArray> gradients) {
    double[][] h = values.get("h").toDoubleMatrix();
    double[][] w2 = values.get("W2").toDoubleMatrix();
    double[][] dlogits = gradients.get("logits").toDoubleMatrix();
    double[][] dh = new double[h.length][w2.length];
    double[][] dw2 = new double[w2.length][w2[0].length];
    double[][] db2 = new double[1][w2[0].length];
    for (int i = 0; i < h.length; i++) {
      for (int j = 0; j < w2[0].length; j++) {
        for (int k = 0; k < w2.length; k++) {
          dh[i][k] += dlogits[i][j] * w2[k][j];
          dw2[k][j] += h[i][k] * dlogits[i][j];
        }
        db2[0][j] += dlogits[i][j];
      }
    }
    Map<String, INDArray> byHand = new LinkedHashMap<>();
    byHand.put("h", Nd4j.createFromArray(dh));
    byHand.put("W2", Nd4j.createFromArray(dw2));
    byHand.put("b2", Nd4j.createFromArray(db2));
    // In double: added up in another order, floats differ by more than the rule allows.
    INDArray d = gradients.get("logits").castTo(DataType.DOUBLE);
    return GradientComparison.of(
        byHand,
        Map.of(
            "h", d.mmul(values.get("W2").castTo(DataType.DOUBLE).transpose()),
            "W2", values.get("h").castTo(DataType.DOUBLE).transpose().mmul(d),
            "b2", d.sum(true, 0)));
  }

  private static GradientComparison compare(
      Map<String, INDArray> inOneGo, Map<String, INDArray> gradients) {
    Map<String, INDArray> steps = new LinkedHashMap<>(gradients);
    steps.keySet().retainAll(inOneGo.keySet());
    return GradientComparison.of(inOneGo, steps);
  }

  /**
   * SameDiff prints a line for each operation it differentiates; they are no part of the answer.
   */
  private static <T> T quietly(Supplier<T> work) {
    PrintStream out = System.out;
    System.setOut(new PrintStream(OutputStream.nullOutputStream()));
    try {
      return work.get();
    } finally {
      System.setOut(out);
    }
  }

  static void print(Result result, PrintStream out) {
    out.printf(Locale.ROOT, "loss %.4f%n", result.loss());
    out.printf("%nGradients by hand against autodiff%n%s%n", result.table().table());
    out.printf(
        "%d of %d bit for bit the same%n",
        result.table().exactRows(), result.table().rows().size());
    out.printf("%nCross entropy in one go%n%s%n", result.crossEntropy().table());
    out.printf("%nBatch norm in one go%n%s%n", result.batchNorm().table());
    out.printf("%nThe matrix product by hand%n%s%n", result.matrixProduct().table());
  }

  /** Writes dlogits.png, graph.png and graph.dot. */
  static void plot(Result result, RunFolder folder) throws IOException {
    String dot = ComputeGraph.dot(result.step().values());
    folder.write("dlogits.png", heatMap(result));
    folder.write("graph.dot", dot.getBytes(StandardCharsets.UTF_8));
    folder.write("graph.png", picture(dot));
  }

  private static byte[] picture(String dot) throws IOException {
    try (GraphResource picture = DotParser.parse(dot).toFile(FileType.PNG)) {
      return picture.bytes();
    } catch (ExecuteException e) {
      throw new IOException(e);
    }
  }

  /** Each row is a row of probabilities over n, with a dark cell at the right class. */
  private static byte[] heatMap(Result result) throws IOException {
    return HeatMap.png(
        result.gradients().get("logits").toDoubleMatrix(),
        result.vocabulary().toString().codePoints().mapToObj(Character::toString).toList(),
        Color.WHITE,
        Color.BLACK);
  }
}
