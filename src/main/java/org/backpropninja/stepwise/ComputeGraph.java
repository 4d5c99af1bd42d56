package org.backpropninja.stepwise;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The network's compute graph in Graphviz's DOT language: values flow down, gradients up.
 *
 * <p>A solid edge carries a value and shows its shape; the dashed one beside it carries one term of
 * that value's gradient, in the same shape.
 */
public final class ComputeGraph {

  /** Each value, and after the colon what it is computed from. */
  private static final String STEPS =
      """
      emb: C Xb
      embcat: emb
      hprebn: embcat W1 b1
      bnmeani: hprebn
      bndiff: hprebn bnmeani
      bndiff2: bndiff
      bnvar: bndiff2
      bnvar_inv: bnvar
      bnraw: bndiff bnvar_inv
      hpreact: bnraw bngain bnbias
      h: hpreact
      logits: h W2 b2
      logit_maxes: logits
      norm_logits: logits logit_maxes
      counts: norm_logits
      counts_sum: counts
      counts_sum_inv: counts_sum
      probs: counts counts_sum_inv
      logprobs: probs
      loss: logprobs Yb
      """;

  private static final String HEAD =
      """
      digraph step {
        nodesep=0.5; ranksep=0.4;
        node [shape=box, fontname="Helvetica", fontsize=12];
        edge [fontname="Helvetica", fontsize=10];
      """;

  /** No-break spaces keep a label clear of its edge. */
  private static final String GAP = "\u00a0".repeat(8);

  private ComputeGraph() {}

  /**
   * Writes the graph.
   *
   * @param values the network's 26 tensors, as {@link StepwiseMlp#values()} names them
   * @return a directed graph in DOT
   */
  public static String dot(Map<String, INDArray> values) {
    String leaves =
        "C Xb W1 b1 bngain bnbias W2 b2 Yb"
            .replaceAll("(\\w+) ?", "  $1 [style=filled, fillcolor=\"#eef3e2\"];\n");
    String edges =
        STEPS
            .lines()
            .flatMap(
                step -> {
                  String[] names = step.split(":? ");
                  return Arrays.stream(names)
                      .skip(1)
                      .map(input -> edges(input, names[0], shape(input, values)));
                })
            .collect(Collectors.joining());
    return HEAD + leaves + edges + "}\n";
  }

  private static String edges(String input, String output, String shape) {
    String value = "  %s -> %s [label=\"%s%s\"];%n".formatted(input, output, GAP, shape);
    if (input.equals("Xb") || input.equals("Yb")) {
      return value; // indices have no gradient
    }
    // Drawn from input to output with its arrow at the input, so that it does not turn the layout.
    return value
        + "  %s -> %s [dir=back, style=dashed, color=\"#1f6fb2\", fontcolor=\"#1f6fb2\", label=\"%sd%s\"];%n"
            .formatted(input, output, GAP, input);
  }

  private static String shape(String name, Map<String, INDArray> values) {
    long[] emb = values.get("emb").shape();
    long[] shape =
        switch (name) {
          case "Xb" -> new long[] {emb[0], emb[1]};
          case "Yb" -> new long[] {emb[0], 1};
          default -> values.get(name).shape();
        };
    return Arrays.stream(shape).mapToObj(String::valueOf).collect(Collectors.joining("×"));
  }
}
