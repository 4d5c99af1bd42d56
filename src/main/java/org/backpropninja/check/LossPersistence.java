package org.backpropninja.check;

import java.io.IOException;
import java.io.Serializable;
import java.util.List;
import org.backpropninja.check.LossSubject.Case;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** A loss after a way through a file. */
final class LossPersistence {

  static final List<Definition<LossSubject>> CHECKS =
      List.of(
          Definition.check(
              "loss.equals",
              "Two losses made alike are equal and have the same hashCode; none equals null, or one"
                  + " that computes something else.",
              "equals or hashCode is missing, or leaves out a setting",
              LossPersistence::equality),
          Definition.check(
              "loss.json",
              "After JSON, as in a saved network, the loss is equal and gives the same.",
              "a setting has no getter and setter or @JsonProperty, or there is no constructor"
                  + " without arguments",
              (subject, trial) ->
                  requireSame(
                      subject, trial, loss -> lossOf(Copied.json(configuration(subject, loss))))),
          Definition.check(
              "loss.yaml",
              "After YAML the loss is equal and gives the same.",
              "a setting that YAML reads back as another type",
              (subject, trial) ->
                  requireSame(
                      subject, trial, loss -> lossOf(Copied.yaml(configuration(subject, loss))))),
          Definition.check(
              "loss.java",
              "After Java serialisation the loss is equal and gives the same.",
              "a field is transient and not made again, or not serialisable",
              (subject, trial) ->
                  requireSame(subject, trial, loss -> (ILossFunction) Copied.serialised(loss))));

  private LossPersistence() {}

  private interface Way {
    ILossFunction through(ILossFunction loss) throws IOException, ClassNotFoundException;
  }

  private static void equality(LossSubject subject, Trial trial) {
    requireEqual(trial, subject.loss(), subject.loss());
    trial.require(!subject.loss().equals(null), "the loss equals null");
    Setting.of(subject.loss().getClass())
        .forEach(setting -> requireHeeded(subject, trial, setting));
  }

  /** A setting that equals does not heed must make no difference to the numbers. */
  private static void requireHeeded(LossSubject subject, Trial trial, Setting setting) {
    ILossFunction changed = subject.loss();
    if (!setting.change(changed) || !changed.equals(subject.loss())) {
      return;
    }
    for (Case each : subject.unmasked(3)) {
      trial.at("two losses of different %s, %s", setting.name(), each);
      LossInput in = subject.draw(each, trial.random(each));
      LossValues.of(subject, changed, in)
          .requireSame(
              trial, LossValues.of(subject, subject.loss(), in), "by one it equals", Same.EXACT);
    }
  }

  private static void requireEqual(Trial trial, ILossFunction one, ILossFunction other) {
    trial.require(one.equals(other) && other.equals(one), "%s does not equal %s", one, other);
    trial.require(
        one.hashCode() == other.hashCode(),
        "hashCode is %d and %d for two losses that are equal",
        one.hashCode(),
        other.hashCode());
  }

  private static void requireSame(LossSubject subject, Trial trial, Way way)
      throws IOException, ClassNotFoundException {
    ILossFunction loss = subject.loss();
    ILossFunction restored = way.through(loss);
    trial.require(restored != null, "the loss is gone");
    for (Case each : subject.cases(3)) {
      trial.at("%s", each);
      LossInput in = subject.draw(each, trial.random(each));
      LossValues.of(subject, restored, in)
          .requireSame(trial, LossValues.of(subject, loss, in), "before", Same.EXACT);
    }
    trial.at("");
    if (loss.equals(subject.loss())) { // or loss.equals has it
      requireEqual(trial, loss, restored);
    }
  }

  private static MultiLayerConfiguration configuration(LossSubject subject, ILossFunction loss) {
    return new NeuralNetConfiguration.Builder()
        .list()
        .layer(new OutputLayer.Builder(loss).nIn(subject.classes()).nOut(subject.classes()).build())
        .validateOutputLayerConfig(false)
        .build();
  }

  private static ILossFunction lossOf(Serializable configuration) {
    return ((BaseOutputLayer) ((MultiLayerConfiguration) configuration).getConf(0).getLayer())
        .getLossFn();
  }
}
