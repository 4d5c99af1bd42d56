package org.backpropninja.check;

import java.util.List;

/** Bugs for the family {@code training}. */
final class PlantedTraining {

  private PlantedTraining() {}

  static List<Planted> all() {
    return List.of();
  }
}
