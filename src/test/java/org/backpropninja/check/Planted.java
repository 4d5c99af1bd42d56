package org.backpropninja.check;

import java.util.function.Supplier;

/**
 * A bug that was planted, and the check that has to catch it.
 *
 * @param check its name
 * @param what was done to a layer or loss without a fault
 * @param kit for the layer or loss with the bug in it, with the same declarations
 */
record Planted(String check, String what, Supplier<? extends Conformance<?>> kit) {

  @Override
  public String toString() {
    return check + ": " + what;
  }

  /** A bug in the runtime of {@link Sound}. */
  static Planted in(String check, String what, Sound.Runtime runtime) {
    return new Planted(check, what, () -> Sound.kit(() -> new Sound(runtime)));
  }
}
