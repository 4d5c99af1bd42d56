package org.backpropninja.check;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.nn.gradient.Gradient;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** What DL4J relies on in a layer's forward and backward pass, and what its users do. */
final class LayerContract {

  private static final List<Definition<LayerSubject>> PASSES =
      List.of(
          Definition.<LayerSubject>check(
                  "contract.gradientView",
                  "The gradients lie in the layer's part of the network's flat gradient, one for"
                      + " each parameter.",
                  "backpropGradient returns a new array, where it has to write into the view that"
                      + " setBackpropGradientsViewArray gave it",
                  LayerContract::gradientView)
              .unless(LayerContract::hasNoParameters),
          Definition.<LayerSubject>check(
                  "contract.staleView",
                  "A backward pass overwrites the whole view of the gradients.",
                  "addi where it has to be assign, or a part of the view that is never written",
                  LayerContract::staleView)
              .unless(LayerContract::hasNoParameters),
          Definition.check(
              "contract.noAccumulation",
              "A backward pass knows nothing of the passes before it.",
              "a sum that is kept in a field and never set back",
              LayerContract::noAccumulation),
          Definition.check(
              "contract.leavesAlone",
              "Neither pass changes the parameters, the input or the mask.",
              "an operation in place (muli, addi, assign) on an array that is not the layer's own",
              LayerContract::leavesAlone),
          Definition.check(
              "contract.firstCall",
              "The first call on a new network may be fit, output or score.",
              "something that only one of them prepares, or that an inference pass leaves behind",
              LayerContract::firstCall),
          Definition.check(
              "contract.backwardAfterInference",
              "After a forward pass in inference the gradients are the slopes of its output, or"
                  + " the layer refuses.",
              "the backward pass uses what only a training pass keeps, such as batch statistics",
              LayerContract::backwardAfterInference));

  static final List<Definition<LayerSubject>> CHECKS =
      Stream.of(PASSES, LayerShapes.CHECKS, LayerInput.CHECKS, LayerWorkspaces.CHECKS)
          .flatMap(List::stream)
          .toList();

  private LayerContract() {}

  static String hasNoParameters(LayerSubject subject) {
    return subject.keys().isEmpty() ? "the layer has no parameters" : null;
  }

  // The view

