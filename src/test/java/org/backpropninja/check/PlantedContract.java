package org.backpropninja.check;

import java.util.List;

/** Bugs for the family {@code contract}. */
final class PlantedContract {

  private PlantedContract() {}

  static List<Planted> all() {
    return List.of();
  }
}
