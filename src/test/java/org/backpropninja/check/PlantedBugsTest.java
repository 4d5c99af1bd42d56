package org.backpropninja.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every check catches a bug that was planted for it; {@link #main} prints the table of them. */
class PlantedBugsTest {

  static List<Planted> all() {
    return Stream.of(
            PlantedGradients.all(),
            PlantedContract.all(),
            PlantedMasks.all(),
            PlantedTraining.all(),
            PlantedPersistence.all(),
            PlantedLosses.all())
        .flatMap(List::stream)
        .toList();
  }

  @ParameterizedTest
  @MethodSource("all")
  void isCaught(Planted bug) {
    ConformanceReport report = bug.kit().get().only(bug.check()).run();
    assertEquals(1, report.ran(), report::text);
    assertFalse(report.passed(), report::text);
    String message = report.results().get(0).message();
    assertTrue(message.startsWith(bug.check() + ": "), message);
    assertTrue(message.contains("Likely cause: "), message);
    assertTrue(message.contains(".only(\"" + bug.check() + "\")"), message);
  }

  @Test
  void aLayerWithoutAFaultPasses() {
    ConformanceReport report = Sound.kit().run();
    assertTrue(report.passed(), report::text);
    System.out.println(report);
  }

  @Test
  void aLossWithoutAFaultPasses() {
    ConformanceReport report = SoundLoss.kit().run();
    assertTrue(report.passed(), report::text);
    System.out.println(report);
  }

  @Test
  void noCheckIsWithoutABug() {
    Set<String> caught = all().stream().map(Planted::check).collect(Collectors.toSet());
    Set<String> names =
        Stream.concat(
                LayerConformance.DEFINITIONS.stream().map(Definition::name),
                LossConformance.DEFINITIONS.stream().map(Definition::name))
            .filter(name -> !caught.contains(name))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(Set.of(), names, "checks for which no bug is planted");
  }

  /** Prints what each check says of the bug planted for it. */
  public static void main(String[] args) {
    System.out.println("| check | planted | what it says |\n|---|---|---|");
    for (Planted bug : all()) {
      ConformanceReport.Result result = bug.kit().get().only(bug.check()).run().results().get(0);
      System.out.printf(
          "| `%s` | %s | %s: %s |%n",
          bug.check(),
          bug.what(),
          result.verdict(),
          result.message().lines().findFirst().orElse("").replace(bug.check() + ": ", ""));
    }
  }
}