  private static void gradientView(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      trial.at("%s", site);
      Rig rig = Rig.of(subject, site);
      Gradient gradient = pass(subject, rig, trial.random(site));
      String prefix = rig.prefix(true);
      trial.require(
          keys(gradient).equals(prefixed(prefix, subject.keys())),
          "gradients for %s; the parameters are %s",
          keys(gradient),
          prefixed(prefix, subject.keys()));
      parts(rig)
          .forEach(
              (key, part) -> requireSame(trial, key, part, gradient.getGradientFor(prefix + key)));
    }
  }

  private static void requireSame(Trial trial, String key, INDArray part, INDArray returned) {
    trial.require(
        returned.length() == part.length(),
        "%s has %d elements, its gradient %d",
        key,
        part.length(),
        returned.length());
    Same.require(
        trial,
        "what the view holds for " + key,
        part,
        "the gradient returned",
        returned.reshape('c', part.shape()),
        Same.EXACT);
  }

  private static TreeSet<String> keys(Gradient gradient) {
    return new TreeSet<>(gradient.gradientForVariable().keySet());
  }

  private static TreeSet<String> prefixed(String prefix, List<String> keys) {
    return keys.stream().map(prefix::concat).collect(Collectors.toCollection(TreeSet::new));
  }

  private static void staleView(LayerSubject subject, Trial trial) {
    Map<String, INDArray> clean = partsOver(0, subject, trial);
    for (double stale : new double[] {9, Double.NaN}) {
      trial.at("the view full of %s before the backward pass", stale);
      partsOver(stale, subject, trial)
          .forEach(
              (key, part) ->
                  Same.require(
                      trial,
                      "gradient of " + key,
                      part,
                      "over a view of zeros",
                      clean.get(key),
                      Same.ROUNDING));
    }
  }

  /** What a backward pass leaves in a view full of one number. */
  private static Map<String, INDArray> partsOver(double number, LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Site.FIRST);
    pass(subject, rig, trial.random("before")); // DL4J makes the view now
    rig.network().getGradientsViewArray().assign(number);
    pass(subject, rig, trial.random("after"));
    return parts(rig);
  }

  /** What the flat gradient holds where the flat parameters hold each of them, copied. */
  private static Map<String, INDArray> parts(Rig rig) {
    INDArray view = rig.network().getGradientsViewArray();
    double[] gradients = Slopes.elements(view.reshape(view.length()));
    Map<String, INDArray> parts = new LinkedHashMap<>();
    rig.places()
        .forEach(
            (key, places) -> {
              double[] part =
                  Arrays.stream(Slopes.elements(places)).map(k -> gradients[(int) k]).toArray();
              parts.put(key, Nd4j.create(part, places.shape(), 'c'));
            });
    return parts;
  }

  /** A training forward pass of three random examples and the backward pass. */
  private static Gradient pass(LayerSubject subject, Rig rig, Random random) {
    INDArray out = rig.forward(subject.input(3, random), null, true);
    return rig.backpropagate(LayerSubject.normal(random, out.shape()));
  }

  private static void noAccumulation(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Site.FIRST);
    Map<String, INDArray> start = Rig.copies(rig.parameters());
    Gradients first = gradients(subject, rig, trial.random("checked"));
    gradients(subject, rig, trial.random("between"));
    subject.states().keySet().forEach(key -> rig.parameters().get(key).assign(start.get(key)));
    Gradients again = gradients(subject, rig, trial.random("checked"));
    trial.at("a minibatch for the second time, after another one");
    String reference = "the first time";
    for (String key : subject.trainedKeys()) {
      INDArray expected = first.checked().get(key);
      INDArray got = again.checked().get(key);
      trial.require(expected != null && got != null, "there is no gradient for %s", key);
      Same.require(trial, "gradient of " + key, got, reference, expected, Same.ROUNDING);
    }
    if (first.input() != null) {
      Same.require(
          trial, "gradient of the input", again.input(), reference, first.input(), Same.ROUNDING);
    }
  }

  private static Gradients gradients(LayerSubject subject, Rig rig, Random random) {
    INDArray out = rig.forward(subject.input(3, random), null, true);
    Gradients gradients = rig.backward(LayerSubject.normal(random, out.shape()));
    INDArray input = gradients.input();
    return new Gradients(
        gradients.checked(), gradients.below(), input == null ? null : input.dup('c'));
  }

  // What is not the layer's

  private static void leavesAlone(LayerSubject subject, Trial trial) {
    boolean[] masks =
        subject.supports(Feature.MASKS) ? new boolean[] {false, true} : new boolean[1];
    for (boolean masked : masks) {
      for (boolean training : new boolean[] {true, false}) {
        leavesAlone(subject, trial, masked, training);
      }
    }
  }

  private static void leavesAlone(
      LayerSubject subject, Trial trial, boolean masked, boolean training) {
    Rig rig = Rig.of(subject, Site.FIRST);
    Random random = trial.random(masked, training);
    INDArray x = subject.input(3, random);
    INDArray mask = masked ? subject.mask(3, random) : null;
    Map<String, INDArray> arrays = new LinkedHashMap<>(rig.parameters());
    if (training) {
      arrays.keySet().removeAll(subject.states().keySet());
    }
    arrays.put("the input", x);
    if (masked) {
      arrays.put("the mask", mask);
    }
    Map<String, INDArray> before = Rig.copies(arrays);
    String mode = (training ? "training" : "inference") + (masked ? ", with a mask" : "");
    trial.at("a forward pass in %s", mode);
    INDArray out = rig.forward(x, mask, training);
    requireUnchanged(trial, arrays, before);
    if (training) {
      trial.at("the backward pass after a forward pass in %s", mode);
      rig.backpropagate(LayerSubject.normal(random, out.shape()));
      requireUnchanged(trial, arrays, before);
    }
  }

  private static void requireUnchanged(
      Trial trial, Map<String, INDArray> arrays, Map<String, INDArray> before) {
    arrays.forEach(
        (key, array) ->
            Same.require(trial, key, array, "before it was", before.get(key), Same.EXACT));
  }

  // Calls

  /** What a user may do first with a new network. */
  private enum Call {
    FIT,
    OUTPUT,
    SCORE;

    void on(Whole network, DataSet examples) {
      switch (this) {
        case FIT -> network.fit(examples);
        case OUTPUT -> network.output(examples.getFeatures(), false);
        case SCORE -> network.score(examples, false);
      }
    }
  }

  private static void firstCall(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      trial.at("%s, the first call is %s", site, Call.OUTPUT);
      DataSet examples = Whole.of(subject, site).examples(subject, 3, trial.random("examples"));
      INDArray expected = null;
      for (Call first : Call.values()) {
        Whole network = Whole.of(subject, site);
        trial.at("%s, the first call is %s", site, first);
        first.on(network, examples);
        if (first != Call.FIT) {
          trial.at("%s, the first call is %s, the second %s", site, first, Call.FIT);
          Call.FIT.on(network, examples);
        }
        INDArray out = network.output(examples.getFeatures(), false);
        expected = first == Call.FIT ? out : expected;
        Same.require(
            trial, "the output after that", out, "after fit alone", expected, Same.ROUNDING);
      }
    }
  }

  private static void backwardAfterInference(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Site.FIRST);
    trial.at("3 examples");
    if (subject.refuses(Feature.BACKWARD_AFTER_INFERENCE)) {
      Random random = trial.random("refused");
      INDArray out = rig.forward(subject.input(3, random), null, false);
      trial.requireRefusal(
          Feature.BACKWARD_AFTER_INFERENCE,
          "a backward pass after a forward pass in inference",
          () -> rig.backward(LayerSubject.normal(random, out.shape())));
    } else {
      afterInference(subject, trial, rig);
      trial.at("3 examples, after a step of training");
      pass(subject, rig, trial.random("training"));
      afterInference(subject, trial, rig);
    }
  }

  private static void afterInference(LayerSubject subject, Trial trial, Rig rig) {
    Map<String, INDArray> before = Rig.copies(rig.parameters());
    LayerGradients.compare(subject, trial, rig, 3, false, false, LayerGradients.Part.ALL);
    requireUnchanged(trial, rig.parameters(), before);
  }
}
