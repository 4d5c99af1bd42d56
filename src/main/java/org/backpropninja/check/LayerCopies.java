package org.backpropninja.check;

import java.util.List;
import java.util.function.UnaryOperator;
import org.backpropninja.check.Copied.Kind;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Equal layers behave alike, and a clone shares nothing with its original. */
final class LayerCopies {

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.check(
              "persistence.equals",
              "equals and hashCode tell layers apart by what they are configured to do.",
              "equals or hashCode leaves a field out, or compares by identity",
              LayerCopies::equality),
          Definition.check(
              "persistence.clone",
              "A clone computes the same and shares nothing that changes.",
              "clone copies a reference to something that changes, or there is a static field",
              (subject, trial) -> {
                layerClone(subject, trial);
                for (Kind kind : Kind.values()) {
                  trial.at("%s", kind);
                  networkClone(subject, trial, kind);
                }
              }));

  private LayerCopies() {}

  // equals

  private static void equality(LayerSubject subject, Trial trial) {
    Layer one = subject.layer();
    trial.at("two layers made alike");
    requireEqual(trial, one, subject.layer());
    trial.at("a layer and itself");
    requireEqual(trial, one, one);
    trial.at("a layer and its clone");
    requireEqual(trial, one, one.clone());
    trial.at("a layer and something else");
    trial.require(!one.equals(null), "equals(null) is true");
    trial.require(!one.equals(new Object()), "are equal");
    trial.at("two layers of different names");
    Layer renamed = subject.layer();
    renamed.setLayerName("another name");
    trial.require(!one.equals(renamed), "are equal");
    if (one instanceof FeedForwardLayer) {
      trial.at("two layers of different nOut");
      FeedForwardLayer wider = (FeedForwardLayer) subject.layer();
      wider.setNOut(wider.getNOut() + 1);
      trial.require(!one.equals(wider), "are equal");
    }
    Setting.of(one.getClass()).forEach(setting -> requireHeeded(subject, trial, setting));
  }

  private static void requireEqual(Trial trial, Layer one, Layer other) {
    trial.require(
        one.equals(other) && other.equals(one),
        "are not equal: %s",
        Fields.differences(one, other));
    trial.require(
        one.hashCode() == other.hashCode(),
        "are equal, but their hashes are %s and %s",
        one.hashCode(),
        other.hashCode());
  }

  /** A setting that equals does not heed must make no difference to a network. */
  private static void requireHeeded(LayerSubject subject, Trial trial, Setting setting) {
    Layer changed = subject.layer();
    if (!setting.change(changed) || !changed.equals(subject.layer())) {
      return;
    }
    trial.at("two layers of different %s", setting.name());
    INDArray before = trained(subject, trial, layer -> layer);
    INDArray after;
    try {
      after = trained(subject, trial, layer -> changed(layer, setting));
    } catch (RuntimeException refused) {
      return; // no network can be made with it
    }
    trial.require(
        before.equalsWithEps(after, 0), "are equal, but their networks train differently");
  }

  private static INDArray trained(LayerSubject subject, Trial trial, UnaryOperator<Layer> change) {
    return Copied.of(subject, Kind.MULTI_LAYER, change, settings -> {})
        .fit(subject, trial, 0, 3)
        .parameters();
  }

  private static Layer changed(Layer layer, Setting setting) {
    setting.change(layer);
    return layer;
  }

  // clone

  private static void layerClone(LayerSubject subject, Trial trial) {
    trial.at("a layer and its clone");
    Layer original = subject.layer();
    Layer clone = original.clone();
    trial.require(clone != original, "are one object");
    trial.require(
        clone.getClass() == original.getClass(), "are of different classes: %s", clone.getClass());
    Setting.of(clone.getClass()).forEach(setting -> setting.change(clone));
    clone.setLayerName("another name");
    Layer fresh = subject.layer();
    trial.require(
        original.equals(fresh),
        "changes of the clone reach the original: %s",
        Fields.differences(fresh, original));
    noteSharedArrays(trial, fresh);
  }

  /** It is no fault as long as nothing changes them. */
  private static void noteSharedArrays(Trial trial, Layer original) {
    Layer clone = original.clone();
    for (Setting setting : Setting.of(original.getClass())) {
      if (setting.isSharedArray(original, clone)) {
        trial.note(
            "share the array %s: who changes an element in one changes it in both"
                .formatted(setting.name()));
      }
    }
  }

  private static void networkClone(LayerSubject subject, Trial trial, Kind kind) {
    Copied original = Copied.of(subject, kind).fit(subject, trial, 0, 3);
    INDArray x = Copied.input(subject, trial);
    INDArray output = original.output(x);
    INDArray parameters = original.parameters().dup();
    Copied clone = original.copy();
    trial.require(
        original.layer().equals(clone.layer()),
        "the clone's layer is not equal: %s",
        Fields.differences(original.layer(), clone.layer()));
    Same.exactly(trial, "output of the clone", clone.output(x), output);

    clone.fit(subject, trial, 10, 3);
    String untouched = "of the original, after its clone was trained";
    Same.exactly(trial, "parameters " + untouched, original.parameters(), parameters);
    Same.exactly(trial, "output " + untouched, original.output(x), output);

    INDArray trained = clone.parameters().dup();
    INDArray trainedOutput = clone.output(x);
    original.fit(subject, trial, 10, 3);
    Same.exactly(
        trial,
        "parameters of the original, after the steps that its clone took",
        original.parameters(),
        trained);
    original.fit(subject, trial, 20, 3);
    untouched = "of the clone, after its original was trained";
    Same.exactly(trial, "parameters " + untouched, clone.parameters(), trained);
    Same.exactly(trial, "output " + untouched, clone.output(x), trainedOutput);
  }
}
