package org.backpropninja.check;

import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * A network that is trained as users train theirs, by {@code fit}: the layer under check, below it
 * another one where asked for, and on top a loss.
 *
 * <pre>L = Σ (output − target)²</pre>
 *
 * <p>The loss has no parameters, so that L falls only if the layer's gradients are right.
 */
sealed interface Whole permits Whole.MultiLayer, Whole.Graph {

  String BELOW = "below";
  String LOSS = "loss";

  /** Trains on one minibatch. */
  default void fit(DataSet data) {
    repeatChance();
    ((NeuralNetwork) network()).fit(data.copy());
  }

  /** L by {@code network.score}. */
  double score(DataSet data, boolean training);

  /** L of the last training step, before it. */
  default double score() {
    return network().score();
  }

  /** The gradient of L by {@code computeGradientAndScore}, which moves no parameter. */
  Gradient gradient(DataSet data);

  /** What precedes the keys of the layer under check in a gradient. */
  String prefix();

  /** The output, row by row: [n, elements of an example]. */
  INDArray output(INDArray x, boolean training);

  /** All parameters, the network's own array. */
  default INDArray parameters() {
    return network().params();
  }

  /** Those of one layer by key, the network's own arrays. */
  Map<String, INDArray> parameters(String layer);

  Model network();

  /** The type of the parameters. */
  DataType type();

  /** Examples whose targets have nothing to do with the input. */
  default DataSet examples(LayerSubject subject, int n, Random random) {
    INDArray x = LayerSubject.cast(subject.input(n, random), type());
    INDArray targets = LayerSubject.normal(random, output(x, false).shape());
    return new DataSet(x, LayerSubject.cast(targets, type()));
  }

  static Whole of(LayerSubject subject, Site site) {
    return of(subject, site, DataType.DOUBLE, layer -> layer, settings -> {});
  }

  /**
   * A network whose parameters are never neutral. Two with the same arguments are equal.
   *
   * @param change what is changed in the layer's configuration before it is built
   * @param settings what is changed in the network's
   */
  static Whole of(
      LayerSubject subject,
      Site site,
      DataType type,
      UnaryOperator<Layer> change,
      Consumer<NeuralNetConfiguration.Builder> settings) {
    NeuralNetConfiguration.Builder builder = Rig.settings(type);
    settings.accept(builder);
    Layer layer = change.apply(subject.layer());
    layer.setLayerName(Rig.CHECKED);
    Whole whole =
        site.isGraph()
            ? graph(subject, site.isAbove(), builder, layer)
            : multiLayer(subject, site.isAbove(), builder, layer);
    if (site.isAbove()) {
      Rig.disturb(subject, whole.parameters(BELOW));
    }
    Rig.disturb(subject, whole.parameters(Rig.CHECKED));
    return whole;
  }

  private static MultiLayer multiLayer(
      LayerSubject subject, boolean above, NeuralNetConfiguration.Builder settings, Layer layer) {
    NeuralNetConfiguration.ListBuilder list = settings.list();
    if (above) {
      list.layer(below());
    }
    list.layer(layer)
        .layer(loss())
        .inputPreProcessor(above ? 2 : 1, new Flat())
        .overrideNinUponBuild(subject.setsNIn())
        .setInputType(subject.inputType());
    MultiLayerNetwork network = new MultiLayerNetwork(list.build());
    network.init();
    return new MultiLayer(network);
  }

  private static Graph graph(
      LayerSubject subject, boolean above, NeuralNetConfiguration.Builder settings, Layer layer) {
    GraphBuilder graph = settings.graphBuilder().addInputs("x");
    if (above) {
      graph.addLayer(BELOW, below(), "x");
    }
    graph
        .addLayer(Rig.CHECKED, layer, above ? BELOW : "x")
        .addLayer(LOSS, loss(), new Flat(), Rig.CHECKED)
        .setOutputs(LOSS);
    ComputationGraphConfiguration configuration = graph.build();
    configuration.addPreProcessors(subject.setsNIn(), subject.inputType());
    ComputationGraph network = new ComputationGraph(configuration);
    network.init();
    return new Graph(network);
  }

  private static Below below() {
    Below below = new Below();
    below.setLayerName(BELOW);
    return below;
  }

  /** The sum of squares of what comes in rows. */
  static LossLayer loss() {
    LossLayer loss =
        new LossLayer.Builder(LossFunction.SQUARED_LOSS)
            .activation(Activation.IDENTITY)
            .name(LOSS)
            .build();
    loss.setNOut(1); // any size does; of none DL4J warns
    return loss;
  }

  /** Chance is the same in each step. */
  private static void repeatChance() {
    Nd4j.getRandom().setSeed(5);
  }

  /** One whose layers are in a row. */
  record MultiLayer(MultiLayerNetwork network) implements Whole {

    @Override
    public DataType type() {
      return network.getLayerWiseConfigurations().getDataType();
    }

    @Override
    public double score(DataSet data, boolean training) {
      return network.score(data.copy(), training);
    }

    @Override
    public Gradient gradient(DataSet data) {
      repeatChance();
      network.setInput(data.getFeatures());
      network.setLabels(data.getLabels());
      network.computeGradientAndScore();
      return network.gradient();
    }

    @Override
    public String prefix() {
      return network.getnLayers() - 2 + "_";
    }

    @Override
    public INDArray output(INDArray x, boolean training) {
      repeatChance();
      return network.output(x.dup(), training);
    }

    /** By the layers themselves, because the network's names lead past a layer that is frozen. */
    @Override
    public Map<String, INDArray> parameters(String layer) {
      return Stream.of(network.getLayers())
          .filter(each -> layer.equals(each.conf().getLayer().getLayerName()))
          .findFirst()
          .orElseThrow()
          .paramTable();
    }
  }

  /** One whose layers are named. */
  record Graph(ComputationGraph network) implements Whole {

    @Override
    public DataType type() {
      return network.getConfiguration().getDataType();
    }

    @Override
    public double score(DataSet data, boolean training) {
      return network.score(data.copy(), training);
    }

    @Override
    public Gradient gradient(DataSet data) {
      repeatChance();
      network.setInputs(data.getFeatures());
      network.setLabels(data.getLabels());
      network.computeGradientAndScore();
      return network.gradient();
    }

    @Override
    public String prefix() {
      return Rig.CHECKED + "_";
    }

    @Override
    public INDArray output(INDArray x, boolean training) {
      repeatChance();
      return network.output(training, x.dup())[0];
    }

    @Override
    public Map<String, INDArray> parameters(String layer) {
      return network.getLayer(layer).paramTable();
    }
  }
}
