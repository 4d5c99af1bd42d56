package org.backpropninja.check;

import java.util.Map;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A ComputationGraph around the layer. */
final class GraphRig extends Rig {

  private static final String BELOW = "below";
  private static final String WINDOW = "window";
  private static final String OTHER = "other"; // where the input is shared

  private final ComputationGraph network;
  private final Window window;
  private final boolean above;
  private final boolean shared;
  private INDArray x; // of the last forward pass

  GraphRig(LayerSubject subject, Site site, NeuralNetConfiguration.Builder settings, Layer layer) {
    above = site.isAbove();
    shared = site == Site.GRAPH_SHARED || site == Site.GRAPH_SHARED_LAST;
    GraphBuilder graph = settings.graphBuilder().addInputs("x");
    graph.addVertex(WINDOW, new Window.Vertex(), "x");
    if (above) {
      graph.addLayer(BELOW, new Below(), WINDOW);
    }
    if (site == Site.GRAPH_SHARED_LAST) {
      addOther(graph);
    }
    graph.addLayer(CHECKED, layer, above ? BELOW : WINDOW);
    if (site == Site.GRAPH_SHARED) {
      addOther(graph);
    }
    graph.setOutputs(shared ? new String[] {CHECKED, OTHER} : new String[] {CHECKED});
    ComputationGraphConfiguration configuration = graph.validateOutputLayerConfig(false).build();
    configuration.addPreProcessors(subject.setsNIn(), subject.inputType());
    network = new ComputationGraph(configuration);
    network.init();
    window = (Window) network.getVertex(WINDOW);
  }

  /** DL4J lets the last reader of an activation work in place. */
  private static void addOther(GraphBuilder graph) {
    graph.addLayer(OTHER, new DropoutLayer.Builder(new Times()).build(), BELOW);
  }

  @Override
  ComputationGraph network() {
    return network;
  }

  @Override
  org.deeplearning4j.nn.api.Layer layer() {
    return network.getLayer(CHECKED);
  }

  @Override
  Map<String, INDArray> parameters() {
    return layer().paramTable();
  }

  @Override
  Map<String, INDArray> below() {
    return above ? network.getLayer(BELOW).paramTable() : Map.of();
  }

  @Override
  INDArray activate(INDArray x, INDArray mask, boolean training) {
    this.x = x;
    network.clearLayerMaskArrays(); // as fit does
    network.setLayerMaskArrays(mask == null ? null : new INDArray[] {mask}, null);
    return network.feedForward(new INDArray[] {x}, training, false).get(CHECKED);
  }

  /** What the other reader of the input puts out. */
  INDArray otherReader(INDArray x, boolean training) {
    return network.feedForward(new INDArray[] {x}, training, false).get(OTHER);
  }

  /** The other reader of the input gets no error, so that L is that of the layer alone. */
  @Override
  Gradient backpropagate(INDArray epsilon) {
    return shared
        ? network.backpropGradient(epsilon, Nd4j.zeros(x.dataType(), x.shape()))
        : network.backpropGradient(epsilon);
  }

  @Override
  void passOnViews() {
    window.passOnViews();
  }

  @Override
  INDArray inputGradient() {
    return window.seen();
  }

  @Override
  String prefix(boolean checked) {
    return (checked ? CHECKED : BELOW) + "_";
  }

  @Override
  void update(Gradient gradient, int n) {
    network.getUpdater().update(gradient, 0, 0, n, LayerWorkspaceMgr.noWorkspaces());
    network.params().subi(gradient.gradient());
  }
}
