package org.backpropninja.layers;

import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.BaseActivationFunction;
import org.nd4j.linalg.activations.impl.ActivationRReLU;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A ReLU whose slope below 0 is drawn for each element in training, and their mean in inference.
 *
 * <p>DL4J 1.0.0-M2.1 draws the same slopes but goes back as the identity does, and in inference it
 * gives max(z, mean slope). Source: Xu et al., "Empirical Evaluation of Rectified Activations in
 * Convolutional Network", 2015.
 */
final class RandomisedRelu extends BaseActivationFunction {

  private static final long serialVersionUID = 1;

  private final double least;
  private final double most;
  private transient INDArray drawn; // null in inference

  RandomisedRelu(ActivationRReLU settings) {
    least = settings.getL();
    most = settings.getU();
  }

  @Override
  public INDArray getActivation(INDArray in, boolean training) {
    drawn =
        training
            ? Nd4j.rand(least, most, Nd4j.getRandom(), in.shape()).castTo(in.dataType())
            : null;
    return in.muli(slopes(in));
  }

  @Override
  public Pair<INDArray, INDArray> backprop(INDArray in, INDArray epsilon) {
    return new Pair<>(epsilon.muli(slopes(in)), null);
  }

  private INDArray slopes(INDArray in) {
    INDArray isBelow = in.lt(0).castTo(in.dataType());
    INDArray below = drawn == null ? isBelow.mul((least + most) / 2) : isBelow.mul(drawn);
    return below.addi(isBelow.rsub(1));
  }

  @Override
  public String toString() {
    return "rrelu(l=" + least + ", u=" + most + ")";
  }
}
