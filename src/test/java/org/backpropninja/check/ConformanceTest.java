package org.backpropninja.check;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import org.backpropninja.check.ConformanceReport.Result;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** What users of the kit call, and how a check comes to its verdict. */
class ConformanceTest {

  private static final String CHECK = "gradients.parameters";

  private static LayerConformance wrong() {
    return Sound.kit(() -> new Sound(WrongGradient::new)).only(CHECK);
  }

  private static final class WrongGradient extends SoundLayer {
    private static final long serialVersionUID = 1;

    WrongGradient(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    INDArray dw(INDArray dz) {
      return super.dw(dz).muli(2);
    }
  }

  private static String refusal(Class<? extends Exception> type, Executable action) {
    return assertThrows(type, action).getMessage();
  }

  private static String refusal(Executable action) {
    return refusal(IllegalArgumentException.class, action);
  }

  // Verdicts

  private static Check check(Definition.Body<String> body, String expectedFailure) {
    return Check.of(
        Definition.<String>check("a.b", "What is right.", "a bug", body),
        "subject",
        5,
        expectedFailure);
  }

  private static Verdict verdict(Check check) {
    Verdict verdict = check.result().verdict();
    boolean bad = List.of(Verdict.FAILED, Verdict.ERROR, Verdict.UNEXPECTED_PASS).contains(verdict);
    if (bad) {
      String message = assertThrows(AssertionError.class, check::run).getMessage();
      assertTrue(message.startsWith("a.b: "), message);
      assertTrue(message.contains("Likely cause: "), message);
    } else {
      assertDoesNotThrow(check::run);
    }
    return verdict;
  }

  private static final Definition.Body<String> PASSES = (subject, trial) -> {};
  private static final Definition.Body<String> FAILS =
      (subject, trial) -> trial.require(false, "%s is %d", subject, 1);

  @Test
  void everyVerdictIsReached() {
    Definition.Body<String> throwsUp =
        (subject, trial) -> {
          throw new IllegalStateException("boom");
        };
    Definition.Body<String> asserts =
        (subject, trial) -> {
          throw new AssertionError("a layer's own");
        };
    assertEquals(Verdict.PASSED, verdict(check(PASSES, null)));
    assertEquals(Verdict.FAILED, verdict(check(FAILS, null)));
    assertEquals(Verdict.ERROR, verdict(check(throwsUp, null)));
    assertEquals(Verdict.ERROR, verdict(check(asserts, null)));
    assertEquals(Verdict.EXPECTED_FAILURE, verdict(check(FAILS, "known")));
    assertEquals(Verdict.EXPECTED_FAILURE, verdict(check(throwsUp, "known")));
    assertEquals(Verdict.UNEXPECTED_PASS, verdict(check(PASSES, "known")));
    Check notApplicable =
        Check.of(
            Definition.<String>check("a.b", "What is right.", "a bug", FAILS)
                .unless(subject -> subject + " has none"),
            "subject",
            5,
            "known");
    assertEquals(Verdict.NOT_APPLICABLE, verdict(notApplicable));
    assertEquals("subject has none", notApplicable.result().message());
  }

  @Test
  void aMessageSaysWhereWhatWhyAndHowToReproduce() {
    Check check =
        check(
            (subject, trial) -> {
              trial.at("in case %d", 7);
              trial.note("something");
              FAILS.run(subject, trial);
            },
            null);
    Result result = check.result();
    assertEquals(
        List.of(
            "a.b: in case 7: subject is 1.",
            "  Likely cause: a bug.",
            "  To reproduce: .seed(5).only(\"a.b\")"),
        result.message().lines().toList());
    assertEquals(List.of("in case 7: something"), result.notes());
    assertEquals("a.b", check.toString());
    assertEquals("What is right.", check.about());
  }

  @Test
  void anExceptionIsKept() {
    IllegalStateException boom = new IllegalStateException("boom");
    Check check =
        check(
            (subject, trial) -> {
              throw boom;
            },
            null);
    assertSame(boom, check.result().thrown().getCause());
    assertSame(boom, assertThrows(AssertionError.class, check::run).getCause().getCause());
  }

  // Settings

