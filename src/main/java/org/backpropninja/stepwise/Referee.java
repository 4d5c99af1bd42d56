package org.backpropninja.stepwise;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.api.OutAndGrad;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The same network as a SameDiff graph, differentiated by SameDiff: the second opinion on every
 * hand-written gradient.
 *
 * <p>The formulas are the notebooks' as they stand. So a probability that underflows to 0 gives NaN
 * here, as it does in PyTorch, where {@link CrossEntropySteps} keeps the right gradient. Where
 * several logits of a row tie, SameDiff gives the row maximum's gradient to the first, as PyTorch
 * does. Lookups are products with one-hot matrices, because SameDiff cannot differentiate its own
 * {@code gather}. While it builds the backward graph SameDiff 1.0.0-M2.1 prints a line to {@link
 * System#out} for each operation; there is no switch for that.
 *
 * @param loss the mean cross entropy of the minibatch
 * @param values the 26 tensors, named and ordered as {@link StepwiseMlp#values()}
 * @param gradients the loss's gradient with respect to each
 */
public record Referee(double loss, Map<String, INDArray> values, Map<String, INDArray> gradients) {

  /** The tensors' names in the order in which the notebooks compare their gradients. */
  private static final List<String> TENSORS =
      List.of(
          "logprobs",
          "probs",
          "counts_sum_inv",
          "counts_sum",
          "counts",
          "norm_logits",
          "logit_maxes",
          "logits",
          "h",
          "W2",
          "b2",
          "hpreact",
          "bngain",
          "bnbias",
          "bnraw",
          "bnvar_inv",
          "bnvar",
          "bndiff2",
          "bndiff",
          "bnmeani",
          "hprebn",
          "embcat",
          "W1",
          "b1",
          "emb",
          "C");

  /**
   * Runs and differentiates the graph.
   *
   * @param parameters all of one type, FLOAT or DOUBLE
   * @param xb the contexts, [n, T], n ≥ 2
   * @param yb the class that follows each context, [n, 1]
   * @return loss, values and gradients
   * @throws IllegalArgumentException if an index is out of range
   */
  public static Referee judge(StepwiseMlp.Parameters parameters, INDArray xb, INDArray yb) {
    return judge(graph(parameters, xb, yb));
  }

  /** The network, in which indices are the rows of a one-hot matrix of their name. */
  static SameDiff graph(StepwiseMlp.Parameters parameters, INDArray xb, INDArray yb) {
    int V = parameters.c().rows();
    int classes = parameters.w2().columns();
    DataType type = parameters.c().dataType();
    SameDiff graph = SameDiff.create();
    SDVariable uses = // [n·T, V]
        graph.constant("Xb", Arrays2d.oneHot(Arrays2d.requireIndices("Xb", xb, V), V, type));
    SDVariable targets = // [n, classes]
        graph.constant(
            "Yb", Arrays2d.oneHot(Arrays2d.requireIndices("Yb", yb, classes), classes, type));
    SDVariable hpreact = hidden(graph, parameters, uses, xb.size(0), xb.size(1));
    crossEntropy(graph, parameters, hpreact, targets);
    return graph;
  }

  /** emb to hpreact. */
  private static SDVariable hidden(
      SameDiff graph, StepwiseMlp.Parameters p, SDVariable uses, long n, long contextLength) {
    SDVariable c = graph.var("C", p.c());
    long d = p.c().columns();
    SDVariable emb = uses.mmul(c).reshape(n, contextLength, d).rename("emb");
    SDVariable embcat = emb.reshape(n, contextLength * d).rename("embcat");
    SDVariable hprebn = embcat.mmul(graph.var("W1", p.w1())).add("hprebn", graph.var("b1", p.b1()));
    SDVariable bnmeani = hprebn.sum(true, 0).mul("bnmeani", 1.0 / n);
    SDVariable bndiff = hprebn.sub("bndiff", bnmeani);
    SDVariable bndiff2 = graph.math.square("bndiff2", bndiff);
    SDVariable bnvar = bndiff2.sum(true, 0).mul("bnvar", 1.0 / (n - 1));
    SDVariable bnvarInv = graph.math.pow("bnvar_inv", bnvar.add(BatchNormSteps.EPS), -0.5);
    SDVariable bnraw = bndiff.mul("bnraw", bnvarInv);
    SDVariable bngain = graph.var("bngain", p.bngain());
    return bnraw.mul(bngain).add("hpreact", graph.var("bnbias", p.bnbias()));
  }

  /** h to the loss. */
  private static void crossEntropy(
      SameDiff graph, StepwiseMlp.Parameters p, SDVariable hpreact, SDVariable targets) {
    SDVariable h = graph.math.tanh("h", hpreact);
    SDVariable logits = h.mmul(graph.var("W2", p.w2())).add("logits", graph.var("b2", p.b2()));
    SDVariable logitMaxes = logits.max("logit_maxes", true, 1);
    SDVariable normLogits = logits.sub("norm_logits", logitMaxes);
    SDVariable counts = graph.math.exp("counts", normLogits);
    SDVariable countsSum = counts.sum("counts_sum", true, 1);
    SDVariable countsSumInv = graph.math.pow("counts_sum_inv", countsSum, -1);
    SDVariable probs = counts.mul("probs", countsSumInv);
    SDVariable logprobs = graph.math.log("logprobs", probs);
    long n = targets.getShape()[0];
    logprobs.mul(targets).sum().mul("loss", -1.0 / n).markAsLoss();
  }

  private static Referee judge(SameDiff graph) {
    List<String> outputs = new ArrayList<>(TENSORS);
    outputs.add("loss");
    OutAndGrad all = graph.calculateGradientsAndOutputs(Map.of(), outputs, TENSORS);
    Map<String, INDArray> values = new LinkedHashMap<>();
    Map<String, INDArray> gradients = new LinkedHashMap<>();
    for (String name : TENSORS) {
      values.put(name, all.getOutputs().get(name));
      gradients.put(name, all.getGradients().get(name));
    }
    return new Referee(
        all.getOutputs().get("loss").getDouble(0),
        Collections.unmodifiableMap(values),
        Collections.unmodifiableMap(gradients));
  }
}
