import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.backpropninja.stepwise.ComputeGraph;
import org.backpropninja.stepwise.StepwiseMlp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The exercise as whoever does it sees it: untouched, done, and with each kind of mistake. */
class PracticeTest {

  private static final BackpropNinja.Start START =
      BackpropNinja.draw(Path.of("names.txt"), BackpropNinja.Recipe.ONE_GENERATOR, 42);

  private static final StepwiseMlp STEP =
      StepwiseMlp.forward(START.parameters(), START.xb(), START.yb());

  private static final String LAST_LINE =
      "%d of 26 right; each method was given the right gradients, so that no mistake spreads";

  /** The solution, under the methods' names. */
  private static final Map<String, INDArray> GRADIENTS =
      STEP.gradients().entrySet().stream()
          .collect(
              Collectors.toMap(
                  entry -> "d" + entry.getKey().replace("_", ""),
                  Map.Entry::getValue,
                  (one, other) -> {
                    throw new AssertionError("two of a name");
                  },
                  () -> new TreeMap<>(String.CASE_INSENSITIVE_ORDER)));

  private static INDArray right(String method) {
    return GRADIENTS.get(method).dup();
  }

  /** Someone who has come half way. */
  static class HalfDone extends Practice {
    @Override
    INDArray dlogprobs(INDArray logprobs, INDArray yb) {
      return right("dlogprobs");
    }

    /** Right, but written into the argument. */
    @Override
    INDArray dprobs(INDArray probs, INDArray dlogprobs) {
      return dlogprobs.assign(right("dprobs"));
    }

    /** The sum is forgotten. */
    @Override
    INDArray dcountsSumInv(INDArray counts, INDArray dprobs) {
      return counts.mul(dprobs);
    }

    /** The minus is forgotten. */
    @Override
    INDArray dcountsSum(INDArray countsSum, INDArray dcountsSumInv) {
      return right("dcountsSum").neg();
    }

    /** The second use is forgotten. */
    @Override
    INDArray dcounts(INDArray countsSumInv, INDArray dprobs, INDArray dcountsSum) {
      return dprobs.mul(countsSumInv);
    }

    /** The wrong product. */
    @Override
    INDArray dnormLogits(INDArray counts, INDArray dcounts) {
      return counts.mmul(dcounts);
    }

    /** Not computed at all, where no tolerance can see it. */
    @Override
    INDArray dlogitMaxes(INDArray dnormLogits) {
      return Nd4j.zeros(32, 1);
    }

    /** The second use is forgotten, where no tolerance can see it. */
    @Override
    INDArray dlogits(INDArray logits, INDArray dnormLogits, INDArray dlogitMaxes) {
      return dnormLogits;
    }

    /** By other operations. */
    @Override
    INDArray dh(INDArray w2, INDArray dlogits) {
      return right("dh").mul(1 + 1e-6);
    }

    /** The right numbers in the wrong places. */
    @Override
    INDArray dW2(INDArray h, INDArray dlogits) {
      return right("dW2").transpose().reshape('c', 64, 27);
    }

    @Override
    INDArray db2(INDArray dlogits) {
      throw new UnsupportedOperationException();
    }

    @Override
    INDArray dhpreact(INDArray h, INDArray dh) {
      return h.sub(1).div(0);
    }
  }

  private static PracticeTable table(Practice practice) {
    return PracticeTable.of(practice, START);
  }

  private static PracticeTable.Row row(Practice practice, String method) {
    return row(table(practice), method);
  }

  private static PracticeTable.Row row(PracticeTable table, String method) {
    return table.rows().stream().filter(row -> row.method().equals(method)).findFirst().get();
  }

  // Untouched and done

  @Test
  void nothingWrittenIs26TimesMissing() {
    List<String> lines = PracticeTable.of((method, known) -> null, START).text().lines().toList();

    List<String> expected = new ArrayList<>(List.of("Your gradients against autodiff"));
    methods().forEach(method -> expected.add("missing | " + method));
    expected.add(2, "          hint: " + PracticeHints.all().get("dlogprobs"));
    expected.add(LAST_LINE.formatted(0));
    assertEquals(expected, lines);
  }

  /** Whoever does the exercise runs the tests as well, and may write methods of his own. */
  @Test
  void whatIsWrittenIsRight() {
    List<PracticeTable.Row> wrong =
        table(new Practice()).rows().stream()
            .filter(row -> row.verdict() == PracticeTable.Verdict.WRONG)
            .toList();
    assertEquals(List.of(), wrong);
  }

