package org.backpropninja.stepwise;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The picture has the edges of the network that SameDiff computes, and no other. */
class ComputeGraphTest {

  private static final Set<String> INDICES = Set.of("Xb", "Yb");

  /** No two sizes alike, so that no two shapes are. */
  private static final RandomStep STEP = RandomStep.of(8, 3, 4, 5, 7, DataType.DOUBLE, 1);

  private final Map<String, INDArray> values = STEP.forward().values();
  private final String dot = ComputeGraph.dot(values);

  private static SameDiff graph() {
    return Referee.graph(STEP.parameters(), STEP.xb(), STEP.yb());
  }

  /** The names that the notebook gives: all tensors, the indices and the loss. */
  private Set<String> names() {
    Set<String> names = new TreeSet<>(values.keySet());
    names.addAll(INDICES);
    names.add("loss");
    return names;
  }

  /** What a tensor is computed from, without looking further than the nearest that has a name. */
  private Stream<String> inputs(SameDiff graph, String output) {
    DifferentialFunction operation = graph.getVariableOutputOp(output);
    return operation == null
        ? Stream.empty()
        : Arrays.stream(graph.getInputsForOp(operation))
            .flatMap(name -> names().contains(name) ? Stream.of(name) : inputs(graph, name));
  }

  /** "input -> output" and the labels of the lines with that edge, by a line's pattern. */
  private Map<String, String> edges(String attributes) {
    Map<String, String> edges = new TreeMap<>();
    Matcher line =
        Pattern.compile(
                "^  (\\w+ -> \\w+) \\[" + attributes + "label=\"\u00a0+(.*)\"];$",
                Pattern.MULTILINE)
            .matcher(dot);
    while (line.find()) {
      edges.merge(line.group(1), line.group(2), (one, other) -> one + " twice");
    }
    return edges;
  }

  private String shape(String name) {
    long[] shape =
        switch (name) {
          case "Xb" -> STEP.xb().shape();
          case "Yb" -> STEP.yb().shape();
          default -> values.get(name).shape();
        };
    return Arrays.stream(shape).mapToObj(String::valueOf).collect(Collectors.joining("×"));
  }

  @Test
  void valuesGoDownAndGradientsUpAllEdges() {
    Map<String, String> down = new TreeMap<>();
    Map<String, String> up = new TreeMap<>();
    SameDiff graph = graph();
    for (String output : names()) {
      inputs(graph, output)
          .forEach(
              input -> {
                down.put(input + " -> " + output, shape(input));
                if (!INDICES.contains(input)) {
                  up.put(input + " -> " + output, "d" + input);
                }
              });
    }
    assertEquals(down, edges(""));
    assertEquals(up, edges("dir=back, style=dashed, color=\"#1f6fb2\", fontcolor=\"#1f6fb2\", "));
    assertEquals(down.size() + up.size(), dot.lines().filter(l -> l.contains("->")).count());
  }

  @Test
  void whatIsNotComputedIsFilled() {
    SameDiff graph = graph();
    Set<String> leaves =
        names().stream()
            .filter(name -> graph.getVariableOutputOp(name) == null)
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> filled =
        Pattern.compile("^  (\\w+) \\[style=filled, ", Pattern.MULTILINE)
            .matcher(dot)
            .results()
            .map(line -> line.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(leaves, filled);
  }
}
