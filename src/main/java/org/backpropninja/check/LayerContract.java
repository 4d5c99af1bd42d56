package org.backpropninja.check;

import java.util.List;

/** What DL4J relies on in a layer, and what its users do. */
final class LayerContract {

  static final List<Definition<LayerSubject>> CHECKS = List.of();

  private LayerContract() {}
}
