package org.backpropninja.training;

import java.util.ArrayList;
import java.util.List;
import org.backpropninja.internal.LabelMixture;
import org.backpropninja.internal.NdMatrix;
import org.backpropninja.internal.Stage;
import org.backpropninja.internal.Ways;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.layers.LossLayer;
import org.deeplearning4j.nn.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.solvers.accumulation.GradientsAccumulator;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** What {@link CompiledNetwork} takes of a network, and what it refuses. */
final class Compilable {

  private Compilable() {}

  /** Refuses a network that has something which is not done by hand. */
  static void require(MultiLayerNetwork network) {
    Initialised.require(network);
    int last = network.getnLayers() - 1;
    if (last == 0 && network.getLayer(0) instanceof LossLayer) {
      throw refusal(network.getLayer(0), 0, "must not be the only layer");
    }
    requireSettings(network);
    for (int i = 0; i <= last; i++) {
      Layer layer = network.getLayer(i);
      if (network.getLayerWiseConfigurations().getInputPreProcess(i) != null) {
        throw refusal(layer, i, "must have no preprocessor before it");
      }
      if (i < last && !(layer instanceof Stage)) {
        throw refusal(layer, i, "must be an EmbeddingConcat, ManualDense or BatchNormBessel");
      }
      if (layer.conf().getLayer() instanceof EmbeddingConcat embedding && !embedding.isConcat()) {
        throw refusal(layer, i, "must not have concat(false), because matrices are taken");
      }
      requireNoNoise(layer, i);
    }
    requireOutput(network.getLayer(last), last);
  }

  private static void requireSettings(MultiLayerNetwork network) {
    DataType type = network.params().dataType();
    require(
        "data type", type, type == DataType.FLOAT || type == DataType.DOUBLE, "FLOAT or DOUBLE");
    require(
        "backend",
        type,
        NdMatrix.reaches(network.params()),
        "one whose arrays lie in the host's memory");
    BackpropType backprop = network.getLayerWiseConfigurations().getBackpropType();
    require("backpropType", backprop, backprop == BackpropType.Standard, "Standard");
    OptimizationAlgorithm algorithm = network.conf().getOptimizationAlgo();
    require(
        "optimizationAlgo",
        algorithm,
        algorithm == OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT,
        "STOCHASTIC_GRADIENT_DESCENT");
    Object step = network.conf().getStepFunction();
    require("stepFunction", step, step == null, "the default");
    network.getUpdater(); // makes the optimiser anew where network.clear() has dropped it
    GradientsAccumulator accumulator = network.getOptimizer().getGradientsAccumulator();
    require(
        "gradientsAccumulator",
        accumulator,
        accumulator == null || accumulator instanceof StepInPlace,
        "not set");
  }

  private static void require(String what, Object value, boolean right, String allowed) {
    if (!right) {
      throw new IllegalArgumentException(
          "CompiledNetwork: %s (%s) must be %s; train with network.fit"
              .formatted(what, value, allowed));
    }
  }

  private static void requireNoNoise(Layer layer, int i) {
    org.deeplearning4j.nn.conf.layers.Layer conf = layer.conf().getLayer();
    boolean ignoresDropout = conf instanceof EmbeddingConcat || layer instanceof LossLayer;
    if (conf.getIDropout() != null && !ignoresDropout) {
      throw refusal(layer, i, "must have no dropOut, has " + conf.getIDropout());
    }
    if (conf instanceof BaseLayer base && base.getWeightNoise() != null) {
      throw refusal(layer, i, "must have no weightNoise, has " + base.getWeightNoise());
    }
  }

  private static void requireOutput(Layer layer, int i) {
    if (layer.getClass() != LossLayer.class && layer.getClass() != OutputLayer.class) {
      throw refusal(layer, i, "must be an OutputLayer or LossLayer, because it is the last one");
    }
    if (layer instanceof OutputLayer output && output.hasLayerNorm()) {
      throw refusal(layer, i, "must have no layer norm");
    }
    BaseLayer conf = (BaseLayer) layer.conf().getLayer();
    if (!(lossOf(layer) instanceof ManualCrossEntropyLoss)) {
      throw refusal(layer, i, "must have a ManualCrossEntropyLoss, has " + lossOf(layer));
    }
    if (!(conf.getActivationFn() instanceof ActivationSoftmax)
        && !(conf.getActivationFn() instanceof ActivationIdentity)) {
      throw refusal(
          layer, i, "must have the activation softmax or identity, has " + conf.getActivationFn());
    }
  }

  private static ILossFunction lossOf(Layer layer) {
    return layer.conf().getLayer() instanceof BaseOutputLayer output
        ? output.getLossFn()
        : ((org.deeplearning4j.nn.conf.layers.LossLayer) layer.conf().getLayer()).getLossFn();
  }

  private static IllegalArgumentException refusal(Layer layer, int i, String message) {
    return new IllegalArgumentException(
        "CompiledNetwork: layer %d (\"%s\", %s) %s; train with network.fit"
            .formatted(
                i,
                layer.conf().getLayer().getLayerName(),
                layer.conf().getLayer().getClass().getSimpleName(),
                message));
  }

  /** The network's own layers, and the affine map of an OutputLayer. */
  static List<Stage> stages(MultiLayerNetwork network) {
    List<Stage> stages = new ArrayList<>();
    for (Layer layer : network.getLayers()) {
      if (layer instanceof Stage stage) {
        stages.add(stage);
      } else if (layer instanceof OutputLayer output) {
        DataType type = network.params().dataType();
        stages.add(new OutputStage(output, Ways.cores(loss(network).getBackward(), type)));
      }
    }
    return stages;
  }

  static ManualCrossEntropyLoss loss(MultiLayerNetwork network) {
    return (ManualCrossEntropyLoss) lossOf(network.getLayer(network.getnLayers() - 1));
  }

  /** What the settings of the loss make of labels. */
  static LabelMixture mixture(MultiLayerNetwork network) {
    ManualCrossEntropyLoss loss = loss(network);
    return new LabelMixture(
        loss.getClassWeights(),
        loss.getIgnoreIndex(),
        loss.getLabelSmoothing(),
        loss.getMean() == ManualCrossEntropyLoss.Mean.OVER_WEIGHTS);
  }
}
