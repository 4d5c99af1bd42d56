package org.backpropninja.stepwise;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * The table catches mistakes: for each of the 26 rows a backward formula with one that is easily
 * made.
 */
class WrongBackwardTest {

  /** A backward formula from the values v and the gradients d of the other tensors. */
  interface Formula {
    INDArray gradient(Map<String, INDArray> v, Map<String, INDArray> d);
  }

  private static GoldenStep golden;
  private static Map<String, INDArray> values;
  private static Map<String, INDArray> gradients;
  private static Map<String, INDArray> reference;

  @BeforeAll
  static void runOneStep() {
    golden = new GoldenStep(GoldenStep.ONE_GENERATOR, DataType.DOUBLE);
    StepwiseMlp step = golden.forward();
    values = step.values();
    gradients = step.gradients();
    reference = Referee.judge(golden.parameters(), golden.xb(), golden.yb()).gradients();
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("mistakes")
  void aMistakeShowsInItsRowAndInNoOther(String name, String mistake, Formula wrong) {
    Map<String, INDArray> withMistake = new LinkedHashMap<>(gradients);
    withMistake.put(name, wrong.gradient(values, gradients));

    GradientComparison comparison = GradientComparison.of(withMistake, reference);

    List<String> caught =
        comparison.rows().stream()
            .filter(row -> !row.approximate())
            .map(GradientComparison.Row::name)
            .toList();
    assertEquals(List.of(name), caught, mistake);
  }

  @Test
  void thereIsAMistakeForEachOfThe26Rows() {
    assertEquals(
        List.copyOf(gradients.keySet()), mistakes().map(mistake -> mistake.get()[0]).toList());
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(crossEntropy(), outputAndTanh(), batchNorm(), hiddenAndEmbedding())
        .flatMap(mistakes -> mistakes);
  }

  private static Stream<Arguments> crossEntropy() {
    return Stream.of(
        mistake("logprobs", "no 1/n", (v, d) -> d.get("logprobs").mul(32)),
        mistake("probs", "probs for 1/probs", (v, d) -> d.get("logprobs").mul(v.get("probs"))),
        mistake("counts_sum_inv", "no factor counts", (v, d) -> d.get("probs").sum(true, 1)),
        mistake(
            "counts_sum",
            "no minus",
            (v, d) -> Transforms.pow(v.get("counts_sum"), -2).mul(d.get("counts_sum_inv"))),
        mistake(
            "counts",
            "the term through counts_sum forgotten",
            (v, d) -> d.get("probs").mul(v.get("counts_sum_inv"))),
        mistake("norm_logits", "no factor exp(norm_logits)", (v, d) -> d.get("counts")),
        mistake(
            "logit_maxes",
            "only the maximum's own column",
            (v, d) -> firstMax(v).mul(d.get("norm_logits")).sum(true, 1).neg()),
        mistake(
            "logits",
            "the maximum's term put in place of the other",
            (v, d) -> d.get("norm_logits").mul(firstMax(v).rsub(1))));
  }

  private static Stream<Arguments> outputAndTanh() {
    return Stream.of(
        mistake(
            "h",
            "W2 reshaped, not transposed",
            (v, d) -> d.get("logits").mmul(v.get("W2").reshape(27, 64))),
        mistake(
            "W2", "hpreact for h", (v, d) -> v.get("hpreact").transpose().mmul(d.get("logits"))),
        mistake("b2", "mean for sum", (v, d) -> d.get("logits").mean(true, 0)),
        mistake("hpreact", "h for h²", (v, d) -> v.get("h").rsub(1).mul(d.get("h"))));
  }

  private static Stream<Arguments> batchNorm() {
    return Stream.of(
        mistake(
            "bngain",
            "hpreact for bnraw",
            (v, d) -> v.get("hpreact").mul(d.get("hpreact")).sum(true, 0)),
        mistake("bnbias", "mean for sum", (v, d) -> d.get("hpreact").mean(true, 0)),
        mistake("bnraw", "no factor bngain", (v, d) -> d.get("hpreact")),
        mistake(
            "bnvar_inv",
            "bnraw for bndiff",
            (v, d) -> v.get("bnraw").mul(d.get("bnraw")).sum(true, 0)),
        mistake(
            "bnvar",
            "exponent −1 for −3/2",
            (v, d) -> Transforms.pow(v.get("bnvar_inv"), 2).mul(-0.5).mul(d.get("bnvar_inv"))),
        mistake(
            "bndiff2",
            "1/n for 1/(n−1)",
            (v, d) -> Nd4j.onesLike(v.get("bndiff2")).mul(1 / 32.0).mul(d.get("bnvar"))),
        mistake(
            "bndiff",
            "the term through bndiff2 forgotten",
            (v, d) -> d.get("bnraw").mul(v.get("bnvar_inv"))),
        mistake("bnmeani", "no minus", (v, d) -> d.get("bndiff").sum(true, 0)),
        mistake("hprebn", "the term through bnmeani forgotten", (v, d) -> d.get("bndiff")));
  }

  private static Stream<Arguments> hiddenAndEmbedding() {
    return Stream.of(
        mistake(
            "embcat",
            "W1 reshaped, not transposed",
            (v, d) -> d.get("hprebn").mmul(v.get("W1").reshape(64, 30))),
        mistake(
            "W1",
            "embcat feature by feature, not position by position",
            (v, d) ->
                v.get("emb")
                    .permute(0, 2, 1)
                    .dup('c')
                    .reshape(32, 30)
                    .transpose()
                    .mmul(d.get("hprebn"))),
        mistake("b1", "dbndiff for dhprebn", (v, d) -> d.get("bndiff").sum(true, 0)),
        mistake(
            "emb",
            "dembcat taken feature by feature",
            (v, d) -> d.get("embcat").reshape(32, 10, 3).permute(0, 2, 1)),
        mistake(
            "C", "a repeated index overwrites, not adds", (v, d) -> overwritten(v, d.get("emb"))));
  }

  private static Arguments mistake(String name, String mistake, Formula wrong) {
    return Arguments.of(name, mistake, wrong);
  }

  private static INDArray firstMax(Map<String, INDArray> v) {
    return Arrays2d.oneHot(v.get("logits").argMax(1), 27, DataType.DOUBLE);
  }

  private static INDArray overwritten(Map<String, INDArray> v, INDArray demb) {
    INDArray dc = v.get("C").like();
    for (int i = 0; i < 32; i++) {
      for (int t = 0; t < 3; t++) {
        dc.putRow(
            golden.xb().getInt(i, t),
            demb.get(NDArrayIndex.point(i), NDArrayIndex.point(t), NDArrayIndex.all()));
      }
    }
    return dc;
  }
}
