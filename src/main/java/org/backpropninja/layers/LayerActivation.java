package org.backpropninja.layers;

import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.Pass;
import org.backpropninja.internal.Workspaces;
import org.backpropninja.math.Activation;
import org.backpropninja.math.Matrix;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationRReLU;
import org.nd4j.linalg.activations.impl.ActivationTanH;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The activation of a layer: by hand inside its core, or by DL4J behind it. */
final class LayerActivation {

  private final Activation inside;
  private final IActivation behind; // null if the core does it all
  private final DataType type;
  private INDArray z; // DL4J's activations go back from z, not from h

  LayerActivation(IActivation activation, DataType type) {
    this.type = type;
    if (activation instanceof ActivationTanH) {
      inside = Activation.TANH;
      behind = null;
    } else {
      inside = Activation.IDENTITY;
      behind = behind(activation);
    }
  }

  private static IActivation behind(IActivation activation) {
    if (activation instanceof ActivationRReLU settings) {
      return new RandomisedRelu(settings);
    }
    return activation instanceof ActivationIdentity ? null : activation;
  }

  /** What the core is to do. */
  Activation inside() {
    return inside;
  }

  /** Replaces what the core gave by DL4J's activation of it. */
  void forward(Matrix h, Pass pass) {
    if (behind == null) {
      return;
    }
    Workspaces.outside(
        () -> {
          INDArray copy = NdArrays.copy(h, type);
          z = pass.keeps() ? copy.dup() : null;
          NdArrays.assign(behind.getActivation(copy, pass.trains()), h);
        });
  }

  /** What the core goes back from; DL4J's activations write into what they are given. */
  Matrix backward(Matrix dh) {
    if (behind == null) {
      return dh;
    }
    INDArray[] dz = new INDArray[1];
    Workspaces.outside(() -> dz[0] = behind.backprop(z.dup(), NdArrays.copy(dh, type)).getFirst());
    return NdArrays.in(dz[0], type);
  }
}
