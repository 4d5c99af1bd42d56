package org.backpropninja.check;

import java.io.File;
import java.io.IOException;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.backpropninja.check.Copied.Kind;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;

/** A layer survives being saved, copied and sent elsewhere. */
final class LayerPersistence {

  private static final List<Definition<LayerSubject>> SAVED =
      List.of(
          Definition.check(
              "persistence.json",
              "A configuration comes back from JSON as it was.",
              "a field without a public getter or setter, which is not in the JSON, or one that"
                  + " equals compares by identity",
              (subject, trial) -> roundTrip(subject, trial, Copied::json)),
          Definition.check(
              "persistence.yaml",
              "A configuration comes back from YAML as it was.",
              "a field without a public getter or setter, which is not in the YAML, or one that"
                  + " equals compares by identity",
              (subject, trial) -> roundTrip(subject, trial, Copied::yaml)),
          Definition.check(
              "persistence.java",
              "A configuration comes back from Java serialisation as it was.",
              "a transient field, or one that equals compares by identity",
              (subject, trial) -> roundTrip(subject, trial, Copied::serialised)),
          Definition.<LayerSubject>check(
                  "persistence.freshJvm",
                  "A saved network computes the same in a JVM that has never seen it.",
                  "something that the layer needs is in neither configuration nor parameters, such"
                      + " as a static field or a lambda",
                  LayerPersistence::freshJvm)
              .unless(LayerPersistence::isNotOnClassPath),
          Definition.check(
              "persistence.modelSerializer",
              "A saved and restored network computes and trains on as the one that was saved.",
              "a state that is neither a parameter nor the updater's, parameters that are set anew"
                  + " although initializeParams is false, or an updater that the configuration has"
                  + " lost",
              LayerPersistence::modelSerializer));

  static final List<Definition<LayerSubject>> CHECKS =
      Stream.of(SAVED, LayerCopies.CHECKS, LayerRepeats.CHECKS).flatMap(List::stream).toList();

  private LayerPersistence() {}

  private interface Way {
    Serializable copy(Serializable configuration) throws Exception;
  }

  private static void roundTrip(LayerSubject subject, Trial trial, Way way) throws Exception {
    for (Kind kind : Kind.values()) {
      trial.at("%s", kind);
      Copied whole = Copied.of(subject, kind).fit(subject, trial, 0, 2);
      Serializable back = way.copy(whole.configuration());
      Layer layer = Copied.layer(back);
      trial.require(
          whole.layer().equals(layer),
          "the layer that comes back is not equal: %s",
          Fields.differences(whole.layer(), layer));
      requireAlike(subject, trial, whole, whole.withParameters(back), "of the one that comes back");
    }
  }

  /** The same output, and the same parameters after more steps. */
  private static void requireAlike(
      LayerSubject subject, Trial trial, Copied whole, Copied other, String whose) {
    INDArray x = Copied.input(subject, trial);
    Same.exactly(trial, "output " + whose, other.output(x), whole.output(x));
    whole.fit(subject, trial, 10, 3);
    other.fit(subject, trial, 10, 3);
    Same.exactly(
        trial,
        "parameters " + whose + ", after 3 more steps",
        other.parameters(),
        whole.parameters());
  }

  private static void modelSerializer(LayerSubject subject, Trial trial) throws IOException {
    for (Kind kind : Kind.values()) {
      trial.at("%s with Adam, after 3 steps", kind);
      Copied whole =
          Copied.of(subject, kind, layer -> layer, settings -> settings.updater(new Adam(0.01)))
              .fit(subject, trial, 0, 3);
      File file = File.createTempFile("conformance", ".zip");
      try {
        whole.write(file);
        requireAlike(subject, trial, whole, Copied.read(file, kind), "of the restored network");
      } finally {
        file.delete();
      }
    }
  }

  private static void freshJvm(LayerSubject subject, Trial trial) throws Exception {
    unmakeable(Copied.of(subject, Kind.MULTI_LAYER).configuration())
        .forEach(
            (path, what) -> {
              throw trial.finding(
                  (path.isEmpty() ? "" : "field " + path + ": ")
                      + what
                      + ": another JVM cannot make it");
            });
    FreshJvm.requireSame(subject, trial);
  }

  /** What no other JVM can make, but for what the layer's own constructor makes. */
  private static Map<String, String> unmakeable(Serializable configuration) {
    Map<String, String> found = new LinkedHashMap<>(Fields.unmakeable(Copied.layer(configuration)));
    if (!found.isEmpty()) {
      try {
        Layer back = Copied.layer(Copied.json(configuration));
        found.entrySet().removeAll(Fields.unmakeable(back).entrySet());
      } catch (RuntimeException e) {
        // JSON cannot make them either
      }
    }
    return found;
  }

  /** A class loader of its own, as some tools use, is not handed to another JVM. */
  private static String isNotOnClassPath(LayerSubject subject) {
    String name = subject.layer().getClass().getName();
    try {
      Class.forName(name, false, ClassLoader.getSystemClassLoader());
      return null;
    } catch (ClassNotFoundException e) {
      return "another JVM would not find %s, which is not on the class path".formatted(name);
    }
  }
}
