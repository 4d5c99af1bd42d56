package org.backpropninja.check;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** Says whether a custom DL4J loss is right. */
public final class LossConformance extends Conformance<LossConformance> {

  static final List<Definition<LossSubject>> DEFINITIONS =
      Stream.of(LossChecks.CHECKS, LossOutputLayers.CHECKS).flatMap(List::stream).toList();

  private final Supplier<? extends ILossFunction> loss;

  private LossConformance(Supplier<? extends ILossFunction> loss) {
    this.loss = loss;
  }

  /** Starts with the loss to check. */
  public static LossConformance of(Supplier<? extends ILossFunction> loss) {
    return new LossConformance(required(loss, "loss"));
  }

  @Override
  List<Check> bind(long seed, Map<String, String> expectedFailures) {
    return bind(DEFINITIONS, new LossSubject(loss), seed, expectedFailures);
  }

  @Override
  List<String> names() {
    return DEFINITIONS.stream().map(Definition::name).toList();
  }

  @Override
  String subject() {
    return loss.get().getClass().getSimpleName();
  }
}
