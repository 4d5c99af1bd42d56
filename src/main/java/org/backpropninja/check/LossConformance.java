package org.backpropninja.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * Says whether a custom DL4J loss is right, by itself and behind DL4J's output layers.
 *
 * <pre>{@code
 * @TestFactory
 * Stream<DynamicTest> conforms() {
 *   return LossConformance.of(MyLoss::new)
 *       .classes(5)
 *       .labels(Labels.ONE_HOT)
 *       .checks()
 *       .map(check -> dynamicTest(check.name(), check::run));
 * }
 * }</pre>
 *
 * <p>What the loss does is declared, and never guessed from its name. Its gradient g is right if
 * the projection on a random direction δ is the slope of its score there, in double:
 *
 * <pre>g·δ = (L(z + hδ) − L(z − hδ)) / 2h</pre>
 *
 * for random logits z, DL4J's {@code preOutput}, of the shape [n, classes].
 */
public final class LossConformance extends Conformance<LossConformance> {

  /** Makes labels; it may be a lambda. */
  @FunctionalInterface
  public interface LabelSource {

    /**
     * Returns random labels.
     *
     * @param random where chance comes from
     * @param n the number of examples
     * @param classes the width of the logits
     * @return a new matrix in double with n rows
     */
    INDArray labels(Random random, int n, int classes);
  }

  /** The usual labels. */
  public enum Labels implements LabelSource {
    /** Rows with a single 1, [n, classes]. */
    ONE_HOT("one-hot labels") {
      @Override
      public INDArray labels(Random random, int n, int classes) {
        INDArray labels = LossSubject.matrix(n, classes, () -> 0);
        for (int i = 0; i < n; i++) {
          labels.putScalar(i, random.nextInt(classes), 1);
        }
        return labels;
      }
    },
    /** Rows from 0 to 1 that sum to 1, [n, classes]. */
    PROBABILITIES("probabilities") {
      @Override
      public INDArray labels(Random random, int n, int classes) {
        INDArray labels = LossSubject.matrix(n, classes, () -> 0.1 + random.nextDouble());
        return labels.diviColumnVector(labels.sum(true, 1));
      }
    },
    /** Class indices, [n, 1]. */
    INDICES("class indices") {
      @Override
      public INDArray labels(Random random, int n, int classes) {
        return LossSubject.matrix(n, 1, () -> random.nextInt(classes));
      }
    },
    /** Any numbers, [n, classes]. */
    NUMBERS("numbers") {
      @Override
      public INDArray labels(Random random, int n, int classes) {
        return LossSubject.matrix(n, classes, random::nextGaussian);
      }
    };

    private final String words;

    Labels(String words) {
      this.words = words;
    }

    /** The labels in words. */
    @Override
    public String toString() {
      return words;
    }
  }

  /** The masks of labels that DL4J knows. */
  public enum Masks {
    /** 0 or 1 for each example, step or pixel: [n, 1]. */
    EXAMPLES("a mask of examples"),
    /** 0 or 1 for each number of the logits: [n, classes]. */
    OUTPUTS("a mask of outputs"),
    /** A weight for each example, step or pixel that is neither 0 nor 1: [n, 1]. */
    WEIGHTS("a mask of weights");

    private final String words;

    Masks(String words) {
      this.words = words;
    }

    /** The mask in words. */
    @Override
    public String toString() {
      return words;
    }
  }

  /** DL4J's output layers that take any loss. */
  public enum OutputLayers {
    /** For matrices, with weights of its own. */
    OUTPUT("OutputLayer"),
    /** For matrices. */
    LOSS("LossLayer"),
    /** For sequences, with weights of its own. */
    RNN_OUTPUT("RnnOutputLayer"),
    /** For sequences. */
    RNN_LOSS("RnnLossLayer"),
    /** For images. */
    CNN_LOSS("CnnLossLayer"),
    /** For volumes. */
    CNN_3D_LOSS("Cnn3DLossLayer");

    private final String className;

    OutputLayers(String className) {
      this.className = className;
    }

    /** The name that the layer has in DL4J. */
    @Override
    public String toString() {
      return className;
    }
  }

  static final List<Definition<LossSubject>> DEFINITIONS =
      Stream.of(
              LossChecks.CHECKS,
              LossInputs.CHECKS,
              LossRefusals.CHECKS,
              LossMasks.CHECKS,
              LossPersistence.CHECKS,
              LossOutputLayers.CHECKS)
          .flatMap(List::stream)
          .toList();

