package org.backpropninja.check;

import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A MultiLayerNetwork around the layer. */
final class MultiLayerRig extends Rig {

  private final MultiLayerNetwork network;
  private INDArray inputGradient;

  MultiLayerRig(
      LayerSubject subject, Site site, NeuralNetConfiguration.Builder settings, Layer layer) {
    NeuralNetConfiguration.ListBuilder list = settings.list();
    if (site.isAbove()) {
      list.layer(new Below());
    }
    // An embedding's nIn is its number of classes, which its input does not tell.
    list.layer(layer).overrideNinUponBuild(subject.setsNIn()).setInputType(subject.inputType());
    network = new MultiLayerNetwork(list.validateOutputLayerConfig(false).build());
    network.init();
  }

  @Override
  MultiLayerNetwork network() {
    return network;
  }

  @Override
  org.deeplearning4j.nn.api.Layer layer() {
    return network.getLayer(network.getnLayers() - 1);
  }

  @Override
  Map<String, INDArray> parameters() {
    return layer().paramTable();
  }

  @Override
  Map<String, INDArray> below() {
    return network.getnLayers() == 1 ? Map.of() : network.getLayer(0).paramTable();
  }

  @Override
  INDArray activate(INDArray x, INDArray mask, boolean training) {
    network.clear();
    network.setInput(x);
    network.setMask(mask);
    return network.feedForward(training, false).get(network.getnLayers());
  }

  @Override
  Gradient backpropagate(INDArray epsilon) {
    Pair<Gradient, INDArray> pair =
        network.backpropGradient(epsilon, LayerWorkspaceMgr.noWorkspaces());
    inputGradient = pair.getSecond();
    return pair.getFirst();
  }

  @Override
  void passOnViews() {
    // the network hands its input to its first layer
  }

  @Override
  INDArray inputGradient() {
    return inputGradient;
  }

  @Override
  String prefix(boolean checked) {
    return (checked ? network.getnLayers() - 1 : 0) + "_";
  }

  @Override
  void update(Gradient gradient, int n) {
    network.getUpdater().update(network, gradient, 0, 0, n, LayerWorkspaceMgr.noWorkspaces());
    network.params().subi(gradient.gradient());
  }
}
