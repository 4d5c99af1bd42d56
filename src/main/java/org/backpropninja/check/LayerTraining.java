package org.backpropninja.check;

import java.util.List;

/** What happens to a layer when its network is trained. */
final class LayerTraining {

  static final List<Definition<LayerSubject>> CHECKS = List.of();

  private LayerTraining() {}
}
