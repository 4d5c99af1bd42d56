package org.backpropninja.networks;

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** What a JVM that has never seen a configuration makes of it; run as a process of its own. */
final class FreshJvm {

  private FreshJvm() {}

  /** What is told of a configuration, so that two JVMs can be compared. */
  record Account(
      Serializable configuration, List<String> texts, List<Integer> hashes, double[] output)
      implements Serializable {

    static Account of(Serializable configuration, Model network, DataSet minibatch) {
      List<? extends Serializable> ours =
          layersOf(configuration).stream()
              .map(layer -> layer instanceof BaseOutputLayer output ? output.getLossFn() : layer)
              .filter(each -> each.getClass().getName().startsWith("org.backpropninja"))
              .toList();
      return new Account(
          configuration,
          ours.stream().map(Object::toString).toList(),
          ours.stream().map(Object::hashCode).toList(),
          Nets.output(network, minibatch));
    }
  }

  private static List<Layer> layersOf(Serializable configuration) {
    return configuration instanceof ComputationGraphConfiguration graph
        ? graph.getVertices().values().stream()
            .map(vertex -> ((LayerVertex) vertex).getLayerConf().getLayer())
            .toList()
        : ((MultiLayerConfiguration) configuration)
            .getConfs().stream().map(NeuralNetConfiguration::getLayer).toList();
  }

  private static Model network(Object configuration) {
    Model network =
        configuration instanceof ComputationGraphConfiguration graph
            ? new ComputationGraph(graph)
            : new MultiLayerNetwork((MultiLayerConfiguration) configuration);
    network.init();
    return network;
  }

  static void write(Object object, Path file) throws IOException {
    try (var out = new ObjectOutputStream(new FileOutputStream(file.toFile()))) {
      out.writeObject(object);
    }
  }

  static Object read(Path file) throws IOException, ClassNotFoundException {
    try (var in = new ObjectInputStream(new FileInputStream(file.toFile()))) {
      return in.readObject();
    }
  }

  /** Reads a configuration, parameters and a minibatch from each folder, and leaves its account. */
  public static void main(String[] folders) throws Exception {
    for (String name : folders) {
      Path folder = Path.of(name);
      Serializable configuration = (Serializable) read(folder.resolve("configuration"));
      Model network = network(read(folder.resolve("configuration"))); // init writes into its own
      network.setParams(Nd4j.readBinary(folder.resolve("parameters").toFile()));
      DataSet minibatch = new DataSet();
      minibatch.load(folder.resolve("minibatch").toFile());
      write(Account.of(configuration, network, minibatch), folder.resolve("account"));
    }
  }
}