  private final Supplier<? extends ILossFunction> loss;
  private final List<LabelSource> labels = new ArrayList<>();
  private final Map<String, LabelSource> refusedLabels = new LinkedHashMap<>();
  private final Set<Masks> masks = EnumSet.noneOf(Masks.class);
  private final Set<Masks> refusedMasks = EnumSet.noneOf(Masks.class);
  private Set<OutputLayers> outputLayers = EnumSet.allOf(OutputLayers.class);
  private IActivation activation = new ActivationIdentity();
  private int classes = 3;
  private boolean shiftInvariant;

  private LossConformance(Supplier<? extends ILossFunction> loss) {
    this.loss = loss;
  }

  /**
   * Starts with the loss to check.
   *
   * @param loss makes a new, equal loss on each call
   * @return the kit; {@link #labels} has to follow
   */
  public static LossConformance of(Supplier<? extends ILossFunction> loss) {
    return new LossConformance(required(loss, "loss"));
  }

  /**
   * Sets the width of the logits. Default: 3.
   *
   * @param classes 1 or more
   * @return this
   * @throws IllegalArgumentException if it is less than 1
   */
  public LossConformance classes(int classes) {
    if (classes < 1) {
      throw new IllegalArgumentException("classes (%d) must be at least 1".formatted(classes));
    }
    this.classes = classes;
    return this;
  }

  /**
   * Declares what labels look like; each kind is checked.
   *
   * @param labels {@link Labels} or makers of others
   * @return this
   */
  public LossConformance labels(LabelSource... labels) {
    for (LabelSource each : labels) {
      this.labels.add(required(each, "labels"));
    }
    return this;
  }

  /**
   * Declares labels that the loss refuses, by an exception from each of its methods.
   *
   * @param what what is wrong with them, such as {@code "index 99"}
   * @param labels makes labels of which at least one is wrong
   * @return this
   */
  public LossConformance refusesLabels(String what, LabelSource labels) {
    refusedLabels.put(required(what, "what"), required(labels, "labels"));
    return this;
  }

  /**
   * Sets the activation of the output layer. Default: identity.
   *
   * @param activation what the loss is handed with the logits
   * @return this
   */
  public LossConformance activation(IActivation activation) {
    this.activation = required(activation, "activation");
    return this;
  }

  /**
   * Declares that a number added to all logits of an example changes nothing, as with softmax.
   *
   * @return this
   */
  public LossConformance shiftInvariant() {
    shiftInvariant = true;
    return this;
  }

  /**
   * Declares the masks that the loss takes. Those that are neither taken nor refused are not
   * checked.
   *
   * <p>DL4J's OutputLayer and RnnOutputLayer multiply the logits by the mask before the loss sees
   * them, so a loss that takes {@link Masks#WEIGHTS} fails behind these.
   *
   * @param masks what is checked to be right
   * @return this
   * @throws IllegalArgumentException if one is declared to be refused
   */
  public LossConformance masks(Masks... masks) {
    return declare(this.masks, refusedMasks, masks);
  }

  /**
   * Declares the masks that the loss refuses.
   *
   * @param masks what is checked to end in an exception
   * @return this
   * @throws IllegalArgumentException if one is declared to be taken
   */
  public LossConformance refusesMasks(Masks... masks) {
    return declare(refusedMasks, this.masks, masks);
  }

  private LossConformance declare(Set<Masks> to, Set<Masks> other, Masks... masks) {
    for (Masks mask : masks) {
      if (other.contains(mask)) {
        throw new IllegalArgumentException(
            "masks (%s) must be either taken or refused, not both".formatted(mask.name()));
      }
      to.add(mask);
    }
    return this;
  }

  /**
   * Declares which of DL4J's output layers the loss is for. Default: all.
   *
   * @param layers none or more
   * @return this
   */
  public LossConformance outputLayers(OutputLayers... layers) {
    outputLayers = EnumSet.noneOf(OutputLayers.class);
    outputLayers.addAll(Arrays.asList(layers));
    return this;
  }

  @Override
  List<Check> bind(long seed, Map<String, String> expectedFailures) {
    if (labels.isEmpty()) {
      throw new IllegalStateException("labels must be set, by .labels(LabelSource...)");
    }
    LossSubject subject =
        new LossSubject(
            loss,
            classes,
            labels,
            refusedLabels,
            activation,
            shiftInvariant,
            masks,
            refusedMasks,
            outputLayers);
    return bind(DEFINITIONS, subject, seed, expectedFailures);
  }

  @Override
  List<String> names() {
    return DEFINITIONS.stream().map(Definition::name).toList();
  }

  @Override
  String subject() {
    return nameOf(loss.get());
  }
}