  /** Continuous integration checks out what is shipped: the exercise, not its solution. */
  @Test
  @EnabledIfEnvironmentVariable(named = "CI", matches = ".+")
  void nothingIsWritten() {
    assertTrue(isUntouched(), table(new Practice())::text);
  }

  private static boolean isUntouched() {
    return table(new Practice()).rows().stream()
        .allMatch(row -> row.verdict() == PracticeTable.Verdict.MISSING);
  }

  /** The 26, in the order of the step's gradients. */
  private static Stream<String> methods() {
    List<String> order =
        STEP.gradients().keySet().stream().map(name -> "d" + name.replace("_", "")).toList();
    return Arrays.stream(Practice.class.getDeclaredMethods())
        .map(Method::getName)
        .filter(GRADIENTS::containsKey)
        .distinct()
        .sorted(Comparator.comparing(name -> indexOf(name, order)));
  }

  private static int indexOf(String method, List<String> order) {
    List<String> lower = order.stream().map(name -> name.toLowerCase(Locale.ROOT)).toList();
    return lower.indexOf(method.toLowerCase(Locale.ROOT));
  }

  @Test
  void theSolutionIs26TimesRight() {
    PracticeTable table = PracticeTable.of((method, known) -> right(method), START);

    List<String> lines = table.text().lines().toList();
    assertEquals(28, lines.size(), "a title, 26 rows, a count and no hint");
    for (String line : lines.subList(1, 27)) {
      assertTrue(
          line.matches(
              "right   \\| d\\w+ +\\| exact: True  \\| approximate: True  "
                  + "\\| maxdiff: 0\\.0 \\| shape: \\[[0-9, ]+]"),
          line);
    }
    assertEquals(LAST_LINE.formatted(26), lines.get(27));
  }

  // Half done

  /** Numbers as #: they are rounded in other ways on other machines. */
  @Test
  void halfDoneSaysOfEachMethodHowItIs() {
    PracticeTable table =
        PracticeTable.of(
            (method, known) ->
                isDeclared(method) ? PracticeTable.call(new HalfDone(), method, known) : null,
            START);
    String text = table.text();

    String hint = "          hint: " + PracticeHints.all().get("dcountsSumInv");
    String expected =
        """
        Your gradients against autodiff
        right   | dlogprobs       | exact: True  | approximate: True  | maxdiff: # | shape: [32, 27]
        right   | dprobs          | exact: True  | approximate: True  | maxdiff: # | shape: [32, 27] \
        | changes its argument dlogprobs in place
        wrong   | dcountsSumInv   | shape: [32, 27], right: [32, 1]
        %s
        wrong   | dcountsSum      | sum: #, right: # | most at [#, #]: #, right: #
        wrong   | dcounts         | sum: #, right: # | most at [#, #]: #, right: #
        wrong   | dnormLogits     | ND4JIllegalStateException in PracticeTest.java, line #: Cannot \
        execute matrix multiplication: [32, 27]x[32, 27]: \
        Column of left array 27 != rows of right 32
        right   | dlogitMaxes     | exact: False | approximate: True  | maxdiff: # | shape: [32, 1] \
        | zeros would pass too: the right values are rounding
        right   | dlogits         | exact: False | approximate: True  | maxdiff: # | shape: [32, 27]
        right   | dh              | exact: False | approximate: True  | maxdiff: # | shape: [32, 64]
        wrong   | dW2             | sum is right | most at [#, #]: #, right: #
        wrong   | db2             | UnsupportedOperationException in PracticeTest.java, line #
        wrong   | dhpreact        | sum: -Infinity, right: # | most at [#, #]: -Infinity, right: #
        %s%s
        """
            .formatted(
                hint,
                methods().skip(12).map("missing | %s\n"::formatted).collect(Collectors.joining()),
                LAST_LINE.formatted(5));
    String masked =
        text.replaceAll("-?\\d+\\.\\d+([eE][-+]?\\d+)?", "#")
            .replaceAll("line \\d+", "line #")
            .replaceAll("at \\[\\d+, \\d+]", "at [#, #]");
    assertEquals(expected, masked + "\n");
  }

  private static boolean isDeclared(String method) {
    return Arrays.stream(HalfDone.class.getDeclaredMethods())
        .anyMatch(declared -> declared.getName().equals(method));
  }

  // Each kind of mistake

