package org.backpropninja.training;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.backpropninja.internal.NdMatrix;
import org.backpropninja.math.GradientDescent;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.NoOpUpdater;
import org.nd4j.linalg.learning.SgdUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;

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
  private final Matrix gradients; // the same, null where ND4J's memory is not reached
  private final GradientDescent descent; // null there too
  private final boolean isPlain;

  /** With the state given, not a copy of it. */
  FlatGradientUpdater(MultiLayerNetwork network, INDArray state) {
    super(network, state);
    this.network = network;
    flattened = getFlattenedGradientsView();
    gradients = NdMatrix.reaches(flattened) ? NdMatrix.of(flattened) : null;
    descent = gradients == null ? null : new GradientDescent(gradients.precision());
    updaterBlocks.replaceAll(block -> new InPlaceBlock(block, gradients, descent));
    isPlain = isPlain();
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
    if (gradient != network.gradient() || flattened != getFlattenedGradientsView()) {
      super.update(gradient, iteration, epoch, batchSize, workspaces); // DL4J's
    } else if (!isPlain) {
      super.update(new Flat(gradient, flattened), iteration, epoch, batchSize, workspaces);
    } else {
      updateBlocks(iteration, epoch, isMiniBatch() ? batchSize : 1, workspaces);
    }
  }

  /** Nothing lies between division and updater, so that both take one pass. */
  @SuppressWarnings("try") // the workspace is closed, never named
  private void updateBlocks(int iteration, int epoch, int divisor, LayerWorkspaceMgr workspaces) {
    for (UpdaterBlock block : updaterBlocks) {
      if (!block.skipDueToPretrainConfig(false)) {
        try (MemoryWorkspace ignored =
            workspaces.notifyScopeEntered(ArrayType.UPDATER_WORKING_MEM)) {
          if (block instanceof InPlaceBlock inPlace) {
            inPlace.update(iteration, epoch, divisor);
          } else {
            block.update(iteration, epoch);
          }
        }
      }
    }
  }

  /**
   * Does what {@link #update} does, and takes the step: one pass over the parameters where descent
   * is plain.
   */
  void updateAndStep(Matrix parameters, int iteration, int epoch, int batchSize) {
    LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
    if (!isPlain) {
      update(network.gradient(), iteration, epoch, batchSize, workspaces);
      descent.step(parameters, gradients, 0, parameters.length());
      return;
    }
    int divisor = isMiniBatch() ? batchSize : 1;
    for (UpdaterBlock block : updaterBlocks) {
      ((InPlaceBlock) block).updateAndStep(parameters, iteration, epoch, divisor);
    }
  }

  /**
   * Whether the gradient may be divided block by block: where DL4J's memory is reached, no layer
   * normalises or clips gradients after the division, and a block is divided whole or not at all.
   */
  private boolean isPlain() {
    return NdMatrix.reaches(flattened)
        && Arrays.stream(getOrderedLayers()).noneMatch(FlatGradientUpdater::normalises)
        && updaterBlocks.stream().allMatch(block -> ((InPlaceBlock) block).isDividedAsOne());
  }

  private static boolean normalises(Trainable layer) {
    TrainingConfig config = layer.getConfig();
    return config != null
        && config.getGradientNormalization() != null
        && config.getGradientNormalization() != GradientNormalization.None;
  }

  @Override
  public Updater clone() {
    return new FlatGradientUpdater(network, null);
  }

  /** A stretch of the parameters with one updater, the cheap ones applied without an operation. */
  private static final class InPlaceBlock extends UpdaterBlock {

    private final Matrix gradients; // all of the network's, null where memory is not reached
    private final GradientDescent descent;
    private final int first;
    private final int length;
    private final boolean isDivided;
    private final boolean isRegularised;

    InPlaceBlock(UpdaterBlock dl4j, Matrix gradients, GradientDescent descent) {
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
      this.gradients = gradients;
      this.descent = descent;
      first = getParamOffsetStart();
      length = getParamOffsetEnd() - first;
      isDivided = getLayersAndVariablesInBlock().stream().allMatch(InPlaceBlock::isDivided);
      isRegularised = getLayersAndVariablesInBlock().stream().anyMatch(InPlaceBlock::isRegularised);
    }

    private static boolean isDivided(ParamState parameter) {
      return parameter.getLayer().updaterDivideByMinibatch(parameter.getParamName());
    }

    private static boolean isRegularised(ParamState parameter) {
      List<Regularization> all =
          parameter.getLayer().getConfig().getRegularizationByParam(parameter.getParamName());
      return all != null && !all.isEmpty();
    }

    boolean isDividedAsOne() {
      return isDivided
          || getLayersAndVariablesInBlock().stream().noneMatch(InPlaceBlock::isDivided);
    }

    @Override
    public void update(int iteration, int epoch) {
      update(iteration, epoch, 1);
    }

    /** Divides by the minibatch, where that is wanted, and applies the updater. */
    void update(int iteration, int epoch, int divisor) {
      int n = isDivided ? divisor : 1;
      if (isByHand()) {
        descent.update(gradients, first, length, n, rate(iteration, epoch));
        return;
      }
      if (n != 1) {
        descent.update(gradients, first, length, n, 1);
      }
      super.update(iteration, epoch);
    }

    /** Moves the parameters too. */
    void updateAndStep(Matrix parameters, int iteration, int epoch, int divisor) {
      if (isByHand()) {
        int n = isDivided ? divisor : 1;
        descent.updateAndStep(parameters, gradients, first, length, n, rate(iteration, epoch));
      } else {
        update(iteration, epoch, divisor);
        descent.step(parameters, gradients, first, length);
      }
    }

    private boolean isByHand() {
      return gradients != null
          && !isRegularised
          && (getGradientUpdater() instanceof SgdUpdater
              || getGradientUpdater() instanceof NoOpUpdater);
    }

    /** NoOp leaves the gradient as it is, and DL4J subtracts it. */
    private double rate(int iteration, int epoch) {
      return getGradientUpdater() instanceof SgdUpdater sgd
          ? sgd.getConfig().getLearningRate(iteration, epoch)
          : 1;
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
