package org.backpropninja.check;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** A network as people have it, to be fitted, saved and copied: a {@link Whole}. */
final class Copied {

  private static final int EXAMPLES = 8;

  /** The two classes of networks. */
  enum Kind {
    MULTI_LAYER("in a MultiLayerNetwork"),
    GRAPH("in a ComputationGraph");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  private final Model network;

  private Copied(Model network) {
    this.network = network;
  }

  static Copied of(LayerSubject subject, Kind kind) {
    return of(subject, kind, layer -> layer, settings -> {});
  }

  /**
   * An initialised network in DOUBLE, above another layer where that can be.
   *
   * @param change what is changed in the layer's configuration
   * @param settings what is changed in the network's
   */
  static Copied of(
      LayerSubject subject,
      Kind kind,
      UnaryOperator<Layer> change,
      Consumer<NeuralNetConfiguration.Builder> settings) {
    boolean first = subject.takesIndices();
    Site site =
        kind == Kind.GRAPH
            ? (first ? Site.GRAPH_FIRST : Site.GRAPH_ABOVE)
            : (first ? Site.FIRST : Site.ABOVE);
    return new Copied(Whole.of(subject, site, DataType.DOUBLE, change, settings).network());
  }

  /** The network of a configuration, with these parameters and no updater state. */
  Copied withParameters(Serializable configuration) {
    INDArray copy = network.params().dup();
    if (configuration instanceof ComputationGraphConfiguration graph) {
      ComputationGraph other = new ComputationGraph(graph);
      other.init(copy, false);
      return new Copied(other);
    }
    MultiLayerNetwork other = new MultiLayerNetwork((MultiLayerConfiguration) configuration);
    other.init(copy, false);
    return new Copied(other);
  }

  Serializable configuration() {
    return network instanceof ComputationGraph graph
        ? graph.getConfiguration()
        : ((MultiLayerNetwork) network).getLayerWiseConfigurations();
  }

  /** The configuration of the layer under check. */
  Layer layer() {
    return layer(configuration());
  }

  /** The same in the configuration of a network. */
  static Layer layer(Serializable configuration) {
    if (configuration instanceof ComputationGraphConfiguration graph) {
      return ((LayerVertex) graph.getVertices().get(Rig.CHECKED)).getLayerConf().getLayer();
    }
    List<NeuralNetConfiguration> layers = ((MultiLayerConfiguration) configuration).getConfs();
    return layers.get(layers.size() - 2).getLayer();
  }

  /** All parameters, flat, the network's own array. */
  INDArray parameters() {
    return network.params();
  }

  /** In inference, copied. Random numbers are the same each time. */
  INDArray output(INDArray x) {
    Nd4j.getRandom().setSeed(5);
    INDArray out =
        network instanceof ComputationGraph graph
            ? graph.output(false, x)[0]
            : ((MultiLayerNetwork) network).output(x, false);
    return out.dup('c');
  }

  /** Some steps, with minibatches and random numbers that depend on the trial and {@code from}. */
  Copied fit(LayerSubject subject, Trial trial, int from, int steps) {
    for (int step = from; step < from + steps; step++) {
      DataSet examples = examples(subject, trial.random("fit", step));
      Nd4j.getRandom().setSeed(1 + step); // ND4J takes 0 for no seed
      ((NeuralNetwork) network).fit(examples);
    }
    return this;
  }

  private DataSet examples(LayerSubject subject, Random random) {
    INDArray x = subject.input(EXAMPLES, random);
    return new DataSet(x, LayerSubject.normal(random, output(x).shape()));
  }

  /** What {@code output} is asked for. */
  static INDArray input(LayerSubject subject, Trial trial) {
    return subject.input(EXAMPLES, trial.random("output"));
  }

  // Copies

  /** DL4J's clone of the network. */
  Copied copy() {
    return new Copied(
        network instanceof ComputationGraph graph
            ? graph.clone()
            : ((MultiLayerNetwork) network).clone());
  }

  void write(File file) throws IOException {
    ModelSerializer.writeModel(network, file, true);
  }

  static Copied read(File file, Kind kind) throws IOException {
    return new Copied(
        kind == Kind.GRAPH
            ? ModelSerializer.restoreComputationGraph(file, true)
            : ModelSerializer.restoreMultiLayerNetwork(file, true));
  }

  /** A configuration by way of JSON. */
  static Serializable json(Serializable configuration) {
    return configuration instanceof ComputationGraphConfiguration graph
        ? ComputationGraphConfiguration.fromJson(graph.toJson())
        : MultiLayerConfiguration.fromJson(((MultiLayerConfiguration) configuration).toJson());
  }

  /** A configuration by way of YAML. */
  static Serializable yaml(Serializable configuration) {
    return configuration instanceof ComputationGraphConfiguration graph
        ? ComputationGraphConfiguration.fromYaml(graph.toYaml())
        : MultiLayerConfiguration.fromYaml(((MultiLayerConfiguration) configuration).toYaml());
  }

  /** An object by way of Java serialisation. */
  static Serializable serialised(Serializable object) throws IOException, ClassNotFoundException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(object);
    }
    try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      return (Serializable) in.readObject();
    }
  }
}