  /** dlogprobs is −1/32 at each right class and 0 elsewhere: its figures are exact everywhere. */
  static Stream<Arguments> mistakes() {
    int first = START.yb().getInt(0, 0);
    int last = START.yb().getInt(31, 0);
    int other = last == 26 ? 25 : last + 1;
    return Stream.of(
        mistake("32 times as large", d -> d.mul(32), sums("-32.0000", 0, first, "-1.00000")),
        mistake("negative", INDArray::neg, sums("1.00000", 0, first, "0.0312500")),
        mistake("minus zeros", d -> d.mul(0), sums("0.00000", 0, first, "0.00000")),
        mistake("one missing", d -> put(d, 31, last, 0), sums("-0.968750", 31, last, "0.00000")),
        mistake("NaN", d -> put(put(d, 0, first, 9), 31, last, Float.NaN), nan(31, last)),
        mistake(
            "one in the wrong column",
            d -> put(put(d, 31, last, 0), 31, other, -1 / 32f),
            "sum is right | " + most(31, Math.min(last, other), last < other)),
        mistake("a vector", d -> d.reshape(864), "shape: [864], right: [32, 27]"),
        mistake("a scalar", INDArray::sum, "shape: [], right: [32, 27]"),
        mistake("transposed", INDArray::transpose, "shape: [27, 32], right: [32, 27]"));
  }

  private static Arguments mistake(String name, UnaryOperator<INDArray> mistake, String said) {
    return Arguments.of(name, mistake, said);
  }

  private static INDArray put(INDArray d, int row, int column, float value) {
    return d.putScalar(row, column, value);
  }

  private static String sums(String sum, int row, int column, String value) {
    return "sum: %s, right: -1.00000 | most at [%d, %d]: %s, right: -0.0312500"
        .formatted(sum, row, column, value);
  }

  private static String nan(int row, int column) {
    return sums("NaN", row, column, "NaN");
  }

