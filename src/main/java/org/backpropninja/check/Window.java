package org.backpropninja.check;

import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.BaseGraphVertex;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Passes everything on, and remembers the error that came back: a graph does not give it out. */
@SuppressWarnings("overrides") // DL4J's own base class leaves the ... out
final class Window extends BaseGraphVertex {

  private static final long serialVersionUID = 1;

  private INDArray seen; // null if the layer above gave none
  private boolean copies = true;

  private Window(ComputationGraph graph, String name, int index, DataType type) {
    super(graph, name, index, null, null, type);
  }

  /** The error of the last backward pass, copied. */
  INDArray seen() {
    return seen;
  }

  /** From now on the input itself is passed on, as it lies in memory. */
  void passOnViews() {
    copies = false;
  }

  @Override
  public boolean hasLayer() {
    return false;
  }

  @Override
  public Layer getLayer() {
    return null;
  }

  @Override
  public INDArray doForward(boolean training, LayerWorkspaceMgr workspaces) {
    return copies
        ? workspaces.dup(ArrayType.ACTIVATIONS, inputs[0], inputs[0].ordering())
        : inputs[0];
  }

  @Override
  @SuppressWarnings("try") // the scope is closed, never named
  public Pair<Gradient, INDArray[]> doBackward(boolean tbptt, LayerWorkspaceMgr workspaces) {
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      seen = epsilon == null ? null : epsilon.dup('c');
    }
    INDArray down =
        epsilon == null
            ? null
            : workspaces.dup(ArrayType.ACTIVATION_GRAD, epsilon, epsilon.ordering());
    return new Pair<>(null, new INDArray[] {down});
  }

  @Override
  public void setBackpropGradientsViewArray(INDArray gradients) {
    // there are no parameters
  }

  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArrays(
      INDArray[] masks, MaskState state, int minibatchSize) {
    return masks == null ? null : new Pair<>(masks[0], state);
  }

  @Override
  public String toString() {
    return "Window";
  }

  /** The configuration. */
  static final class Vertex extends GraphVertex {

    private static final long serialVersionUID = 1;

    @Override
    public Vertex clone() {
      return new Vertex();
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Vertex;
    }

    @Override
    public int hashCode() {
      return 1;
    }

    @Override
    public long numParams(boolean backprop) {
      return 0;
    }

    @Override
    public int minVertexInputs() {
      return 1;
    }

    @Override
    public int maxVertexInputs() {
      return 1;
    }

    @Override
    public Window instantiate(
        ComputationGraph graph,
        String name,
        int index,
        INDArray paramsView,
        boolean initializeParams,
        DataType type) {
      return new Window(graph, name, index, type);
    }

    @Override
    public InputType getOutputType(int layerIndex, InputType... inputs) {
      return inputs[0];
    }

    @Override
    public MemoryReport getMemoryReport(InputType... inputs) {
      return new LayerMemoryReport.Builder(null, Window.class, inputs[0], inputs[0])
          .standardMemory(0, 0)
          .workingMemory(0, 0, 0, 0)
          .cacheMemory(0, 0)
          .build();
    }
  }
}
