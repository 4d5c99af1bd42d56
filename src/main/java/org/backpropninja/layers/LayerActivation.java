package org.backpropninja.layers;

import static org.backpropninja.arrays.Crossing.matrix;

import java.util.Arrays;
import org.backpropninja.Backward;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.Workspaces;
import org.backpropninja.math.Tanh;
import org.backpropninja.stepwise.TanhSteps;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationTanH;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The activation that a layer applies last, on the layer's own buffer [n, H]. */
interface LayerActivation {

  /** Replaces z by h. */
  void forwardInPlace(double[] z, int n, int H, boolean training);

  /** Replaces dh by dz, where h is what the forward pass left. */
  void backwardInPlace(double[] h, double[] dh, int n, int H);

  /** Identity and tanh by hand, any other through DL4J. */
  static LayerActivation of(IActivation activation, Backward way) {
    if (activation instanceof ActivationIdentity) {
      return new Identity();
    }
    if (activation instanceof ActivationTanH) {
      return way == Backward.STEPWISE ? new BySteps() : new ByHand();
    }
    return new ThroughDl4j(activation);
  }

  /** h = z. */
  final class Identity implements LayerActivation {
    @Override
    public void forwardInPlace(double[] z, int n, int H, boolean training) {}

    @Override
    public void backwardInPlace(double[] h, double[] dh, int n, int H) {}
  }

  /** h = tanh(z). */
  final class ByHand implements LayerActivation {
    @Override
    public void forwardInPlace(double[] z, int n, int H, boolean training) {
      Tanh.forwardInPlace(z, n * H);
    }

    @Override
    public void backwardInPlace(double[] h, double[] dh, int n, int H) {
      Tanh.backwardInPlace(h, dh, n * H);
    }
  }

  /** h = tanh(z) in ND4J operations. */
  final class BySteps implements LayerActivation {
    private TanhSteps steps;

    @Override
    public void forwardInPlace(double[] z, int n, int H, boolean training) {
      Workspaces.outside(
          () -> {
            steps = TanhSteps.forward(matrix(z, n, H));
            Crossing.read(steps.h(), z);
          });
    }

    @Override
    public void backwardInPlace(double[] h, double[] dh, int n, int H) {
      Workspaces.outside(
          () -> {
            Crossing.read(steps.backward(matrix(dh, n, H)), dh);
          });
    }
  }

  /** h = activation(z), in double whatever the network's type is. */
  final class ThroughDl4j implements LayerActivation {
    private final IActivation activation;
    private double[] z; // DL4J's activations go back from z, not from h

    ThroughDl4j(IActivation activation) {
      this.activation = activation;
    }

    @Override
    public void forwardInPlace(double[] z, int n, int H, boolean training) {
      this.z = Arrays.copyOf(z, n * H);
      Workspaces.outside(
          () -> {
            Crossing.read(activation.getActivation(matrix(z, n, H), training), z);
          });
    }

    @Override
    public void backwardInPlace(double[] h, double[] dh, int n, int H) {
      Workspaces.outside(
          () -> {
            INDArray dz = activation.backprop(matrix(z, n, H), matrix(dh, n, H)).getFirst();
            Crossing.read(dz, dh);
          });
    }
  }
}
