package org.backpropninja.internal;

import org.backpropninja.Backward;
import org.backpropninja.math.Cores;
import org.backpropninja.math.FusedCores;
import org.backpropninja.stepwise.StepwiseCores;
import org.nd4j.linalg.api.buffer.DataType;

/** The one place where the closed forms or the small steps are chosen. */
public final class Ways {

  private Ways() {}

  /**
   * Makes the factory of a layer's or a loss's cores.
   *
   * @param configured what the user asked for
   * @param network the network's type
   * @return closed forms if they were asked for and ND4J's arrays lie in the host's memory,
   *     otherwise small steps
   */
  public static Cores cores(Backward configured, DataType network) {
    return configured == Backward.FUSED && NdMatrix.isHostBackend()
        ? new FusedCores(NdArrays.precision(network))
        : new StepwiseCores();
  }
}
