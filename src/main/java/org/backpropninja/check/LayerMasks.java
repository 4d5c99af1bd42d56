package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.backpropninja.check.LayerGradients.Part;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Masks leave rows out, of whatever type they are. */
final class LayerMasks {

  private static final int EXAMPLES = 5;
  private static final List<DataType> TYPES =
      List.of(DataType.DOUBLE, DataType.FLOAT, DataType.INT32, DataType.INT64, DataType.BOOL);
  private static final double GARBAGE = 1e6;

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.<LayerSubject>check(
                  "masks.ones",
                  "A mask of ones is no mask, the type of a mask does not matter, and the next"
                      + " minibatch has none of it.",
                  "the mask is not cast to the type of what it is multiplied with, takes part in a"
                      + " sum, or is kept in a field",
                  LayerMasks::ones)
              .unless(LayerMasks::doesNotSupport),
          Definition.<LayerSubject>check(
                  "masks.rows",
                  "What is left out neither gives nor gets: whatever stands there changes nothing.",
                  "the mask is missing in the forward or in the backward pass, or the rows that are"
                      + " left out take part in a statistic",
                  LayerMasks::rows)
              .unless(LayerMasks::doesNotSupport),
          Definition.<LayerSubject>check(
                  "masks.gradients",
                  "Under a mask all gradients are slopes.",
                  "the mask is missing in one of the two passes, or n is not the number of rows"
                      + " that are kept",
                  LayerMasks::gradients)
              .unless(LayerMasks::doesNotSupport),
          Definition.<LayerSubject>check(
                  "masks.allZero",
                  "A minibatch that is left out as a whole gives finite numbers and no gradient,"
                      + " or is refused where that is declared.",
                  "the mask is missing, a division by the number of rows that are kept, or a view of"
                      + " the gradients that is left as it was",
                  LayerMasks::allZero)
              .unless(LayerMasks::doesNotSupport),
          Definition.<LayerSubject>check(
                  "masks.refused",
                  "A mask is refused.",
                  "the mask is ignored in silence",
                  LayerMasks::refused)
              .unless(
                  subject ->
                      subject.refuses(Feature.MASKS) ? null : "masks are not declared as refused"));

  private LayerMasks() {}

  private static String doesNotSupport(LayerSubject subject) {
    return subject.supports(Feature.MASKS) ? null : "masks are not declared as supported";
  }

  /** What one forward and one backward pass give; states are those after them. */
  private record Passes(INDArray out, Gradients gradients, Map<String, INDArray> states) {

    static Passes of(
        LayerSubject subject,
        Site site,
        DataType type,
        INDArray x,
        INDArray mask,
        INDArray epsilon) {
      Rig rig = Rig.of(subject, site, type, layer -> layer, settings -> {});
      return of(subject, rig, LayerSubject.cast(x, type), mask, LayerSubject.cast(epsilon, type));
    }

    static Passes of(LayerSubject subject, Rig rig, INDArray x, INDArray mask, INDArray epsilon) {
      INDArray out = rig.forward(x, mask, true);
      Gradients gradients = rig.backward(epsilon.dup());
      Map<String, INDArray> states = Rig.copies(rig.parameters());
      states.keySet().retainAll(subject.states().keySet());
      return new Passes(out, gradients, states);
    }
  }

  // The checks

  private static void ones(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      ones(subject, trial, site, DataType.DOUBLE);
    }
    if (subject.supports(Feature.FLOAT)) {
      ones(subject, trial, Site.FIRST, DataType.FLOAT);
    }
    forgotten(subject, trial);
  }

  private static void ones(LayerSubject subject, Trial trial, Site site, DataType network) {
    Random random = trial.random("input");
    INDArray x = subject.input(EXAMPLES, random);
    INDArray mask = subject.mask(EXAMPLES, random);
    INDArray epsilon = epsilon(subject, trial, x);
    Passes unmasked = Passes.of(subject, site, network, x, null, epsilon);
    Passes masked = Passes.of(subject, site, network, x, mask.castTo(network), epsilon);
    double tolerance = network == DataType.DOUBLE ? Same.ROUNDING : 1e-4;
    for (DataType type : TYPES) {
      trial.at("%s, a %s network, a mask of ones of type %s", site, network, type);
      INDArray ones = Nd4j.onesLike(mask).castTo(type);
      requireSame(trial, Passes.of(subject, site, network, x, ones, epsilon), unmasked, tolerance);
      trial.at("%s, a %s network, a mask of type %s", site, network, type);
      INDArray cast = mask.castTo(type);
      requireSame(trial, Passes.of(subject, site, network, x, cast, epsilon), masked, tolerance);
    }
  }

  private static void requireSame(Trial trial, Passes got, Passes expected, double tolerance) {
    Same.require(trial, "the output", got.out, "expected", expected.out, tolerance);
    requireSameBehind(trial, got, expected, tolerance);
  }

  private static void requireSameBehind(
      Trial trial, Passes got, Passes expected, double tolerance) {
    GradientArrays.requireClose(trial, got.gradients, expected.gradients, tolerance);
    expected.states.forEach(
        (key, state) ->
            Same.require(trial, "state " + key, got.states.get(key), "expected", state, tolerance));
  }

  /** A mask is that of its minibatch, and not of the next one. */
  private static void forgotten(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      Random random = trial.random("input");
      INDArray x = subject.input(EXAMPLES, random);
      INDArray epsilon = epsilon(subject, trial, x);
      Rig rig = Rig.of(subject, site);
      Map<String, INDArray> start = Rig.copies(rig.parameters());
      Passes.of(subject, rig, x, subject.mask(EXAMPLES, random), epsilon);
      start.forEach((key, array) -> rig.parameters().get(key).assign(array));
      trial.at("%s, a minibatch without a mask after one with a mask", site);
      requireSame(
          trial,
          Passes.of(subject, rig, x, null, epsilon),
          Passes.of(subject, site, DataType.DOUBLE, x, null, epsilon),
          Same.ROUNDING);
    }
  }

  private static void rows(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      rows(subject, trial, site);
    }
  }

  private static void rows(LayerSubject subject, Trial trial, Site site) {
    Random random = trial.random("input");
    INDArray x = subject.input(EXAMPLES, random);
    INDArray mask = subject.mask(EXAMPLES, random);
    INDArray epsilon = epsilon(subject, trial, x);
    INDArray kept = spread(mask, x.shape(), LayerSubject.channelAxis(subject.inputType()));
    INDArray keptOutput = keptOutput(subject, mask, epsilon.shape());
    Passes plain = Passes.of(subject, site, DataType.DOUBLE, x, mask, epsilon);

    trial.at("%s, other numbers in what is left out", site);
    INDArray others = subject.takesIndices() ? subject.input(EXAMPLES, random) : all(x, GARBAGE);
    INDArray mixed = mix(kept, x, others);
    requireSameInKept(
        trial, Passes.of(subject, site, DataType.DOUBLE, mixed, mask, epsilon), plain, keptOutput);

    trial.at("%s, other errors for what is left out", site);
    INDArray errors = mix(keptOutput, epsilon, all(epsilon, GARBAGE));
    requireSameInKept(
        trial, Passes.of(subject, site, DataType.DOUBLE, x, mask, errors), plain, keptOutput);

    trial.at("%s", site);
    if (!subject.takesIndices()) {
      requireNothingLeftOut(trial, plain.gradients.input(), kept);
      INDArray nan = mix(kept, x, all(x, Double.NaN));
      noteNaN(trial, () -> Passes.of(subject, site, DataType.DOUBLE, nan, mask, epsilon), plain);
    }
  }

  private static void requireSameInKept(
      Trial trial, Passes got, Passes expected, INDArray keptOutput) {
    INDArray zeros = all(keptOutput, 0);
    Same.require(
        trial,
        "the output in what is kept",
        mix(keptOutput, got.out, zeros),
        mix(keptOutput, expected.out, zeros));
    requireSameBehind(trial, got, expected, Same.ROUNDING);
  }

  private static INDArray all(INDArray like, double value) {
    return Nd4j.valueArrayOf(like.shape(), value, DataType.DOUBLE);
  }

  /** DL4J's own layers multiply by the mask, so that NaN stays: nothing to fail for. */
  private static void noteNaN(Trial trial, Supplier<Passes> passes, Passes expected) {
    try {
      GradientArrays.requireClose(trial, passes.get().gradients, expected.gradients, Same.ROUNDING);
    } catch (Finding | RuntimeException e) {
      trial.note("NaN in what is left out reaches the gradients");
    }
  }

  private static void requireNothingLeftOut(Trial trial, INDArray gradient, INDArray kept) {
    trial.require(gradient != null, "no error is passed down to the input");
    trial.require(
        LayerGradients.isZero(gradient.mul(kept.rsub(1))),
        "the gradient of the input is not 0 in what is left out");
  }

  private static void gradients(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      trial.at("%s, %s", site, LayerSubject.examples(EXAMPLES));
      LayerGradients.compare(subject, trial, Rig.of(subject, site), EXAMPLES, true, true, Part.ALL);
    }
  }

  private static void allZero(LayerSubject subject, Trial trial) {
    Rig rig = Rig.of(subject, Site.FIRST);
    INDArray x = subject.input(EXAMPLES, trial.random("input"));
    INDArray epsilon = epsilon(subject, trial, x);
    INDArray zeros = Nd4j.zeros(DataType.DOUBLE, subject.maskShape(EXAMPLES));
    if (subject.refuses(Feature.FULLY_MASKED)) {
      trial.requireRefusal(
          Feature.FULLY_MASKED,
          "a mask of zeros",
          () -> {
            rig.forward(x, zeros, true);
            rig.backward(epsilon);
          });
      return;
    }
    trial.at("after a minibatch without a mask");
    rig.forward(x, null, true);
    rig.backward(epsilon.dup());
    Same.finite(trial, "the output", rig.forward(x, zeros, true));
    Gradients gradients = rig.step(epsilon, EXAMPLES);
    GradientArrays.requireFinite(trial, gradients);
    rig.parameters().forEach((key, each) -> Same.finite(trial, key + " after a step", each));
    if (hasPositions(subject, epsilon.shape())) {
      requireNoGradient(trial, gradients);
    }
  }

  private static void requireNoGradient(Trial trial, Gradients gradients) {
    for (Map.Entry<String, INDArray> each : gradients.checked().entrySet()) {
      trial.require(
          LayerGradients.isZero(each.getValue()), "the gradient of %s is not 0", each.getKey());
    }
    trial.require(
        gradients.input() == null || LayerGradients.isZero(gradients.input()),
        "the gradient of the input is not 0");
  }

  private static void refused(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      trial.at("%s", site);
      Rig rig = Rig.of(subject, site);
      trial.requireRefusal(
          Feature.MASKS, "a mask", () -> rig.train(subject, 1, EXAMPLES, true, trial));
    }
  }

  // How

  /** An error for the output of an input. */
  private static INDArray epsilon(LayerSubject subject, Trial trial, INDArray x) {
    long[] shape = Rig.of(subject, Site.FIRST).forward(x, null, true).shape();
    return LayerSubject.normal(trial.random("epsilon"), shape);
  }

  /** The mask for each element: 1 in what is kept, 0 in what is left out. */
  private static INDArray spread(INDArray mask, long[] shape, int channelAxis) {
    long[] broadcast = shape.clone();
    if (mask.length() == shape[0]) {
      Arrays.fill(broadcast, 1, broadcast.length, 1);
    } else if (mask.length() < length(shape)) {
      broadcast[channelAxis] = 1;
    }
    return Nd4j.ones(DataType.DOUBLE, shape).muli(mask.reshape(broadcast));
  }

  /** Ones where the output has no positions that the mask is for, as behind a pooling layer. */
  private static INDArray keptOutput(LayerSubject subject, INDArray mask, long[] shape) {
    return hasPositions(subject, shape)
        ? spread(mask, shape, outputChannelAxis(subject))
        : Nd4j.ones(DataType.DOUBLE, shape);
  }

  private static boolean hasPositions(LayerSubject subject, long[] outputShape) {
    long positions = length(outputShape) / outputShape[outputChannelAxis(subject)];
    return positions == length(subject.maskShape(outputShape[0]));
  }

  private static long length(long[] shape) {
    return LongStream.of(shape).reduce(1, (a, b) -> a * b);
  }

  private static int outputChannelAxis(LayerSubject subject) {
    MultiLayerNetwork network = (MultiLayerNetwork) Rig.of(subject, Site.FIRST).network();
    return LayerSubject.channelAxis(
        network.getLayerWiseConfigurations().getLayerActivationTypes(subject.inputType()).get(0));
  }

  /** What is kept from x, the rest from another array. */
  private static INDArray mix(INDArray kept, INDArray x, INDArray other) {
    double[] keeps = Slopes.elements(kept);
    double[] mixed = Slopes.elements(x);
    double[] others = Slopes.elements(other);
    for (int k = 0; k < mixed.length; k++) {
      mixed[k] = keeps[k] == 0 ? others[k] : mixed[k];
    }
    return Nd4j.create(mixed, x.shape(), 'c');
  }
}
