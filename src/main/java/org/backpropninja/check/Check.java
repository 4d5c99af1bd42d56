package org.backpropninja.check;

import java.util.List;
import org.backpropninja.check.ConformanceReport.Result;

/** One check of one layer or loss, to be run by itself, as a test of its own. */
public final class Check {

  private final String name;
  private final String about;
  private final Runner runner;

  private interface Runner {
    Outcome run();
  }

  /** What a run found, before it is known whether that was expected. */
  private record Outcome(Verdict verdict, Throwable thrown, List<String> notes) {}

  private final String notApplicable; // null where it applies
  private final String expectedFailure; // the reason, null where it is to pass

  private Check(
      String name, String about, Runner runner, String notApplicable, String expectedFailure) {
    this.name = name;
    this.about = about;
    this.runner = runner;
    this.notApplicable = notApplicable;
    this.expectedFailure = expectedFailure;
  }

  static <S> Check of(Definition<S> definition, S subject, long seed, String expectedFailure) {
    return new Check(
        definition.name(),
        definition.about(),
        () -> run(definition, subject, seed),
        definition.notApplicable().apply(subject),
        expectedFailure);
  }

  private static <S> Outcome run(Definition<S> definition, S subject, long seed) {
    Trial trial = new Trial(definition, seed);
    try {
      definition.body().run(subject, trial);
      return new Outcome(Verdict.PASSED, null, trial.notes());
    } catch (Finding finding) {
      return new Outcome(Verdict.FAILED, finding, trial.notes());
    } catch (Exception | StackOverflowError | LinkageError | AssertionError thrown) {
      return new Outcome(Verdict.ERROR, trial.error(thrown), trial.notes());
    }
  }

  /** Returns the family and the name, such as {@code gradients.input}. */
  public String name() {
    return name;
  }

  /** Returns what the check asks for, in a sentence. */
  public String about() {
    return about;
  }

  /** Whether there is something to check. */
  boolean applies() {
    return notApplicable == null;
  }

  /**
   * Runs the check.
   *
   * @throws AssertionError if it fails, or passes though a failure was declared; the message gives
   *     the case, the likely cause and how to reproduce it
   */
  public void run() {
    Result result = result();
    if (result.verdict().isBad()) {
      throw new AssertionError(result.message(), result.thrown());
    }
  }

  /** Runs the check and says what came of it. */
  Result result() {
    if (!applies()) {
      return new Result(name, about, Verdict.NOT_APPLICABLE, notApplicable, List.of(), 0, null);
    }
    long start = System.nanoTime();
    Outcome outcome = runner.run();
    long millis = (System.nanoTime() - start) / 1_000_000;
    return new Result(
        name, about, verdict(outcome), message(outcome), outcome.notes(), millis, outcome.thrown());
  }

  private Verdict verdict(Outcome outcome) {
    if (expectedFailure == null) {
      return outcome.verdict();
    }
    return outcome.verdict() == Verdict.PASSED ? Verdict.UNEXPECTED_PASS : Verdict.EXPECTED_FAILURE;
  }

  private String message(Outcome outcome) {
    boolean passed = outcome.verdict() == Verdict.PASSED;
    if (expectedFailure == null) {
      return passed ? "" : outcome.thrown().getMessage();
    }
    return passed
        ? "%s: passes, though it was declared to fail (%s).%n  Likely cause: what was wrong has been mended; take expectFailure(\"%s\", …) out"
            .formatted(name, expectedFailure, name)
        : expectedFailure + System.lineSeparator() + outcome.thrown().getMessage();
  }

  @Override
  public String toString() {
    return name;
  }
}
