package org.backpropninja.check;

import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.backpropninja.check.LossConformance.Masks;
import org.backpropninja.check.LossConformance.OutputLayers;
import org.backpropninja.check.LossSubject.Case;

/**
 * An output layer and what it is given.
 *
 * @param name as in DL4J, with its format
 * @param positions of an example: steps, rows and columns, …
 * @param channelsLast whether the logits of a position lie side by side
 * @param scoreFault why the network's score is not that of the loss, whatever the loss; null if it
 *     is
 * @param maskFault why some masks never reach the loss as they are, null if all do
 * @param masks those that do
 */
record LossSite(
    OutputLayers kind,
    String name,
    List<Long> positions,
    boolean channelsLast,
    String scoreFault,
    String maskFault,
    Set<Masks> masks) {

  private static final String OUTPUTS_AS_NCW =
      "DL4J reads masks of outputs as if they were NCW, so none is checked";

  static final List<LossSite> ALL =
      List.of(
          right(OutputLayers.OUTPUT, "OutputLayer", false),
          right(OutputLayers.LOSS, "LossLayer", false),
          right(OutputLayers.RNN_OUTPUT, "RnnOutputLayer, NCW", false, 4L),
          right(OutputLayers.RNN_OUTPUT, "RnnOutputLayer, NWC", true, 4L)
              .masking(OUTPUTS_AS_NCW, Masks.EXAMPLES, Masks.WEIGHTS),
          right(OutputLayers.RNN_LOSS, "RnnLossLayer, NCW", false, 4L),
          right(OutputLayers.RNN_LOSS, "RnnLossLayer, NWC", true, 4L)
              .scoring(
                  "DL4J computes the score from the logits as their own labels, so only the"
                      + " gradient is checked")
              .masking(OUTPUTS_AS_NCW, Masks.EXAMPLES, Masks.WEIGHTS),
          right(OutputLayers.CNN_LOSS, "CnnLossLayer, NCHW", false, 2L, 3L),
          right(OutputLayers.CNN_LOSS, "CnnLossLayer, NHWC", true, 2L, 3L)
              .scoring(
                  "DL4J computes the score as if it were NCHW, so only the gradient is checked")
              .masking(
                  "DL4J reads masks of outputs as if they were NCHW, so none is checked",
                  Masks.EXAMPLES,
                  Masks.WEIGHTS),
          right(OutputLayers.CNN_3D_LOSS, "Cnn3DLossLayer, NCDHW", false, 2L, 3L, 2L),
          right(OutputLayers.CNN_3D_LOSS, "Cnn3DLossLayer, NDHWC", true, 2L, 3L, 2L));

  private static LossSite right(
      OutputLayers kind, String name, boolean channelsLast, Long... positions) {
    Set<Masks> all = EnumSet.allOf(Masks.class);
    return new LossSite(kind, name, List.of(positions), channelsLast, null, null, all);
  }

  private LossSite scoring(String fault) {
    return new LossSite(kind, name, positions, channelsLast, fault, maskFault, masks);
  }

  private LossSite masking(String fault, Masks... right) {
    return new LossSite(kind, name, positions, channelsLast, scoreFault, fault, Set.of(right));
  }

  /** What DL4J's layer does wrong with these cases, whatever the loss. */
  List<String> faults(List<Case> cases) {
    boolean lost = cases.stream().anyMatch(each -> each.mask() != null && !takes(each.mask()));
    return Stream.of(scoreFault, lost ? maskFault : null).filter(Objects::nonNull).toList();
  }

  boolean takes(Masks mask) {
    return masks.contains(mask);
  }

  /** Examples times positions. */
  int rows(int n) {
    return (int) (n * positions.stream().mapToLong(each -> each).reduce(1, (a, b) -> a * b));
  }

  boolean takesLabels(long columns, long classes) {
    return kind != OutputLayers.CNN_LOSS || columns == classes;
  }

  @Override
  public String toString() {
    return name;
  }
}
