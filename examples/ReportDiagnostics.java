import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.backpropninja.stepwise.StepwiseMlp;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * How activations and gradients are spread in one minibatch, as a training step would compute them.
 *
 * <p>They are computed by {@link StepwiseMlp} on copies of the parameters: the network's running
 * statistics, gradients and score stay what they are. Source: the notebook "makemore part 3",
 * diagnostics.
 *
 * @param examples of the minibatch that were used
 * @param loss of these
 * @param h what tanh gives
 * @param units hidden units
 * @param saturatedUnits those that are beyond {@link #SATURATED} in every example
 * @param activationGradients by the notebooks' names of the activations, from the loss backwards
 * @param parameters by the notebooks' names, from the table forwards
 * @param dlogits the gradients of the first classes, for the first examples
 * @param letters the vectors of the characters
 */
record ReportDiagnostics(
    int examples,
    double loss,
    Distribution h,
    int units,
    int saturatedUnits,
    Map<String, Distribution> activationGradients,
    Map<String, Parameter> parameters,
    double[][] dlogits,
    Letters letters) {

  /** Where tanh's slope is below 6 %. */
  static final double SATURATED = 0.97;

  /** The notebooks' names of the parameters, from the table forwards, and DL4J's keys. */
  static final Map<String, String> PARAMETERS = parameterKeys();

  private static final long MOST_ELEMENTS = 1 << 20; // of an activation; a step has some 50 of them
  private static final int MOST_ROWS = 64; // of dlogits
  private static final int MOST_COLUMNS = 100;

  /**
   * A parameter and its gradient.
   *
   * @param shape such as [27, 10]
   * @param data its values
   * @param gradient those of its gradient
   */
  record Parameter(long[] shape, Distribution data, Distribution gradient) {
    double gradientToData() {
      return gradient.deviation() / data.deviation();
    }

    int notFinite() {
      return data.notFinite() + gradient.notFinite();
    }

    /** Not a bias or a gain. */
    boolean isMatrix() {
      return shape[0] > 1;
    }
  }

  /** Computes all from a snapshot, with as many of its examples as memory allows. */
  @SuppressWarnings("try")
  static ReportDiagnostics of(ReportData.Snapshot snapshot) {
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      StepwiseMlp.Parameters copies = copies(snapshot.network());
      int n = examples(snapshot.minibatch().getFeatures(), copies);
      INDArray xb = first(n, snapshot.minibatch().getFeatures());
      INDArray yb = first(n, snapshot.minibatch().getLabels());
      StepwiseMlp step = StepwiseMlp.forward(copies, xb, yb);
      Map<String, INDArray> gradients = step.gradients();
      ReportDiagnostics diagnostics = of(step, gradients, snapshot.characters());
      step.values().values().forEach(INDArray::close); // no collection would come for them
      gradients.values().forEach(INDArray::close);
      return diagnostics;
    }
  }

  private static ReportDiagnostics of(
      StepwiseMlp step, Map<String, INDArray> gradients, List<String> characters) {
    Map<String, INDArray> values = step.values();
    INDArray h = values.get("h");
    Map<String, Distribution> activations = new LinkedHashMap<>();
    for (String name : List.of("logits", "h", "hpreact", "hprebn", "embcat")) {
      activations.put(name, Distribution.of(gradients.get(name)));
    }
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    for (String name : PARAMETERS.keySet()) {
      INDArray value = values.get(name);
      parameters.put(
          name,
          new Parameter(
              value.shape(), Distribution.of(value), Distribution.of(gradients.get(name))));
    }
    return new ReportDiagnostics(
        h.rows(),
        step.loss(),
        Distribution.of(h),
        h.columns(),
        saturatedUnits(h),
        activations,
        parameters,
        corner(gradients.get("logits")),
        Letters.of(characters, values.get("C")));
  }

  private static Map<String, String> parameterKeys() {
    Map<String, String> keys = new LinkedHashMap<>();
    keys.put("C", "0_W");
    keys.put("W1", "1_W");
    keys.put("b1", "1_b");
    keys.put("bngain", "2_gain");
    keys.put("bnbias", "2_bias");
    keys.put("W2", "3_W");
    keys.put("b2", "3_b");
    return Collections.unmodifiableMap(keys);
  }

  private static StepwiseMlp.Parameters copies(MultiLayerNetwork network) {
    Map<String, INDArray> copies = new LinkedHashMap<>();
    PARAMETERS.forEach((name, key) -> copies.put(name, matrix(network.getParam(key).dup())));
    return new StepwiseMlp.Parameters(
        copies.get("C"),
        copies.get("W1"),
        copies.get("b1"),
        copies.get("W2"),
        copies.get("b2"),
        copies.get("bngain"),
        copies.get("bnbias"));
  }

  /** DL4J's biases are vectors, the notebook's have one row. */
  private static INDArray matrix(INDArray parameter) {
    return parameter.rank() == 1 ? parameter.reshape(1, parameter.length()) : parameter;
  }

  /** How many rows keep the widest activation within {@link #MOST_ELEMENTS}, but two at least. */
  private static int examples(INDArray xb, StepwiseMlp.Parameters parameters) {
    long widest =
        Math.max(
            parameters.w1().rows(), Math.max(parameters.w2().rows(), parameters.w2().columns()));
    return (int) Math.min(xb.rows(), Math.max(2, MOST_ELEMENTS / widest));
  }

  private static INDArray first(int rows, INDArray array) {
    return array.get(NDArrayIndex.interval(0, rows), NDArrayIndex.all()).dup();
  }

  private static int saturatedUnits(INDArray h) {
    double[][] units = h.transpose().toDoubleMatrix();
    return (int)
        Arrays.stream(units)
            .filter(unit -> Arrays.stream(unit).allMatch(ReportDiagnostics::saturated))
            .count();
  }

  static boolean saturated(double activation) {
    return Math.abs(activation) > SATURATED;
  }

  private static double[][] corner(INDArray dlogits) {
    int rows = Math.min(MOST_ROWS, dlogits.rows());
    int columns = Math.min(MOST_COLUMNS, dlogits.columns());
    return dlogits
        .get(NDArrayIndex.interval(0, rows), NDArrayIndex.interval(0, columns))
        .toDoubleMatrix();
  }
}