  /** Two elements differ by as much, and the first is told. */
  private static String most(int row, int column, boolean isRightClass) {
    return "most at [%d, %d]: ".formatted(row, column)
        + (isRightClass ? "0.00000, right: -0.0312500" : "-0.0312500, right: 0.00000");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("mistakes")
  void aMistakeIsToldWithItsFigures(String name, UnaryOperator<INDArray> mistake, String said) {
    PracticeTable table =
        PracticeTable.of(
            (method, known) ->
                method.equals("dlogprobs") ? mistake.apply(right(method)) : right(method),
            START);

    assertEquals("wrong   | dlogprobs       | " + said, row(table, "dlogprobs").toString());
    assertTrue(table.text().contains("\n" + LAST_LINE.formatted(25)), table::text);
  }

  @Test
  void theElementIsFoundInThreeDimensionsAndInAnyOrderOfMemory() {
    PracticeTable table =
        PracticeTable.of(
            (method, known) -> right(method).dup('f').putScalar(method.equals("demb") ? 959 : 0, 7),
            START);

    assertTrue(
        row(table, "demb").details().contains(" | most at [31, 2, 9]: 7.00000, right: "),
        row(table, "demb")::toString);
  }

  @Test
  void anotherTypeAndAnotherOrderOfMemoryAreNoMistake() {
    PracticeTable table =
        PracticeTable.of((method, known) -> right(method).castTo(DataType.DOUBLE).dup('f'), START);

    assertTrue(table.text().endsWith("\n" + LAST_LINE.formatted(26)), table::text);
    assertEquals(26, count(table, "exact: True"), table::text);
  }

  private static long count(PracticeTable table, String words) {
    return table.rows().stream().filter(row -> row.details().contains(words)).count();
  }

  @Test
  void onlyWhatIsRoundingMayBeZero() {
    PracticeTable table = PracticeTable.of((method, known) -> Nd4j.zerosLike(right(method)), START);

    assertEquals(2, count(table, " | zeros would pass too"), table::text);
    assertTrue(table.text().endsWith("\n" + LAST_LINE.formatted(2)), table::text);
    assertEquals(PracticeTable.Verdict.RIGHT, row(table, "dlogitMaxes").verdict());
    assertEquals(PracticeTable.Verdict.RIGHT, row(table, "db1").verdict());
  }

  // Exceptions

  static Stream<Arguments> exceptions() {
    return Stream.of(
        Arguments.of(new IllegalStateException("one\ntwo"), "IllegalStateException: one"),
        Arguments.of(new IllegalStateException("\n"), "IllegalStateException"),
        Arguments.of(new StackOverflowError(), "StackOverflowError"),
        Arguments.of(new OutOfMemoryError("Java heap"), "OutOfMemoryError: Java heap"));
  }

  @ParameterizedTest
  @MethodSource("exceptions")
  void anExceptionIsItsRowsAndTheOthersAreJudged(Throwable exception, String said) {
    PracticeTable table =
        PracticeTable.of(
            (method, known) -> {
              if (method.equals("dcounts")) {
                throw exception;
              }
              return right(method);
            },
            START);

    assertEquals("wrong   | dcounts         | " + said, row(table, "dcounts").toString());
    assertTrue(table.text().endsWith("\n" + LAST_LINE.formatted(25)), table::text);
  }

  // What a method is given

  /** Whatever was returned before, and whatever was done to what was given. */
  @Test
  void eachMethodIsGivenTheRightArraysAndNoAnswer() {
    Map<String, Map<String, INDArray>> given = new LinkedHashMap<>();
    PracticeTable table =
        PracticeTable.of(
            (method, known) -> {
              given.put(method, new TreeMap<>());
              known.forEach((name, array) -> given.get(method).put(lower(name), array.dup()));
              known.values().forEach(array -> array.assign(7));
              return Nd4j.ones(3);
            },
            START);

    assertEquals(methods().toList(), List.copyOf(given.keySet()));
    Map<String, INDArray> expected = new TreeMap<>();
    START.referee().values().forEach((name, value) -> expected.put(lower(name), value));
    expected.put("xb", START.xb());
    expected.put("yb", START.yb());
    given.forEach(
        (method, arrays) -> {
          assertEquals(expected.keySet(), arrays.keySet(), method);
          arrays.forEach((name, array) -> assertSame(expected.get(name), array));
          expected.put(lower(method), right(method));
        });
    assertEquals(26, count(table, " | shape: [3], right: ["), table::text);
    assertEquals(26, count(table, " | changes its argument "), table::text);
  }

  private static String lower(String name) {
    return name.replace("_", "").toLowerCase(Locale.ROOT);
  }

  private static void assertSame(INDArray expected, INDArray actual) {
    assertArrayEquals(expected.ravel().toFloatVector(), actual.ravel().toFloatVector());
  }

  @Test
  void anArgumentThatIsChangedOrClosedIsTold() {
    PracticeTable table =
        PracticeTable.of(
            (method, known) -> {
              known.get("probs").putScalar(31, 26, Float.NaN);
              known.get("yb").addi(1);
              known.get("h").close();
              return right(method);
            },
            START);

    String told = " | changes its argument h, probs, yb in place";
    assertEquals(26, table.rows().stream().filter(r -> r.details().endsWith(told)).count());
    assertTrue(table.text().endsWith("\n" + LAST_LINE.formatted(26)), table::text);
  }

  /** A gradient comes from all uses of the tensor. */
  @Test
  void theGradientsAmongTheParametersAreThoseOfAllUses() {
    assumeTrue(isUntouched(), "who does the exercise may add parameters");
    Map<String, Set<String>> uses = new TreeMap<>();
    Pattern.compile("(\\w+) -> (\\w+) \\[dir=back")
        .matcher(ComputeGraph.dot(STEP.values()))
        .results()
        .filter(edge -> !edge.group(2).equals("loss"))
        .forEach(
            edge ->
                uses.computeIfAbsent("d" + lower(edge.group(1)), name -> new TreeSet<>())
                    .add("d" + lower(edge.group(2))));
    Map<String, Set<String>> parameters = new TreeMap<>();
    for (Method method : Practice.class.getDeclaredMethods()) {
      Set<String> gradients =
          Arrays.stream(method.getParameters())
              .map(parameter -> lower(parameter.getName()))
              .filter(name -> GRADIENTS.containsKey(name))
              .collect(Collectors.toCollection(TreeSet::new));
      if (!gradients.isEmpty()) {
        parameters.put(lower(method.getName()), gradients);
      }
    }
    assertEquals(25, uses.size());
    assertEquals(uses, parameters);
  }

  @Test
  void aParameterMayBeAddedIfItIsKnownThere() {
    Practice practice =
        new Practice() {
          @SuppressWarnings("unused")
          INDArray dprobs(INDArray probs, INDArray dlogprobs, INDArray W2, INDArray xb) {
            assertEquals(List.of(64L, 27L), Arrays.stream(W2.shape()).boxed().toList());
            assertEquals(List.of(32L, 3L), Arrays.stream(xb.shape()).boxed().toList());
            return right("dprobs");
          }

          @Override
          INDArray dcountsSum(INDArray countsSum, INDArray dcounts) {
            return right("dcountsSum");
          }

          @Override
          INDArray dh(INDArray dh, INDArray dlogits) {
            return right("dh");
          }

          @SuppressWarnings("unused")
          INDArray db2(INDArray dlogits, INDArray h) {
            return right("db2");
          }

          @Override
          INDArray db2(INDArray dlogits) {
            return right("db2");
          }
        };
    PracticeTable table = table(practice);

    assertEquals(PracticeTable.Verdict.RIGHT, row(table, "dprobs").verdict());
    assertStartsWith(
        "wrong   | dcountsSum      | IllegalStateException: parameter dcounts must be a tensor of the"
            + " network or a gradient from further up: ",
        row(table, "dcountsSum"));
    assertStartsWith(
        "wrong   | dh              | IllegalStateException: parameter dh must be ",
        row(table, "dh"));
    assertStartsWith(
        "wrong   | db2             | IllegalStateException: 2 methods are called db2, one must be",
        row(table, "db2"));
  }

  private static void assertStartsWith(String start, PracticeTable.Row row) {
    assertTrue(row.toString().startsWith(start), row::toString);
  }

  // Hints

  @Test
  void eachMethodHasAHintOfOneOrTwoSentences() {
    assertEquals(methods().toList(), List.copyOf(PracticeHints.all().keySet()));
    PracticeHints.all()
        .forEach(
            (method, hint) -> {
              assertTrue(hint.matches("[A-Z][^.]+\\.( [A-Z][^.]+\\.)?"), method + ": " + hint);
              assertTrue(hint.length() <= 200, method + ": " + hint);
            });
    assertEquals(26, new HashSet<>(PracticeHints.all().values()).size());
  }

  /** Words only: no call, no operator, and no number but in the names of the weights. */
  @Test
  void noHintIsCode() {
    PracticeHints.all()
        .forEach(
            (method, hint) -> {
              String words = hint.replaceAll("\\bW[12]\\b", "it");
              assertTrue(
                  words.matches("([A-Za-z]+([-'][a-z]+)?([,:.]? |\\.$))+"), method + ": " + hint);
            });
  }

  // The command

  @Test
  void theCommandPrintsTheTableAndItsStatusIs0() {
    TrainerRuns.Printed printed = execute(new HalfDone());

    String out = "%s%n%s%n".formatted(table(new HalfDone()).text(), PracticeCommand.WHERE);
    assertEquals(new TrainerRuns.Printed(0, out, ""), printed);
  }

  @ParameterizedTest
  @ValueSource(strings = {"dcountsSum", "dcounts_sum", "DCOUNTSSUM"})
  void aHintIsPrintedByItself(String method) {
    String hint = PracticeHints.all().get("dcountsSum");
    assertEquals(
        new TrainerRuns.Printed(0, "dcountsSum: " + hint + System.lineSeparator(), ""),
        execute(new HalfDone(), "--hint", method));
  }

  @Test
  void allHintsArePrinted() {
    TrainerRuns.Printed printed = execute(new Practice(), "--hints");

    assertEquals(0, printed.status());
    List<String> expected = new ArrayList<>();
    PracticeHints.all().forEach((method, hint) -> expected.add(method + ": " + hint));
    assertEquals(26, expected.size());
    assertEquals(expected, printed.out().lines().toList());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--hint logit | --hint (logit) must be one of dlogprobs, dprobs, dcountsSumInv, ",
        "--hint | Missing required parameter for option '--hint' (METHOD)",
        "--nonsense | Unknown option: '--nonsense'",
      })
  void whatCannotBeUsedIsSaidInOneLine(String args, String said) {
    TrainerRuns.Printed printed = execute(new Practice(), args.split(" "));

    assertEquals(2, printed.status());
    assertEquals("", printed.out());
    assertEquals(1, printed.err().lines().count(), printed.err());
    assertTrue(printed.err().startsWith(said), printed.err());
  }

  private static TrainerRuns.Printed execute(Practice practice, String... args) {
    return TrainerRuns.run(() -> PracticeCommand.execute(practice, args), line -> {});
  }
}
