package org.backpropninja.check;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/** One run of one check: its random numbers, the case it is at, and what it has to say. */
final class Trial {

  private final Definition<?> definition;
  private final long seed;
  private final Set<String> notes = new LinkedHashSet<>();
  private String at = "";

  Trial(Definition<?> definition, long seed) {
    this.definition = definition;
    this.seed = seed;
  }

  /** Random numbers that depend on the seed and on what for. */
  Random random(Object... whatFor) {
    long mixed = seed;
    for (Object each : whatFor) {
      mixed = 31 * mixed + String.valueOf(each).hashCode();
    }
    return new Random(mixed * 0x9E3779B97F4A7C15L);
  }

  long seed() {
    return seed;
  }

  /** Says which case is checked from now on. */
  void at(String format, Object... arguments) {
    at = format.formatted(arguments);
  }

  /** Something to be told whatever the verdict is. */
  void note(String note) {
    notes.add(at.isEmpty() ? note : at + ": " + note);
  }

  List<String> notes() {
    return List.copyOf(notes);
  }

  /** Throws what the check has against the case it is at. */
  void require(boolean holds, String format, Object... arguments) {
    if (!holds) {
      throw finding(format.formatted(arguments));
    }
  }

  /** What the check has against the case it is at, with its usual cause. */
  Finding finding(String what) {
    return finding(what, definition.cause());
  }

  Finding finding(String what, String cause) {
    return new Finding(message(what, cause), null);
  }

  /** An exception that should not have been. */
  Finding error(Throwable thrown) {
    Throwable root = thrown;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String because = root == thrown ? "" : ", because of " + root;
    return new Finding(
        message("threw " + thrown + because + place(root), definition.cause()), thrown);
  }

  /** The innermost place that is neither Java's, ND4J's nor the kit's own. */
  private static String place(Throwable thrown) {
    return Stream.of(thrown.getStackTrace())
        .filter(frame -> !frame.getClassName().matches("(java|jdk|org\\.nd4j|org\\.bytedeco)\\..*"))
        .filter(frame -> !frame.getClassName().startsWith(Trial.class.getPackageName() + "."))
        .findFirst()
        .map(frame -> ", at " + frame)
        .orElse("");
  }

  private String message(String what, String cause) {
    return "%s: %s%s.%n  Likely cause: %s.%n  To reproduce: .seed(%d).only(\"%s\")"
        .formatted(
            definition.name(), at.isEmpty() ? "" : at + ": ", what, cause, seed, definition.name());
  }

  /** An action that has to throw. */
  interface Action {
    void run() throws Exception;
  }

  /**
   * Requires that an action throws an exception, and returns it.
   *
   * @param what what is to be refused
   */
  Exception requireRefusal(String what, Action action) {
    return requireRefusal(what, definition.cause(), action);
  }

  /** Requires that what is declared to be refused ends in an exception. */
  void requireRefusal(Enum<?> declared, String what, Action action) {
    requireRefusal(
        what,
        "%s is declared to be refused, but done: throw an exception, or take the declaration out"
            .formatted(declared.name()),
        action);
  }

  private Exception requireRefusal(String what, String cause, Action action) {
    try {
      action.run();
    } catch (Exception refusal) {
      return refusal;
    }
    throw finding(what + " is not refused", cause);
  }

  /** Requires that the message of a refusal has a name in it. */
  void requireNames(String name, String what, Exception refusal) {
    require(
        String.valueOf(refusal.getMessage()).contains(name),
        "%s is refused, but the message does not name the layer, which the kit called \"%s\": %s",
        what,
        name,
        refusal);
  }
}
