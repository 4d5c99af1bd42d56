package org.backpropninja.check;

import java.util.List;

/** A layer survives being saved, copied and sent elsewhere. */
final class LayerPersistence {

  static final List<Definition<LayerSubject>> CHECKS = List.of();

  private LayerPersistence() {}
}
