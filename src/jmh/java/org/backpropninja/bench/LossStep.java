package org.backpropninja.bench;

import java.util.function.Supplier;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** A loss's gradient and then its score, as DL4J's output layers ask for them. */
@SuppressWarnings("try") // a workspace is opened and closed, not used
final class LossStep implements Supplier<Object> {

  private static final IActivation SOFTMAX = new ActivationSoftmax();

  private final LayerWorkspaceMgr workspaces =
      LayerWorkspaceMgr.builder()
          .defaultWorkspace(LayerStep.WORKING, LayerStep.CONFIGURATION)
          .build();

  private final ILossFunction loss;
  private final INDArray labels;
  private final INDArray logits;

  LossStep(ILossFunction loss, INDArray labels, INDArray logits) {
    this.loss = loss;
    this.labels = labels;
    this.logits = logits;
  }

  @Override
  public Object get() {
    try (MemoryWorkspace working = workspaces.notifyScopeEntered(ArrayType.BP_WORKING_MEM)) {
      loss.computeGradient(labels, logits, SOFTMAX, null);
    }
    try (MemoryWorkspace working = workspaces.notifyScopeEntered(ArrayType.FF_WORKING_MEM)) {
      return loss.computeScore(labels, logits, SOFTMAX, null, false);
    }
  }
}
