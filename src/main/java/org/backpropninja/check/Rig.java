package org.backpropninja.check;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * A network with the layer under check at its end, whose error ε comes from outside: L = Σ
 * ε·output.
 *
 * <p>It is one that DL4J documents: no output layer, a forward pass that keeps its inputs, and
 * {@code backpropGradient(ε)}.
 */
abstract sealed class Rig permits MultiLayerRig, GraphRig {

  static final String CHECKED = "checked"; // the name of the layer under check
  static final double LEARNING_RATE = 0.02;

  /** Where the layer is. */
  enum Site {
    FIRST("first in a MultiLayerNetwork"),
    ABOVE("above another layer in a MultiLayerNetwork"),
    GRAPH_FIRST("first in a ComputationGraph"),
    GRAPH_ABOVE("above another layer in a ComputationGraph"),
    /** Another reader of its input changes that in place, after the layer has read it. */
    GRAPH_SHARED("in a ComputationGraph, its input changed in place by another reader"),
    /** Another reader of its input comes first, so that the layer itself may change it. */
    GRAPH_SHARED_LAST("in a ComputationGraph, its input read by another before");

    private final String words;

    Site(String words) {
      this.words = words;
    }

    boolean isGraph() {
      return this != FIRST && this != ABOVE;
    }

    boolean isAbove() {
      return this != FIRST && this != GRAPH_FIRST;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /**
   * What a backward pass gives, copied.
   *
   * @param checked of the layer's parameters, by key
   * @param below of the parameters of the layer below, by key; empty if there is none
   * @param input with respect to the network's input, null if the layer says that it has none
   */
  record Gradients(Map<String, INDArray> checked, Map<String, INDArray> below, INDArray input) {}

  static Rig of(LayerSubject subject, Site site) {
    return of(subject, site, DataType.DOUBLE, layer -> layer, settings -> {});
  }

  /**
   * A network whose parameters are never neutral.
   *
   * @param change what is changed in the layer's configuration before it is built
   * @param settings what is changed in the network's
   */
  static Rig of(
      LayerSubject subject,
      Site site,
      DataType type,
      UnaryOperator<Layer> change,
      Consumer<NeuralNetConfiguration.Builder> settings) {
    NeuralNetConfiguration.Builder builder = settings(type);
    settings.accept(builder);
    Layer layer = change.apply(subject.layer());
    layer.setLayerName(CHECKED);
    Rig rig =
        site.isGraph()
            ? new GraphRig(subject, site, builder, layer)
            : new MultiLayerRig(subject, site, builder, layer);
    disturb(subject, rig.below());
    disturb(subject, rig.parameters());
    return rig;
  }

  /** Without workspaces: a graph with errors from outside keeps its inputs in one that closes. */
  static NeuralNetConfiguration.Builder settings(DataType type) {
    return new NeuralNetConfiguration.Builder()
        .seed(7)
        .dataType(type)
        .trainingWorkspaceMode(WorkspaceMode.NONE)
        .inferenceWorkspaceMode(WorkspaceMode.NONE)
        .weightInit(WeightInit.XAVIER)
        .updater(new Sgd(LEARNING_RATE));
  }

  /** Moves all parameters that have a gradient, because a gain of 1 or a bias of 0 hides errors. */
  static void disturb(LayerSubject subject, Map<String, INDArray> parameters) {
    Random random = new Random(11);
    parameters.forEach(
        (key, array) -> {
          if (!subject.states().containsKey(key)) {
            INDArray by = LayerSubject.normal(random, array.shape()).muli(0.2);
            array.addi(LayerSubject.cast(by, array.dataType()));
          }
        });
  }

  /** The layer's parameters by key, the network's own arrays. */
  abstract Map<String, INDArray> parameters();

  /** Those of the layer below. */
  abstract Map<String, INDArray> below();

  abstract Model network();

  /** The layer's runtime. */
  abstract org.deeplearning4j.nn.api.Layer layer();

  abstract INDArray activate(INDArray x, INDArray mask, boolean training);

  abstract Gradient backpropagate(INDArray epsilon);

  /** Hands the input to the network's first layer as it lies in memory. */
  abstract void passOnViews();

  /** With respect to the network's input, of the last backward pass. */
  abstract INDArray inputGradient();

  /** Moves the parameters by a gradient, as {@code network.fit} would. */
  abstract void update(Gradient gradient, int n);

  /**
   * The output of the layer, copied. Random numbers are the same each time.
   *
   * @param mask null for none
   */
  final INDArray forward(INDArray x, INDArray mask, boolean training) {
    Nd4j.getRandom().setSeed(5);
    return activate(x, mask, training).dup('c');
  }

  /** All gradients that belong to the last forward pass. */
  final Gradients backward(INDArray epsilon) {
    return copies(backpropagate(epsilon));
  }

  /** The same with a step of gradient descent behind it. */
  final Gradients step(INDArray epsilon, int n) {
    Gradient gradient = backpropagate(epsilon);
    Gradients copies = copies(gradient);
    move(gradient, n);
    return copies;
  }

  /** The same arrays, copied, so that what changes them is seen. */
  static Map<String, INDArray> copies(Map<String, INDArray> arrays) {
    Map<String, INDArray> copies = new LinkedHashMap<>();
    arrays.forEach((key, array) -> copies.put(key, array.dup('c')));
    return copies;
  }

  private Gradients copies(Gradient gradient) {
    return new Gradients(
        copies(gradient, prefix(true), parameters()),
        copies(gradient, prefix(false), below()),
        inputGradient());
  }

  /** What precedes a parameter's key in the network's gradient. */
  abstract String prefix(boolean checked);

  private static Map<String, INDArray> copies(
      Gradient gradient, String prefix, Map<String, INDArray> parameters) {
    Map<String, INDArray> copies = new LinkedHashMap<>();
    parameters.forEach(
        (key, array) -> {
          INDArray one = gradient.getGradientFor(prefix + key);
          if (one != null) {
            copies.put(key, one.dup('c'));
          }
        });
    return copies;
  }

  /** Where in the network's flat parameters each element of the layer's parameters is, by key. */
  final Map<String, INDArray> places() {
    INDArray flat = network().params();
    INDArray values = flat.dup();
    flat.assign(Nd4j.arange(flat.length()).castTo(flat.dataType()).reshape(flat.shape()));
    Map<String, INDArray> places = new LinkedHashMap<>();
    parameters().forEach((key, array) -> places.put(key, array.dup('c')));
    flat.assign(values);
    return places;
  }

  /** Some steps of gradient descent with random errors. */
  final void train(LayerSubject subject, int steps, int n, boolean masked, Trial trial) {
    for (int step = 0; step < steps; step++) {
      Random random = trial.random("training", step);
      DataType type = parametersType();
      INDArray x = LayerSubject.cast(subject.input(n, random), type);
      INDArray mask = masked ? LayerSubject.cast(subject.mask(n, random), type) : null;
      INDArray out = forward(x, mask, true);
      INDArray epsilon = LayerSubject.cast(LayerSubject.normal(random, out.shape()), type);
      move(backpropagate(epsilon), n);
    }
  }

  /** DL4J has no gradient for a network without parameters. */
  private void move(Gradient gradient, int n) {
    if (network().numParams() > 0) {
      update(gradient, n);
    }
  }

  private DataType parametersType() {
    return layer().conf().getDataType();
  }
}
