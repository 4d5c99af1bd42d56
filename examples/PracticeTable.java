import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.backpropninja.stepwise.GradientComparison;
import org.backpropninja.stepwise.Referee;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The gradients of {@link Practice} against autodiff, one row a method.
 *
 * <p>Each method is given copies of autodiff's values and gradients, whatever the methods before it
 * returned or did to theirs, so that a mistake stays in its own row.
 *
 * @param rows in the order of the methods
 */
record PracticeTable(List<Row> rows) {

  /** What a row says of its method. */
  enum Verdict {
    /** It returned null. */
    MISSING,
    /** It returned something else than the gradient, or nothing because it threw. */
    WRONG,
    /** All elements are approximately equal to autodiff's. */
    RIGHT
  }

  /**
   * What was found about one method.
   *
   * @param method its name
   * @param details the rest of the row
   */
  record Row(String method, Verdict verdict, String details) {

    @Override
    public String toString() {
      return "%-7s | %-15s%s"
          .formatted(verdict.name().toLowerCase(Locale.ROOT), method, details)
          .stripTrailing();
    }

    private Row and(String more) {
      return new Row(method, verdict, details + more);
    }
  }

  /** Computes a gradient. */
  @FunctionalInterface
  interface Solver {

    /**
     * Returns the gradient that a method of {@link Practice} is for.
     *
     * @param method the method's name
     * @param known the network's tensors, xb and yb, and the gradients before this one, under the
     *     names that parameters have
     */
    INDArray gradient(String method, Map<String, INDArray> known) throws Throwable;
  }

  /** Below this share of the magnitudes that are summed, a difference of sums is rounding. */
  private static final double SUM_TOLERANCE = 1e-5;

  /** Calls each method. */
  static PracticeTable of(Practice practice, BackpropNinja.Start start) {
    return of((method, known) -> call(practice, method, known), start);
  }

  /** Judges each gradient that a solver returns. */
  static PracticeTable of(Solver solver, BackpropNinja.Start start) {
    Referee referee = start.referee();
    Map<String, INDArray> known = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    referee.values().forEach((name, value) -> known.put(camelCase(name), value));
    known.put("xb", start.xb().castTo(DataType.INT32));
    known.put("yb", start.yb().castTo(DataType.INT32));
    List<Row> rows = new ArrayList<>();
    referee
        .gradients()
        .forEach(
            (name, gradient) -> {
              String method = "d" + camelCase(name);
              rows.add(row(solver, method, known, gradient));
              known.put(method, gradient);
            });
    return new PracticeTable(List.copyOf(rows));
  }

  /** The table, with the hint of the first method that is not right below its row. */
  String text() {
    StringBuilder text = new StringBuilder("Your gradients against autodiff\n");
    boolean hinted = false;
    for (Row row : rows) {
      text.append(row).append('\n');
      if (!hinted && row.verdict() != Verdict.RIGHT) {
        text.append("          hint: ").append(PracticeHints.all().get(row.method())).append('\n');
        hinted = true;
      }
    }
    return text.append("%d of %d right; ".formatted(right(), rows.size()))
        .append("each method was given the right gradients, so that no mistake spreads")
        .toString();
  }

  private long right() {
    return rows.stream().filter(row -> row.verdict() == Verdict.RIGHT).count();
  }

  /** The notebooks' counts_sum in Java: countsSum. */
  private static String camelCase(String name) {
    return Pattern.compile("_(.)")
        .matcher(name)
        .replaceAll(letter -> letter.group(1).toUpperCase(Locale.ROOT));
  }

  // Calling a method

