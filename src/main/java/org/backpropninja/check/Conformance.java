package org.backpropninja.check;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The settings and the run that checks of layers and of losses share.
 *
 * @param <T> the kit: {@link LayerConformance} or {@link LossConformance}
 */
public abstract sealed class Conformance<T extends Conformance<T>>
    permits LayerConformance, LossConformance {

  private final Map<String, String> expectedFailures = new LinkedHashMap<>();
  private final List<String> only = new ArrayList<>();
  private String name; // null: that of the class
  private long seed = 1;
  private int atLeast = 1;

  Conformance() {}

  /** All checks of the kit in their order, bound to their subject. */
  abstract List<Check> bind(long seed, Map<String, String> expectedFailures);

  /** The names of all checks. */
  abstract List<String> names();

  /** What is checked, by its class, for the head of the report. */
  abstract String subject();

  /**
   * Names what is checked, for the head of the report. Default: the name of its class.
   *
   * @param name any
   * @return this
   */
  public T named(String name) {
    this.name = required(name, "name");
    return self();
  }

  private String name() {
    return name == null ? subject() : name;
  }

  /**
   * Declares that a check fails and may: for instance because of a known issue. An exception counts
   * as a failure.
   *
   * @param check its name, such as {@code persistence.yaml}
   * @param reason why, or a link
   * @return this
   * @throws IllegalArgumentException if there is no such check, or the reason is blank
   */
  public T expectFailure(String check, String reason) {
    if (!names().contains(check)) {
      throw new IllegalArgumentException("check (%s) must be one of %s".formatted(check, names()));
    }
    if (reason == null || reason.isBlank()) {
      throw new IllegalArgumentException(
          "reason (%s) must say why %s is expected to fail".formatted(reason, check));
    }
    expectedFailures.put(check, reason);
    return self();
  }

  /**
   * Runs only these checks.
   *
   * @param names names, such as {@code gradients.input}, or families, such as {@code gradients}
   * @return this
   * @throws IllegalArgumentException if there is no such check or family
   */
  public T only(String... names) {
    for (String name : names) {
      if (names().stream().noneMatch(each -> isNamed(each, name))) {
        throw new IllegalArgumentException(
            "check (%s) must be one of %s, or one of their families".formatted(name, names()));
      }
    }
    only.addAll(List.of(names));
    return self();
  }

  private static boolean isNamed(String check, String nameOrFamily) {
    return check.equals(nameOrFamily) || check.startsWith(nameOrFamily + ".");
  }

  /**
   * Sets the seed of all random numbers. Default: 1.
   *
   * @param seed any
   * @return this
   */
  public T seed(long seed) {
    this.seed = seed;
    return self();
  }

  /**
   * Sets how many checks have to run, so that a declaration by mistake cannot hide them. Default:
   * 1.
   *
   * @param checks 1 or more; those that do not apply are not counted
   * @return this
   * @throws IllegalArgumentException if it is less than 1
   */
  public T atLeast(int checks) {
    if (checks < 1) {
      throw new IllegalArgumentException("checks (%d) must be at least 1".formatted(checks));
    }
    atLeast = checks;
    return self();
  }

  /**
   * Returns the checks that apply, each to be run as a test of its own.
   *
   * @return one or more
   * @throws AssertionError if fewer apply than {@link #atLeast} says
   * @throws IllegalStateException if a declaration is missing, or the layer cannot be put into a
   *     network
   * @throws IllegalArgumentException if a declaration does not fit the layer
   */
  public Stream<Check> checks() {
    List<Check> applying = chosen().stream().filter(Check::applies).toList();
    if (applying.size() < atLeast) {
      throw new AssertionError(
          "%s: %d checks apply, at least %d have to: %s"
              .formatted(name(), applying.size(), atLeast, reasons()));
    }
    return applying.stream();
  }

  private String reasons() {
    return chosen().stream()
        .filter(check -> !check.applies())
        .map(check -> check.name() + ": " + check.result().message())
        .collect(Collectors.joining("; "));
  }

  private List<Check> chosen() {
    return bind(seed, expectedFailures).stream()
        .filter(
            check -> only.isEmpty() || only.stream().anyMatch(name -> isNamed(check.name(), name)))
        .toList();
  }

  /**
   * Runs all checks.
   *
   * @return what they found; its {@link ConformanceReport#assertPassed} throws where that is not
   *     right
   * @throws IllegalStateException if a declaration is missing, or the layer cannot be put into a
   *     network
   * @throws IllegalArgumentException if a declaration does not fit the layer
   */
  public ConformanceReport run() {
    return new ConformanceReport(
        name(), seed, atLeast, chosen().stream().map(Check::result).toList());
  }

  static <S> List<Check> bind(
      List<Definition<S>> definitions, S subject, long seed, Map<String, String> expected) {
    return definitions.stream()
        .map(each -> Check.of(each, subject, seed, expected.get(each.name())))
        .toList();
  }

  static <V> V required(V value, String name) {
    return Objects.requireNonNull(value, name + " must not be null");
  }

  /** The name of an object's class, also of an anonymous one. */
  static String nameOf(Object object) {
    Class<?> type = object.getClass();
    return type.isAnonymousClass() ? type.getName() : type.getSimpleName();
  }

  @SuppressWarnings("unchecked") // T is this class's only subclass of that kind
  private T self() {
    return (T) this;
  }
}
