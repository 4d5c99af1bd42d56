package org.backpropninja.check;

import java.util.Arrays;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * Makes a row of each example, of any rank and format.
 *
 * <p>So one loss layer fits all layers. DL4J's for sequences and images do not score each format
 * right.
 */
final class Flat implements InputPreProcessor {

  private static final long serialVersionUID = 1;

  @JsonProperty private long width; // 0 while it is not known

  private transient long[] shape; // of the last minibatch

  @Override
  public INDArray preProcess(INDArray input, int minibatchSize, LayerWorkspaceMgr workspaces) {
    shape = input.shape();
    return workspaces
        .dup(ArrayType.ACTIVATIONS, input, 'c')
        .reshape('c', shape[0], input.length() / shape[0]);
  }

  @Override
  public INDArray backprop(INDArray error, int minibatchSize, LayerWorkspaceMgr workspaces) {
    return workspaces.dup(ArrayType.ACTIVATION_GRAD, error, 'c').reshape('c', shape);
  }

  @Override
  public Flat clone() {
    Flat clone = new Flat();
    clone.width = width;
    return clone;
  }

  /** Transfer learning forgets how long sequences are: they are as long as before. */
  @Override
  public InputType getOutputType(InputType type) {
    long elements = Arrays.stream(type.getShape(false)).reduce(1, (a, b) -> a * b);
    width = elements > 0 ? elements : width;
    return InputType.feedForward(width);
  }

  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArray(
      INDArray mask, MaskState state, int minibatchSize) {
    return new Pair<>(mask, state);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Flat o && width == o.width;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(width);
  }
}