  /** Passes each parameter the array of its name. */
  static INDArray call(Practice practice, String name, Map<String, INDArray> known)
      throws Throwable {
    Method method = method(practice.getClass(), name);
    Object[] arguments =
        Arrays.stream(method.getParameters())
            .map(parameter -> argument(parameter, known))
            .toArray();
    try {
      return (INDArray) method.invoke(practice, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /** The class's own method, or the one that it inherits. */
  private static Method method(Class<?> type, String name) {
    List<Method> named =
        Arrays.stream(type.getDeclaredMethods())
            .filter(method -> method.getName().equals(name))
            .toList();
    if (named.isEmpty() && type != Practice.class) {
      return method(type.getSuperclass(), name);
    }
    if (named.size() != 1) {
      throw new IllegalStateException(
          "%d methods are called %s, one must be".formatted(named.size(), name));
    }
    return named.get(0);
  }

  private static INDArray argument(Parameter parameter, Map<String, INDArray> known) {
    if (!parameter.isNamePresent()) {
      throw new IllegalStateException(
          "compiled without names of parameters: give javac -parameters, as pom.xml does");
    }
    INDArray argument = known.get(parameter.getName());
    if (argument == null) {
      throw new IllegalStateException(
          "parameter %s must be a tensor of the network or a gradient from further up: %s"
              .formatted(parameter.getName(), String.join(", ", known.keySet())));
    }
    return argument;
  }

  // Judging what it returns

  private static Row row(
      Solver solver, String method, Map<String, INDArray> known, INDArray gradient) {
    Map<String, INDArray> copies = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    known.forEach((name, array) -> copies.put(name, array.dup()));
    Row row;
    try {
      row = judge(method, solver.gradient(method, copies), gradient);
    } catch (Throwable e) { // whatever it is, the other methods are judged too
      row = new Row(method, Verdict.WRONG, " | " + describe(e, method));
    }
    List<String> changed =
        known.keySet().stream().filter(name -> !isSame(copies.get(name), known.get(name))).toList();
    return changed.isEmpty()
        ? row
        : row.and(" | changes its argument %s in place".formatted(String.join(", ", changed)));
  }

  /** The exception, the line of the method that it passed, and its message's first line. */
  private static String describe(Throwable e, String method) {
    String where =
        Arrays.stream(e.getStackTrace())
            .filter(frame -> frame.getMethodName().equals(method))
            .findFirst()
            .map(frame -> " in %s, line %d".formatted(frame.getFileName(), frame.getLineNumber()))
            .orElse("");
    String message = e.getMessage() == null ? "" : e.getMessage().strip();
    String first = message.lines().findFirst().map(line -> ": " + line).orElse("");
    return e.getClass().getSimpleName() + where + first;
  }

  private static boolean isSame(INDArray copy, INDArray original) {
    return !copy.wasClosed()
        && Arrays.equals(copy.shape(), original.shape())
        && Arrays.equals(elements(copy), elements(original));
  }

  private static Row judge(String method, INDArray byHand, INDArray gradient) {
    if (byHand == null) {
      return new Row(method, Verdict.MISSING, "");
    }
    if (!Arrays.equals(byHand.shape(), gradient.shape())) {
      return new Row(
          method,
          Verdict.WRONG,
          " | shape: %s, right: %s"
              .formatted(Arrays.toString(byHand.shape()), Arrays.toString(gradient.shape())));
    }
    GradientComparison.Row row = compare(method, byHand, gradient);
    if (!row.approximate()) {
      return new Row(method, Verdict.WRONG, difference(byHand, gradient));
    }
    String details = row.toString().substring("%-15s".formatted(method).length());
    boolean unseen = !row.exact() && compare(method, gradient.like(), gradient).approximate();
    return new Row(
        method,
        Verdict.RIGHT,
        unseen ? details + " | zeros would pass too: the right values are rounding" : details);
  }

  private static GradientComparison.Row compare(String method, INDArray byHand, INDArray right) {
    return GradientComparison.of(Map.of(method, byHand), Map.of(method, right)).rows().get(0);
  }

  /** Sums that differ, and the element that differs most. */
  private static String difference(INDArray byHand, INDArray gradient) {
    double[] a = elements(byHand);
    double[] b = elements(gradient);
    int most = 0;
    double sumOfA = 0;
    double sumOfB = 0;
    double magnitude = 0;
    for (int i = 0; i < a.length; i++) {
      // NaN is larger than everything, and the first one stays.
      most = Double.compare(Math.abs(a[i] - b[i]), Math.abs(a[most] - b[most])) > 0 ? i : most;
      sumOfA += a[i];
      sumOfB += b[i];
      magnitude += Math.abs(b[i]);
    }
    boolean sumIsRight = Math.abs(sumOfA - sumOfB) <= SUM_TOLERANCE * magnitude;
    return (sumIsRight ? " | sum is right" : pair("sum", sumOfA, sumOfB))
        + pair("most at " + index(most, gradient.shape()), a[most], b[most]);
  }

  private static String pair(String what, double byHand, double right) {
    // Adding 0 takes the sign off a zero.
    return String.format(Locale.ROOT, " | %s: %.6g, right: %.6g", what, byHand + 0.0, right + 0.0);
  }

  /** The index of an element in row-major order. */
  private static String index(int element, long[] shape) {
    long[] index = new long[shape.length];
    long rest = element;
    for (int k = shape.length - 1; k >= 0; k--) {
      index[k] = rest % shape[k];
      rest /= shape[k];
    }
    return Arrays.toString(index);
  }

  private static double[] elements(INDArray x) {
    return x.castTo(DataType.DOUBLE).reshape(x.length()).toDoubleVector();
  }
}
