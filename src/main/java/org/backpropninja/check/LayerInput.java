package org.backpropninja.check;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiPredicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Input that a layer is not made for is refused, by the layer's name, and does no harm. */
final class LayerInput {

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.<LayerSubject>check(
                  "contract.badShapes",
                  "Input of a shape that the layer is not made for is refused by the layer's name,"
                      + " and does no harm.",
                  "no check of the input's shape in the forward pass; layerId() has the name",
                  LayerInput::badShapes)
              .unless(
                  subject ->
                      subject.takesIndices() || hasSizes(subject)
                          ? null
                          : "no parameter depends on the size of the input"),
          Definition.<LayerSubject>check(
                  "contract.badIndices",
                  "What is no index of a class is refused by the layer's name, and does no harm.",
                  "a cast to int, which makes NaN 0 and 2.7 2, or no check of the range",
                  LayerInput::badIndices)
              .unless(
                  subject -> subject.takesIndices() ? null : "the input is not made of indices"));

  private LayerInput() {}

  private static void badShapes(LayerSubject subject, Trial trial) {
    Bare bare = new Bare(subject);
    Random random = trial.random("shapes");
    INDArray right = bare.input(3, random);
    InputType type = bare.type(subject.inputType());
    Map<String, INDArray> bad = new LinkedHashMap<>();
    for (long[] shape : badShapes(right.shape(), LayerSubject.channelAxis(type))) {
      if (shape.length > 1 || !subject.takesIndices()) { // a plain list of indices is clear enough
        bad.put("input " + Arrays.toString(shape), subject.input(shape, random));
      }
    }
    requireRefused(
        trial,
        bare,
        right,
        bad,
        (x, out) ->
            (subject.takesIndices() || x.rank() != right.rank())
                && isAnnounced(bare, x, type, out));
  }

  /** A channel too many, one too few, an axis too many, one too few. */
  private static List<long[]> badShapes(long[] right, int channels) {
    long[] more = right.clone();
    more[channels]++;
    long[] fewer = right.clone();
    fewer[channels]--;
    int last = right.length - 1;
    int gone = channels == last ? last - 1 : last;
    long[] higher = Arrays.copyOf(right, right.length + 1);
    higher[right.length] = 2;
    long[] lower =
        IntStream.range(0, right.length).filter(k -> k != gone).mapToLong(k -> right[k]).toArray();
    return List.of(more, fewer, higher, lower).stream()
        .filter(shape -> LongStream.of(shape).allMatch(size -> size > 0))
        .toList();
  }

  /** Whether the number of channels is built into the parameters. */
  private static boolean hasSizes(LayerSubject subject) {
    InputType type = subject.inputType();
    return !subject.takesIndices()
        && subject.numParams(Shapes.wider(type)) != subject.numParams(type);
  }

  /** A layer may take another input after all, if its getOutputType says what comes of it. */
  private static boolean isAnnounced(Bare bare, INDArray x, InputType like, INDArray out) {
    try {
      InputType said = bare.configuration().getOutputType(0, Shapes.type(x.shape(), like));
      return Shapes.isOf(out.shape(), LayerSubject.shape(said, x.size(0)));
    } catch (RuntimeException refusal) {
      return false;
    }
  }

  private static void badIndices(LayerSubject subject, Trial trial) {
    Bare bare = new Bare(subject);
    INDArray right = bare.input(3, trial.random("indices"));
    Map<String, INDArray> bad = new LinkedHashMap<>();
    for (double index : new double[] {-1, subject.indices(), 0.5, Double.NaN}) {
      INDArray x = right.dup('c');
      x.data().put(x.length() - 1, index);
      bad.put("index %s of %d classes".formatted(index, subject.indices()), x);
    }
    requireRefused(trial, bare, right, bad, (x, out) -> false);
  }

  /**
   * Requires refusals.
   *
   * @param bad the inputs by what is bad
   * @param mayBe whether an input that was not refused, and its output, are right after all
   */
  private static void requireRefused(
      Trial trial,
      Bare bare,
      INDArray right,
      Map<String, INDArray> bad,
      BiPredicate<INDArray, INDArray> mayBe) {
    INDArray expected = bare.forward(right.dup(), false).dup('c');
    Map<String, RuntimeException> refusals = new LinkedHashMap<>();
    bad.forEach(
        (what, x) -> {
          trial.at("%s", what);
          try {
            INDArray out = bare.forward(x, true);
            trial.require(mayBe.test(x, out), "it is not refused");
          } catch (RuntimeException refusal) {
            refusals.put(what, refusal);
          }
          trial.at("a right input after %s", what);
          INDArray out = bare.forward(right.dup(), false);
          Same.require(trial, "the output", out, "before it was", expected, Same.ROUNDING);
        });
    // Last, because what is not refused is worse than what is refused without a name.
    refusals.forEach(
        (what, refusal) -> {
          trial.at("%s", what);
          trial.requireNames(Rig.CHECKED, "it", refusal);
        });
  }
}
