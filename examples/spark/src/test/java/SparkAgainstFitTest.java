import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SparkAgainstFitTest {

  @TempDir Path folder;
  private WayToTrain.Examples examples;

  @BeforeEach
  void writeNames() throws IOException {
    examples = WayToTrain.Examples.read(Files.write(folder.resolve("names.txt"), Small.WORDS));
  }

  @ParameterizedTest
  @EnumSource(WayToTrain.class)
  void eachWayGivesTheParametersOfFit(WayToTrain way) {
    MultiLayerNetwork network = examples.network();
    try (JavaSparkContext spark = way.isOnSpark() ? Spark.local(1) : null) {
      LongConsumer round = way.rounds(network, examples, spark);
      round.accept(0);
      round.accept(1);
    }
    way.requireWhatFitGives(network, examples, 2);
  }

  @Test
  void otherMinibatchesAreNoticed() {
    MultiLayerNetwork network = examples.network();
    WayToTrain way = WayToTrain.AVERAGING_10;
    network.fit(examples.minibatches(0, 10));
    network.fit(examples.minibatches(2, 10)); // must be 1
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class, () -> way.requireWhatFitGives(network, examples, 2));
    assertTrue(e.getMessage().contains("after 2 rounds of 10, must be network.fit's"), e::toString);
  }

  @Test
  void measuresAreReadBack() throws IOException {
    WayMeasured measured = WayMeasured.measure(WayToTrain.COMPILED, examples, 0, 0);
    assertTrue(measured.microseconds() > 0, measured::toString);
    assertEquals(measured, WayMeasured.parse(List.of("other output", measured.line())));
  }

  @Test
  void theChildMustPrintMeasures() {
    assertThrows(IllegalStateException.class, () -> WayMeasured.parse(List.of("other output")));
  }

  @Test
  void partsAreInTheirJobsAndJobsInTheRound() {
    RoundParts.Measured round = RoundParts.measure(examples, 3, 0, 0);
    assertEquals(2, round.rounds());
    assertEquals(2, round.spark().get("jobs"));
    for (RoundParts.Part part : RoundParts.Part.values()) {
      assertTrue(round.of(part) > 0, part + ": " + round);
    }
    assertTrue(round.without(RoundParts.Part.COUNTING_JOB, RoundParts.Part.DRAWING_TO_COUNT) > 0);
    assertTrue(
        round.without(
                RoundParts.Part.AVERAGING_JOB,
                RoundParts.Part.NETWORK,
                RoundParts.Part.UPDATER,
                RoundParts.Part.DRAWING,
                RoundParts.Part.FITTING)
            > 0);
    assertTrue(
        round.without(
                RoundParts.Part.ROUND,
                RoundParts.Part.COUNTING_JOB,
                RoundParts.Part.BROADCAST,
                RoundParts.Part.AVERAGING_JOB)
            > 0);
  }
}
