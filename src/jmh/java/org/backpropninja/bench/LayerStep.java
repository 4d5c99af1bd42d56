package org.backpropninja.bench;

import java.util.function.Supplier;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.AllocationPolicy;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.memory.enums.ResetPolicy;
import org.nd4j.linalg.api.memory.enums.SpillPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One layer's forward and backward pass, with the views and the workspaces that {@link
 * MultiLayerNetwork#fit} gives it and without the rest of a network.
 */
@SuppressWarnings("try") // a workspace is opened and closed, not used
class LayerStep implements Supplier<Object> {

  private static final String ACTIVATIONS = "WS_ALL_LAYERS_ACT";
  private static final String GRADIENTS = "WS_LAYER_ACT_1";
  static final String WORKING = "WS_LAYER_WORKING_MEM";

  /** As in MultiLayerNetwork, whose own are protected. */
  static final WorkspaceConfiguration CONFIGURATION =
      WorkspaceConfiguration.builder()
          .initialSize(0)
          .overallocationLimit(0.05)
          .policyLearning(LearningPolicy.FIRST_LOOP)
          .policyReset(ResetPolicy.BLOCK_LEFT)
          .policySpill(SpillPolicy.REALLOCATE)
          .policyAllocation(AllocationPolicy.OVERALLOCATE)
          .build();

  private final LayerWorkspaceMgr forward =
      LayerWorkspaceMgr.builder()
          .with(ArrayType.INPUT, ACTIVATIONS, CONFIGURATION)
          .with(ArrayType.ACTIVATIONS, ACTIVATIONS, CONFIGURATION)
          .with(ArrayType.FF_WORKING_MEM, WORKING, CONFIGURATION)
          .build();

  private final LayerWorkspaceMgr backward =
      LayerWorkspaceMgr.builder()
          .with(ArrayType.INPUT, ACTIVATIONS, CONFIGURATION)
          .with(ArrayType.ACTIVATIONS, WORKING, CONFIGURATION)
          .with(ArrayType.ACTIVATION_GRAD, GRADIENTS, CONFIGURATION)
          .with(ArrayType.FF_WORKING_MEM, WORKING, CONFIGURATION)
          .with(ArrayType.BP_WORKING_MEM, WORKING, CONFIGURATION)
          .build();

  private final Layer layer;
  private final INDArray x;
  private final INDArray epsilon;

  /** Takes the layer out of a network that holds nothing else. */
  LayerStep(org.deeplearning4j.nn.conf.layers.Layer configuration, INDArray x, INDArray epsilon) {
    MultiLayerNetwork network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .activation(Activation.IDENTITY)
                .list()
                .layer(configuration)
                .build());
    network.init();
    network.initGradientsView();
    layer = network.getLayer(0);
    this.x = x;
    this.epsilon = epsilon;
  }

  @Override
  public Object get() {
    try (MemoryWorkspace activations = forward.notifyScopeEntered(ArrayType.ACTIVATIONS)) {
      try (MemoryWorkspace working = forward.notifyScopeEntered(ArrayType.FF_WORKING_MEM)) {
        activate(x, forward);
      }
      try (MemoryWorkspace gradients = backward.notifyScopeEntered(ArrayType.ACTIVATION_GRAD);
          MemoryWorkspace working = backward.notifyScopeEntered(ArrayType.BP_WORKING_MEM)) {
        return backprop(epsilon, backward);
      }
    }
  }

  INDArray activate(INDArray x, LayerWorkspaceMgr workspaces) {
    return layer.activate(x, true, workspaces);
  }

  INDArray backprop(INDArray epsilon, LayerWorkspaceMgr workspaces) {
    return layer.backpropGradient(epsilon, workspaces).getSecond();
  }
}