  @Test
  void onlyTakesNamesAndFamilies() {
    assertEquals(List.of(CHECK), Sound.kit().only(CHECK).checks().map(Check::name).toList());
    List<String> family = Sound.kit().only("gradients").checks().map(Check::name).toList();
    assertTrue(family.size() > 5, family::toString);
    assertTrue(family.stream().allMatch(name -> name.startsWith("gradients.")), family::toString);
    assertEquals(
        List.of(CHECK, "persistence.equals"),
        Sound.kit().only("persistence.equals").only(CHECK).checks().map(Check::name).toList());
  }

  @ParameterizedTest
  @ValueSource(strings = {"gradients.", "gradient", "gradients.param", "", "GRADIENTS"})
  void unknownNamesAreRefusedWithTheList(String name) {
    String only = refusal(() -> Sound.kit().only(name));
    assertTrue(only.startsWith("check (%s) must be one of [".formatted(name)), only);
    assertTrue(only.contains(CHECK), only);
    String expected = refusal(() -> Sound.kit().expectFailure(name, "known"));
    assertTrue(expected.contains(CHECK), expected);
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"", "  "})
  void anExpectedFailureHasAReason(String reason) {
    String message = refusal(() -> Sound.kit().expectFailure(CHECK, reason));
    assertTrue(message.contains(CHECK), message);
  }

  @Test
  void aFamilyCannotBeExpectedToFail() {
    refusal(() -> Sound.kit().expectFailure("gradients", "known"));
  }

  @Test
  void contradictionsAreRefused() {
    String message = refusal(() -> Sound.kit().supports(Feature.DROPOUT).refuses(Feature.DROPOUT));
    assertTrue(message.contains("DROPOUT"), message);
    refusal(() -> Sound.kit().refuses(Feature.DROPOUT).supports(Feature.DROPOUT));
    assertDoesNotThrow(() -> Sound.kit().supports(Feature.DROPOUT).supports(Feature.DROPOUT));
  }

  @Test
  void numbersHaveToBePositive() {
    refusal(() -> Sound.kit().atLeast(0));
    refusal(() -> Sound.kit().indices(0));
  }

  @Test
  void nullIsRefusedByName() {
    Class<NullPointerException> npe = NullPointerException.class;
    assertTrue(refusal(npe, () -> LayerConformance.of(null)).contains("layer"));
    assertTrue(refusal(npe, () -> LossConformance.of(null)).contains("loss"));
    assertTrue(refusal(npe, () -> Sound.kit().input(null)).contains("input"));
    assertTrue(refusal(npe, () -> Sound.kit().named(null)).contains("name"));
    assertTrue(refusal(npe, () -> Sound.kit().state("ema", null)).contains("oracle"));
    assertTrue(refusal(npe, () -> Sound.kit().calibratedBy(null)).contains("calibration"));
    assertTrue(refusal(npe, () -> Sound.kit(() -> null).run()).contains("layer"));
  }

  @Test
  void anInputIsNecessary() {
    LayerConformance kit = LayerConformance.of(Sound::new);
    assertTrue(refusal(IllegalStateException.class, kit::run).contains(".input("));
    assertTrue(refusal(IllegalStateException.class, kit::checks).contains(".input("));
  }

  @Test
  void oneLayerForAllNetworksIsRefused() {
    Sound layer = new Sound();
    assertTrue(refusal(() -> Sound.kit(() -> layer).run()).contains("new one on each call"));
  }

  @Test
  void anUnknownStateIsRefusedWithTheList() {
    String message = refusal(() -> Sound.kit().state("mean", (state, x) -> state).run());
    assertEquals("parameter (mean) must be one of the layer's: [W, b, ema]", message);
  }

  @Test
  void settingsCountAfterARunToo() {
    LayerConformance kit = Sound.kit().only(CHECK);
    assertTrue(kit.run().passed());
    kit.state("mean", (state, x) -> state);
    assertTrue(refusal(kit::run).contains("mean"));
  }

  // Runs

  @Test
  void aFailureThatIsExpectedPasses() {
    ConformanceReport report = wrong().expectFailure(CHECK, "issue 12").run();
    assertTrue(report.passed(), report::text);
    assertTrue(report.results().get(0).message().startsWith("issue 12"), report::text);
    ConformanceReport mended = Sound.kit().only(CHECK).expectFailure(CHECK, "issue 12").run();
    assertFalse(mended.passed());
    assertTrue(mended.text().contains("take expectFailure(\"%s\"".formatted(CHECK)));
  }

