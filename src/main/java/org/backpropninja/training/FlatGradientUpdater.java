package org.backpropninja.training;

import java.util.List;
import java.util.Map;
import org.backpropninja.arrays.InPlace;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.NoOpUpdater;
import org.nd4j.linalg.learning.SgdUpdater;

/**
 * DL4J's updater of a MultiLayerNetwork, without the arrays that it makes anew at every step.
 *
 * <p>What it computes is DL4J's own code and the same to the last bit: every {@code IUpdater},
 * schedule, L1, L2, weight decay and gradient normalisation, and the updater's state, which is
 * saved and restored with the network as ever. But DL4J takes the network's gradient for one that
 * comes from elsewhere, because {@code DefaultGradient.gradient()} returns a reshaped view of it
 * and the updater looks for the very object; it then cuts new views for each parameter and step.
 * Here the updater is handed the object, and takes the way with the views that it made at the
 * start. In FLOAT networks the division by the minibatch, gradient descent and the step, parameters
 * less update, are plain loops.
 *
 * <pre>{@code
 * network.init();
 * FlatGradientUpdater.install(network);
 * network.fit(data);
 * }</pre>
 *
 * <p>It helps a network of any layers. A network that was restored, cloned or cleared, a worker of
 * DL4J's ParallelWrapper, and a network whose learning rate was set anew have DL4J's updater again:
 * install it anew. Source: DL4J 1.0.0-M2.1, {@code BaseMultiLayerUpdater.update}.
 */
public final class FlatGradientUpdater extends MultiLayerUpdater {

  private final MultiLayerNetwork network;
  private final INDArray flattened;

  private FlatGradientUpdater(MultiLayerNetwork network, INDArray state) {
    super(network, state);
    this.network = network;
    flattened = getFlattenedGradientsView();
    updaterBlocks.replaceAll(InPlaceBlock::new);
  }

  /**
   * Gives a network this updater, with the state of the one that it has.
   *
   * @param network initialised
   * @throws IllegalArgumentException if the network has not been initialised
   */
  public static void install(MultiLayerNetwork network) {
    if (!network.isInitCalled()) {
      throw new IllegalArgumentException("network must be initialised: call init() first");
    }
    Updater present = network.getUpdater(false);
    INDArray state = present == null ? null : present.getStateViewArray();
    network.setUpdater(new FlatGradientUpdater(network, state));
    if (network.getOptimizer().getGradientsAccumulator() == null) {
      network.setGradientsAccumulator(new StepInPlace());
    }
  }

  @Override
  public synchronized void update(
      Gradient gradient, int iteration, int epoch, int batchSize, LayerWorkspaceMgr workspaces) {
    boolean own = gradient == network.gradient() && flattened == getFlattenedGradientsView();
    super.update(
        own ? new Flat(gradient, flattened) : gradient, iteration, epoch, batchSize, workspaces);
  }

  @Override
  protected void divideByMinibatch(boolean external, Gradient gradient, int batchSize) {
    if (external || !ownIsDivisible()) {
      super.divideByMinibatch(external, gradient, batchSize);
      return;
    }
    getGradientsForMinibatchDivision().forEach(view -> InPlace.divide(view, batchSize));
  }

  /** DL4J cuts the views that it divides at its first step: from the second on they are there. */
  private boolean ownIsDivisible() {
    return isInitializedMinibatchDivision()
        && getGradientsForMinibatchDivision().stream().allMatch(InPlace::handles);
  }

  @Override
  public Updater clone() {
    return new FlatGradientUpdater(network, null);
  }

  /** A stretch of the parameters with one updater, the cheap ones applied without an operation. */
  private static final class InPlaceBlock extends UpdaterBlock {

    InPlaceBlock(UpdaterBlock dl4j) {
      super(
          dl4j.getParamOffsetStart(),
          dl4j.getParamOffsetEnd(),
          dl4j.getUpdaterViewOffsetStart(),
          dl4j.getUpdaterViewOffsetEnd(),
          dl4j.getLayersAndVariablesInBlock());
      setUpdaterView(dl4j.getUpdaterView());
      setGradientView(dl4j.getGradientView());
      setUpdaterViewRequiresInitialization(dl4j.isUpdaterViewRequiresInitialization());
      setGradientUpdater(dl4j.getGradientUpdater());
    }

    @Override
    public void update(int iteration, int epoch) {
      INDArray gradient = getGradientView();
      if (isRegularised() || !InPlace.handles(gradient)) {
        super.update(iteration, epoch);
      } else if (getGradientUpdater() instanceof SgdUpdater sgd) {
        InPlace.multiply(gradient, sgd.getConfig().getLearningRate(iteration, epoch));
      } else if (!(getGradientUpdater() instanceof NoOpUpdater)) {
        super.update(iteration, epoch);
      }
    }

    private boolean isRegularised() {
      return getLayersAndVariablesInBlock().stream()
          .map(p -> p.getLayer().getConfig().getRegularizationByParam(p.getParamName()))
          .anyMatch(regularisations -> regularisations != null && !regularisations.isEmpty());
    }
  }

  /** The network's gradient, whose flat array is the very object that the updater looks for. */
  private record Flat(Gradient of, INDArray flattened) implements Gradient {

    @Override
    public INDArray gradient() {
      return flattened;
    }

    @Override
    public INDArray gradient(List<String> order) {
      return of.gradient(order);
    }

    @Override
    public Map<String, INDArray> gradientForVariable() {
      return of.gradientForVariable();
    }

    @Override
    public void clear() {
      of.clear();
    }

    @Override
    public INDArray getGradientFor(String variable) {
      return of.getGradientFor(variable);
    }

    @Override
    public INDArray setGradientFor(String variable, INDArray gradient) {
      return of.setGradientFor(variable, gradient);
    }

    @Override
    public INDArray setGradientFor(String variable, INDArray gradient, Character order) {
      return of.setGradientFor(variable, gradient, order);
    }

    @Override
    public Character flatteningOrderForVariable(String variable) {
      return of.flatteningOrderForVariable(variable);
    }
  }
}
