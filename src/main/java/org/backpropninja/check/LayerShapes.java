package org.backpropninja.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What a layer says of its parameters and its output is what they are. */
final class LayerShapes {

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.check(
              "contract.numParams",
              "The initializer's numbers and keys are those of the parameters.",
              "numParams, paramKeys, weightKeys or biasKeys left behind when a parameter was added",
              LayerShapes::numParams),
          Definition.<LayerSubject>check(
                  "contract.initialisation",
                  "A seed gives the same parameters each time, and given parameters are kept.",
                  "random numbers that are not ND4J's, or init without regard to initializeParams",
                  LayerShapes::initialisation)
              .unless(LayerContract::hasNoParameters),
          Definition.check(
              "contract.outputShape",
              "The output has the shape that getOutputType tells.",
              "getOutputType, on which the layers above build their sizes",
              LayerShapes::outputShape));

  private LayerShapes() {}

  // Parameters

  private static void numParams(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Rig.Site.FIRST);
    MultiLayerNetwork network = (MultiLayerNetwork) rig.network();
    Layer conf = network.getLayerWiseConfigurations().getConf(0).getLayer();
    ParamInitializer initializer = conf.initializer();
    Map<String, INDArray> table = rig.parameters();
    long sum = table.values().stream().mapToLong(INDArray::length).sum();
    long said = initializer.numParams(conf);
    trial.require(said == sum, "numParams says %d, the parameters are %d", said, sum);
    long flat = network.numParams();
    trial.require(
        flat == sum, "the network's flat array holds %d, the parameters are %d", flat, sum);
    long runtime = rig.layer().numParams();
    trial.require(runtime == sum, "the runtime's numParams says %d of %d", runtime, sum);
    Set<String> keys = table.keySet();
    List<String> saidKeys = initializer.paramKeys(conf);
    trial.require(
        saidKeys.size() == keys.size() && keys.containsAll(saidKeys),
        "paramKeys says %s, the parameters are %s",
        saidKeys,
        keys);
    kinds(trial, conf, keys);
    places(trial, rig);
  }

  /** Weights and biases, by which DL4J chooses regularisation, updater and constraints. */
  private static void kinds(Trial trial, Layer conf, Set<String> keys) {
    ParamInitializer initializer = conf.initializer();
    List<String> weights = initializer.weightKeys(conf);
    List<String> biases = initializer.biasKeys(conf);
    List<String> both = new ArrayList<>(weights);
    both.addAll(biases);
    trial.require(
        keys.containsAll(both) && new HashSet<>(both).size() == both.size(),
        "weightKeys says %s and biasKeys %s; the parameters are %s, each at most one of both",
        weights,
        biases,
        keys);
    for (String key : keys) {
      trial.require(
          initializer.isWeightParam(conf, key) == weights.contains(key)
              && initializer.isBiasParam(conf, key) == biases.contains(key),
          "isWeightParam or isBiasParam of %s is not what weightKeys %s and biasKeys %s say",
          key,
          weights,
          biases);
    }
  }

  /**
   * DL4J's updater takes the parameters, in the table's order, for neighbours in the flat array.
   */
  private static void places(Trial trial, Rig rig) {
    if (rig.parameters().isEmpty()) {
      return;
    }
    long from = 0;
    for (Map.Entry<String, INDArray> each : rig.places().entrySet()) {
      double[] places = Slopes.elements(each.getValue());
      Arrays.sort(places);
      trial.require(
          places[0] == from && places[places.length - 1] == from + places.length - 1,
          "%s is at %s to %s of the flat parameters, not behind the parameters before it, at %d",
          each.getKey(),
          places[0],
          places[places.length - 1],
          from);
      from += places.length;
    }
  }

  private static void initialisation(LayerSubject subject, Trial trial) {
    INDArray first = network(subject, 1).params();
    trial.at("two networks of one seed");
    Same.require(
        trial, "the parameters", network(subject, 1).params(), "in the first", first, Same.EXACT);
    if (network(subject, 2).params().equals(first)) {
      trial.note("the first parameters do not depend on the seed");
    }
    for (boolean cloned : new boolean[] {true, false}) {
      trial.at("network.init(parameters, %s)", cloned);
      INDArray given = LayerSubject.normal(trial.random("given"), first.shape());
      MultiLayerNetwork network = uninitialised(subject, 1);
      network.init(given.dup(), cloned);
      Same.require(trial, "the parameters", network.params(), "given", given, Same.EXACT);
    }
  }

  private static MultiLayerNetwork network(LayerSubject subject, long seed) {
    MultiLayerNetwork network = uninitialised(subject, seed);
    network.init();
    return network;
  }

  private static MultiLayerNetwork uninitialised(LayerSubject subject, long seed) {
    return new MultiLayerNetwork(
        Rig.settings(DataType.DOUBLE)
            .seed(seed)
            .list(subject.layer())
            .overrideNinUponBuild(subject.setsNIn())
            .setInputType(subject.inputType())
            .validateOutputLayerConfig(false)
            .build());
  }

  // Output

  private static void outputShape(LayerSubject subject, Trial trial) {
    Bare bare = new Bare(subject);
    InputType type = subject.inputType();
    for (int n : subject.minibatchSizes(1, 2, 5)) {
      outputShape(trial, bare, type, subject.input(n, trial.random(n)));
    }
    if (type instanceof InputType.InputTypeRecurrent sequence
        && bare.outputType(type) instanceof InputType.InputTypeRecurrent) {
      for (long length : new long[] {2, sequence.getTimeSeriesLength() + 3}) {
        InputType other = InputType.recurrent(sequence.getSize(), length, sequence.getFormat());
        if (subject.numParams(other) == subject.numParams(type)) {
          long[] shape = LayerSubject.shape(other, 3);
          outputShape(trial, bare, other, subject.input(shape, trial.random(length)));
        }
      }
    }
    answersOnly(trial, bare, type);
  }

  private static void outputShape(Trial trial, Bare bare, InputType type, INDArray x) {
    INDArray given = bare.input(x);
    for (boolean training : new boolean[] {false, true}) {
      trial.at("input %s in %s", Arrays.toString(x.shape()), training ? "training" : "inference");
      long[] shape = bare.forward(given, training).shape();
      long[] said = LayerSubject.shape(bare.outputType(type), given.size(0));
      trial.require(
          Shapes.isOf(shape, said),
          "the output has shape %s, getOutputType says %s",
          Arrays.toString(shape),
          Arrays.toString(said));
    }
  }

  /** A network asks more than once, and of other inputs, too. */
  private static void answersOnly(Trial trial, Bare bare, InputType type) {
    Layer conf = bare.configuration();
    Layer before = conf.clone();
    boolean comparable = conf.equals(before);
    trial.at("getOutputType");
    long[] first = bare.outputType(type).getShape(true);
    try {
      conf.getOutputType(0, Shapes.wider(bare.type(type)));
    } catch (RuntimeException refusal) {
      // of an input that the layer is not made for
    }
    trial.require(!comparable || conf.equals(before), "it changes the layer's configuration");
    trial.require(
        Arrays.equals(first, bare.outputType(type).getShape(true)),
        "another answer to the same question, after one about one more channel");
  }
}