  @Test
  void aChecksThatDoesNotApplyIsNoRun() {
    LayerConformance kit =
        LayerConformance.of(() -> new DropoutLayer.Builder(0.5).build())
            .input(InputType.feedForward(5))
            .only(CHECK);
    assertFalse(kit.run().passed());
    AssertionError error = assertThrows(AssertionError.class, kit::checks);
    assertTrue(error.getMessage().contains("0 checks apply, at least 1 have to"), error::toString);
    assertTrue(error.getMessage().contains("no parameters"), error::toString);
    assertTrue(
        kit.only("persistence.equals").checks().noneMatch(check -> check.name().equals(CHECK)));
  }

  @Test
  void tooFewChecksAreRefused() {
    LayerConformance kit = Sound.kit().only(CHECK).atLeast(2);
    assertFalse(kit.run().passed());
    assertThrows(AssertionError.class, kit::checks);
    assertTrue(Sound.kit().only(CHECK, "persistence.equals").atLeast(2).run().passed());
  }

  private static String withoutTimes(ConformanceReport report) {
    return report.text().replaceAll("; [0-9.]+ s", "");
  }

  @Test
  void aSeedRepeatsARun() {
    String first = withoutTimes(wrong().seed(3).run());
    assertEquals(first, withoutTimes(wrong().seed(3).run()));
    String other = withoutTimes(wrong().seed(4).run());
    assertNotEquals(first.replace("seed 3", "").replace("seed(3)", ""), other);
    assertNotEquals(numbers(first), numbers(other));
  }

  private static String numbers(String text) {
    return text.substring(text.indexOf("hand-written"), text.indexOf("Likely"));
  }

  @Test
  void aReportIsNamed() {
    assertTrue(Sound.kit().only("persistence.equals").run().text().startsWith("Sound, seed 1:"));
    assertTrue(
        Sound.kit().only("persistence.equals").named("mine").run().text().startsWith("mine,"));
  }

  // Kinks and chance

  /** y = |x·W + b − c|: c is such that the first input is at the kink. */
  private static class Kinked extends SoundLayer {
    private static final long serialVersionUID = 1;

    private INDArray c;
    private INDArray sign;

    Kinked(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    INDArray forward() {
      INDArray z = x.mmul(w).addiRowVector(getParam("b"));
      c = c == null ? z.dup() : c;
      INDArray centred = z.rows() == c.rows() ? z.subi(c) : z;
      sign = Transforms.sign(centred, true);
      return Transforms.abs(centred, true);
    }

    @Override
    INDArray dz(INDArray dy) {
      return dy.mul(sign);
    }
  }

  @Test
  void aKinkIsDrawnAgainAndNoted() {
    Result result = Sound.kit(() -> new Sound(Kinked::new)).only(CHECK).run().results().get(0);
    assertEquals(Verdict.PASSED, result.verdict(), result::message);
    assertTrue(
        result.notes().stream().anyMatch(note -> note.contains("because of a kink")),
        result::toString);
  }

  @Test
  void aWrongDerivativeBesideAKinkIsCaught() {
    Result result =
        Sound.kit(
                () ->
                    new Sound(
                        (conf, type) ->
                            new Kinked(conf, type) {
                              @Override
                              INDArray dz(INDArray dy) {
                                return dy.dup(); // forgets the sign
                              }
                            }))
            .only(CHECK)
            .run()
            .results()
            .get(0);
    assertEquals(Verdict.FAILED, result.verdict());
    assertTrue(result.message().contains("hand-written"), result::message);
    assertTrue(result.message().contains("numeric"), result::message);
  }

  @Test
  void chanceIsToldAsSuch() {
    Result result =
        Sound.kit(
                () ->
                    new Sound(
                        (conf, type) ->
                            new SoundLayer(conf, type) {
                              private final Random random = new Random(1);

                              @Override
                              INDArray forward() {
                                return super.forward().muli(1 + 0.01 * random.nextGaussian());
                              }
                            }))
            .only(CHECK)
            .run()
            .results()
            .get(0);
    assertEquals(Verdict.FAILED, result.verdict());
    assertTrue(result.message().contains("chance"), result::message);
    assertTrue(result.message().contains("when computed again"), result::message);
  }
}
