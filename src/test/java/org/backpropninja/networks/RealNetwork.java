package org.backpropninja.networks;

import static org.backpropninja.testing.Networks.disturb;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;

/**
 * A sample as a MultiLayerNetwork or as a ComputationGraph.
 *
 * @param sample what it is built for
 * @param isGraph whether it is a ComputationGraph
 * @param settings the network's
 * @param layers the sample's, or others in their place
 */
record RealNetwork(
    Sample sample, boolean isGraph, NeuralNetConfiguration.Builder settings, List<Layer> layers) {

  static final Nesterovs UPDATER = new Nesterovs(0.05, 0.8);

  /** Each sample as each kind of network, in double. */
  static Stream<RealNetwork> all() {
    return Stream.of(Sample.values()).flatMap(s -> Stream.of(of(s, false), of(s, true)));
  }

  private static RealNetwork of(Sample sample, boolean isGraph) {
    NeuralNetConfiguration.Builder settings = Networks.settings(DataType.DOUBLE).updater(UPDATER);
    return new RealNetwork(sample, isGraph, settings, sample.layers());
  }

  RealNetwork with(DataType type) {
    return new RealNetwork(sample, isGraph, settings.clone().dataType(type), layers);
  }

  RealNetwork with(IUpdater updater) {
    return new RealNetwork(sample, isGraph, settings.clone().updater(updater), layers);
  }

  RealNetwork with(WorkspaceMode mode) {
    return new RealNetwork(
        sample,
        isGraph,
        settings.clone().trainingWorkspaceMode(mode).inferenceWorkspaceMode(mode),
        layers);
  }

  RealNetwork with(List<Layer> layers) {
    return new RealNetwork(sample, isGraph, settings, layers);
  }

  /** With another layer in the place of the one of that name. */
  RealNetwork with(String name, UnaryOperator<Layer> change) {
    return with(
        layers().stream()
            .map(layer -> layer.getLayerName().equals(name) ? change.apply(layer) : layer)
            .toList());
  }

  /** Copies, because a network writes sizes into those that it is given. */
  @Override
  public List<Layer> layers() {
    return layers.stream().map(Layer::clone).toList();
  }

  List<String> names() {
    return layers.stream().map(Layer::getLayerName).toList();
  }

  /** The beginning of a layer's keys in the network's parameter table. */
  String prefix(String name) {
    return isGraph ? name : "" + names().indexOf(name);
  }

  MultiLayerConfiguration stack() {
    NeuralNetConfiguration.ListBuilder list = settings.clone().list();
    layers().forEach(list::layer);
    return list.setInputType(sample.inputType()).build();
  }

  ComputationGraphConfiguration graph() {
    ComputationGraphConfiguration.GraphBuilder graph =
        settings.clone().graphBuilder().addInputs("x").setInputTypes(sample.inputType());
    String below = "x";
    for (Layer layer : layers()) {
      graph.addLayer(layer.getLayerName(), layer, below);
      below = layer.getLayerName();
    }
    return graph.setOutputs(below).build();
  }

  /** A network with parameters and running statistics that are never neutral. */
  Model network() {
    Model network = isGraph ? new ComputationGraph(graph()) : new MultiLayerNetwork(stack());
    network.init();
    disturb(network.paramTable(), 11);
    return network;
  }

  @Override
  public String toString() {
    return sample + (isGraph ? " graph" : " stack");
  }
}
