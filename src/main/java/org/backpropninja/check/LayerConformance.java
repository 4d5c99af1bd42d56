package org.backpropninja.check;

import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Says whether a custom DL4J layer is right: gradients, contract, training, persistence.
 *
 * <pre>{@code
 * @TestFactory
 * Stream<DynamicTest> conforms() {
 *   return LayerConformance.of(() -> new MyLayer.Builder().nOut(7).build())
 *       .input(InputType.feedForward(5))
 *       .checks()
 *       .map(check -> dynamicTest(check.name(), check::run));
 * }
 * }</pre>
 *
 * <p>What the layer does is declared, and never guessed from its name. A gradient g is right if its
 * projection on a random direction δ is the slope of L = Σ ε·output there, in double:
 *
 * <pre>g·δ = (L(θ + hδ) − L(θ − hδ)) / 2h</pre>
 *
 * for random ε, θ each parameter and the input.
 */
public final class LayerConformance extends Conformance<LayerConformance> {

  /** What a running state is after a training minibatch. */
  @FunctionalInterface
  public interface StateOracle {

    /**
     * Returns what the state has to be after a training step.
     *
     * @param before the state before the step
     * @param input what the layer was given in that step, shaped as the layer's input
     * @return the state after it, of the same shape as {@code before}
     */
    INDArray after(INDArray before, INDArray input);
  }

  static final List<Definition<LayerSubject>> DEFINITIONS =
      Stream.of(
              LayerGradients.CHECKS,
              LayerContract.CHECKS,
              LayerMasks.CHECKS,
              LayerTraining.CHECKS,
              LayerPersistence.CHECKS)
          .flatMap(List::stream)
          .toList();

  private final Supplier<? extends Layer> layer;
  private final Set<Feature> supported = EnumSet.noneOf(Feature.class);
  private final Set<Feature> refused = EnumSet.noneOf(Feature.class);
  private final Map<String, StateOracle> states = new LinkedHashMap<>();
  private InputType input;
  private int indices; // 0: numbers
  private BiConsumer<ComputationGraph, DataSetIterator> calibration;

  private LayerConformance(Supplier<? extends Layer> layer) {
    this.layer = layer;
  }

  /**
   * Starts with the layer to check.
   *
   * @param layer makes a new, equal layer on each call
   * @return the kit; {@link #input} has to follow
   */
  public static LayerConformance of(Supplier<? extends Layer> layer) {
    return new LayerConformance(required(layer, "layer"));
  }

  /**
   * Sets what the layer is given.
   *
   * @param input any input type; sequences without a length get one of 4 steps
   * @return this
   */
  public LayerConformance input(InputType input) {
    this.input = required(input, "input");
    return this;
  }

  /**
   * Declares that the input is made of class indices, as that of an embedding. They have no
   * gradient, and no layer is put below.
   *
   * <p>{@link #input} is then the shape of the indices: {@code InputType.feedForward(1)} for [n,
   * 1], {@code feedForward(T)} for [n, T], {@code recurrent(1, T)} for [n, 1, T]. The layer sets
   * its nIn itself, to at least {@code classes}.
   *
   * @param classes indices are 0 to {@code classes} − 1
   * @return this
   * @throws IllegalArgumentException if it is less than 1
   */
  public LayerConformance indices(int classes) {
    if (classes < 1) {
      throw new IllegalArgumentException("classes (%d) must be at least 1".formatted(classes));
    }
    indices = classes;
    return this;
  }

  /**
   * Declares what the layer does.
   *
   * @param features what is checked to be right
   * @return this
   * @throws IllegalArgumentException if one is declared to be refused
   */
  public LayerConformance supports(Feature... features) {
    return declare(supported, refused, features);
  }

  /**
   * Declares what the layer refuses.
   *
   * @param features what is checked to end in an exception
   * @return this
   * @throws IllegalArgumentException if one is declared to be supported
   */
  public LayerConformance refuses(Feature... features) {
    return declare(refused, supported, features);
  }

  private LayerConformance declare(Set<Feature> to, Set<Feature> other, Feature... features) {
    for (Feature feature : features) {
      if (other.contains(feature)) {
        throw new IllegalArgumentException(
            "feature (%s) must be either supported or refused, not both".formatted(feature));
      }
      to.add(feature);
    }
    return this;
  }

  /**
   * Declares a parameter that is a running state: it has no gradient, and the layer moves it itself
   * in each training step.
   *
   * <p>It moves in the backward pass that follows a forward pass in training. Scoring makes forward
   * passes too, and what is handed over as a gradient is clipped and divided by the minibatch.
   *
   * @param parameter its key
   * @param oracle what it is after a step
   * @return this
   */
  public LayerConformance state(String parameter, StateOracle oracle) {
    states.put(required(parameter, "parameter"), required(oracle, "oracle"));
    return this;
  }

  /**
   * Declares what replaces the states of all such layers of a graph by those of a whole data set.
   *
   * @param calibration is handed a graph and data
   * @return this
   */
  public LayerConformance calibratedBy(BiConsumer<ComputationGraph, DataSetIterator> calibration) {
    this.calibration = required(calibration, "calibration");
    return this;
  }

  @Override
  List<Check> bind(long seed, Map<String, String> expectedFailures) {
    if (input == null) {
      throw new IllegalStateException("input must be set, by .input(InputType)");
    }
    LayerSubject subject =
        new LayerSubject(layer, input, indices, supported, refused, states, calibration);
    return bind(DEFINITIONS, subject, seed, expectedFailures);
  }

  @Override
  List<String> names() {
    return DEFINITIONS.stream().map(Definition::name).toList();
  }

  @Override
  String subject() {
    return required(layer.get(), "layer").getClass().getSimpleName();
  }
}
