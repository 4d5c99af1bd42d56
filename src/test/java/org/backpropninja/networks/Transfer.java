package org.backpropninja.networks;

import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;

/** DL4J's TransferLearning of either kind of network, by the layers' names. */
final class Transfer {

  private final RealNetwork kind;
  private final TransferLearning.Builder stack; // null for a graph
  private final TransferLearning.GraphBuilder graph; // null for a stack
  private String last;

  Transfer(RealNetwork kind, Model network) {
    this.kind = kind;
    FineTuneConfiguration tuning =
        new FineTuneConfiguration.Builder().seed(3).updater(RealNetwork.UPDATER).build();
    stack =
        network instanceof MultiLayerNetwork n
            ? new TransferLearning.Builder(n).fineTuneConfiguration(tuning)
            : null;
    graph =
        network instanceof ComputationGraph n
            ? new TransferLearning.GraphBuilder(n).fineTuneConfiguration(tuning)
            : null;
  }

  private int number(String name) {
    return kind.names().indexOf(name);
  }

  Transfer freeze(String upTo) {
    if (stack == null) {
      graph.setFeatureExtractor(upTo);
    } else {
      stack.setFeatureExtractor(number(upTo));
    }
    return this;
  }

  Transfer nOut(String name, int nOut) {
    if (stack == null) {
      graph.nOutReplace(name, nOut, WeightInit.XAVIER);
    } else {
      stack.nOutReplace(number(name), nOut, WeightInit.XAVIER);
    }
    return this;
  }

  Transfer nIn(String name, int nIn) {
    if (stack == null) {
      graph.nInReplace(name, nIn, WeightInit.XAVIER);
    } else {
      stack.nInReplace(number(name), nIn, WeightInit.XAVIER);
    }
    return this;
  }

  /** Only a graph takes it again, and then it infers all sizes. */
  Transfer inputType(InputType type) {
    graph.setInputTypes(type);
    return this;
  }

  Transfer removeOutput() {
    last = kind.names().get(kind.names().size() - 2);
    if (stack == null) {
      graph.removeVertexAndConnections("out");
    } else {
      stack.removeOutputLayer();
    }
    return this;
  }

  Transfer add(Layer layer) {
    if (stack == null) {
      graph.addLayer(layer.getLayerName(), layer, last);
      last = layer.getLayerName();
    } else {
      stack.addLayer(layer);
    }
    return this;
  }

  Model build() {
    if (stack == null) {
      return (last == null ? graph : graph.setOutputs(last)).build();
    }
    return stack.build();
  }
}
