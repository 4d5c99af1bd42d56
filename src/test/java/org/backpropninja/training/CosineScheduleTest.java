package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.learning.config.Adam;

class CosineScheduleTest {

  /** A rise in thirds, the middle, the floor, and beyond. */
  @ParameterizedTest
  @CsvSource({"0, 0.2", "1, 0.4", "2, 0.6", "3, 0.6", "7, 0.33", "11, 0.06", "99, 0.06"})
  void risesAndFalls(int step, double rate) {
    assertEquals(rate, new CosineSchedule(0.6, 3, 11).valueAt(step, 4), 1e-15);
  }

  @Test
  void aQuarterOfTheWayDownItIsTheCosineOf45Degrees() {
    double expected = 0.6 * (0.1 + 0.9 * (1 + Math.sqrt(0.5)) / 2);
    assertEquals(expected, new CosineSchedule(0.6, 3, 11).valueAt(5, 0), 1e-15);
  }

  @Test
  void withoutWarmUpItStartsAtThePeak() {
    assertEquals(0.6, new CosineSchedule(0.6, 0, 11).valueAt(0, 0));
  }

  @Test
  void goesThroughJson() {
    CosineSchedule schedule = new CosineSchedule(0.6, 3, 11);
    MultiLayerConfiguration conf =
        new NeuralNetConfiguration.Builder()
            .updater(new Adam(schedule))
            .list()
            .layer(new OutputLayer.Builder().nIn(2).nOut(3).build())
            .build();
    BaseLayer layer =
        (BaseLayer) MultiLayerConfiguration.fromJson(conf.toJson()).getConf(0).getLayer();
    assertEquals(schedule, ((Adam) layer.getIUpdater()).getLearningRateSchedule());
  }

  @Test
  void refusesWhatIsNoSchedule() {
    refused("peak (0.0) must be positive and finite", 0, 1, 2);
    refused("peak (Infinity) must be positive and finite", Double.POSITIVE_INFINITY, 1, 2);
    refused("warmUp (-1) must be from 0 to 1, less than steps", 0.1, -1, 2);
    refused("warmUp (2) must be from 0 to 1, less than steps", 0.1, 2, 2);
  }

  private static void refused(String message, double peak, int warmUp, int steps) {
    var e =
        assertThrows(IllegalArgumentException.class, () -> new CosineSchedule(peak, warmUp, steps));
    assertEquals(message, e.getMessage());
  }
}
