package org.backpropninja.bench;

import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Sees an embedding [n, T, D] as [n, T·D], which no preprocessor of Deeplearning4j does: its own
 * makes n·T examples. Nothing is copied where the array is dense.
 */
final class SideBySide implements InputPreProcessor {

  private static final long serialVersionUID = 1;

  @Override
  public INDArray preProcess(INDArray input, int n, LayerWorkspaceMgr workspaceMgr) {
    return input.reshape('c', n, OurWorkloads.T * OurWorkloads.D);
  }

  @Override
  public INDArray backprop(INDArray output, int n, LayerWorkspaceMgr workspaceMgr) {
    return output.reshape('c', n, OurWorkloads.T, OurWorkloads.D);
  }

  @Override
  public InputPreProcessor clone() {
    return new SideBySide();
  }

  @Override
  public InputType getOutputType(InputType inputType) {
    return InputType.feedForward(inputType.arrayElementsPerExample());
  }

  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArray(INDArray mask, MaskState state, int n) {
    return new Pair<>(mask, state);
  }
}
