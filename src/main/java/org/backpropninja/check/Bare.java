package org.backpropninja.check;

import java.util.Random;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The layer's runtime alone, called as a network calls it. */
final class Bare {

  private final LayerSubject subject;
  private final Layer layer;
  private final org.deeplearning4j.nn.conf.layers.Layer configuration;
  private final InputPreProcessor before; // what DL4J puts in front of the layer, null for nothing

  Bare(LayerSubject subject) {
    this.subject = subject;
    MultiLayerNetwork network = (MultiLayerNetwork) Rig.of(subject, Rig.Site.FIRST).network();
    if (network.numParams() > 0) {
      network.initGradientsView();
    }
    layer = network.getLayer(0);
    configuration = network.getLayerWiseConfigurations().getConf(0).getLayer();
    before = network.getLayerWiseConfigurations().getInputPreProcess(0);
  }

  /** Not the runtime's, which in a wrapper is that of the layer inside. */
  org.deeplearning4j.nn.conf.layers.Layer configuration() {
    return configuration;
  }

  /** What the layer's configuration is told of such an input of the network. */
  InputType type(InputType network) {
    return before == null ? network : before.getOutputType(network);
  }

  /** What the layer's configuration says of the output for such an input of the network. */
  InputType outputType(InputType network) {
    return configuration.getOutputType(0, type(network));
  }

  /** What the layer itself is given for n random examples. */
  INDArray input(int n, Random random) {
    return input(subject.input(n, random));
  }

  /** What the layer itself is given for an input of the network. */
  INDArray input(INDArray x) {
    return before == null
        ? x
        : before.preProcess(x, (int) x.size(0), LayerWorkspaceMgr.noWorkspaces());
  }

  /** Random numbers are the same each time. */
  INDArray forward(INDArray x, boolean training, LayerWorkspaceMgr workspaces) {
    Nd4j.getRandom().setSeed(5);
    layer.clear();
    return layer.activate(x, training, workspaces);
  }

  INDArray forward(INDArray x, boolean training) {
    return forward(x, training, LayerWorkspaceMgr.noWorkspaces());
  }

  Pair<Gradient, INDArray> backward(INDArray epsilon, LayerWorkspaceMgr workspaces) {
    return layer.backpropGradient(epsilon, workspaces);
  }
}
