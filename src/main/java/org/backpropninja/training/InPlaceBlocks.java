package org.backpropninja.training;

import java.util.List;
import java.util.Map;
import org.backpropninja.internal.NdMatrix;
import org.backpropninja.math.GradientDescent;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.Trainable;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.NoOpUpdater;
import org.nd4j.linalg.learning.SgdUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * The blocks of an updater, working where the network's gradient lies: what the updaters of a
 * MultiLayerNetwork and of a ComputationGraph share.
 */
final class InPlaceBlocks {

  private final BaseMultiLayerUpdater<?> updater;
  private final Model network;
  private final INDArray flattened;
  private final Matrix gradients; // the same, null where ND4J's memory is not reached
  private final GradientDescent descent; // null there too
  private final boolean arePlain;

  /** Puts its blocks in the place of the updater's own, which has been made. */
  InPlaceBlocks(BaseMultiLayerUpdater<?> updater) {
    this.updater = updater;
    network = updater.getNetwork();
    flattened = updater.getFlattenedGradientsView();
    gradients = NdMatrix.reaches(flattened) ? NdMatrix.of(flattened) : null;
    descent = gradients == null ? null : new GradientDescent(gradients.precision());
    updater.getUpdaterBlocks().replaceAll(block -> new InPlaceBlock(block, gradients, descent));
    arePlain = gradients != null && dividesBlocks();
  }

  private boolean dividesBlocks() {
    return updater.getLayersByName().values().stream().noneMatch(InPlaceBlocks::normalises)
        && updater.getUpdaterBlocks().stream()
            .allMatch(block -> ((InPlaceBlock) block).isDividedAsOne());
  }

  private static boolean normalises(Trainable layer) {
    TrainingConfig config = layer.getConfig();
    return config != null
        && config.getGradientNormalization() != null
        && config.getGradientNormalization() != GradientNormalization.None;
  }

  /**
   * Whether the gradient may be divided block by block: where ND4J's memory is reached, no layer
   * normalises or clips gradients after the division, and a block is divided whole or not at all.
   */
  boolean arePlain() {
    return arePlain;
  }

  /** The gradient, with the very array that DL4J's updater looks for if it is the network's. */
  Gradient flat(Gradient gradient) {
    return isNetworks(gradient) ? new Flat(gradient, flattened) : gradient;
  }

  /** Whether it is in the array that the blocks were made for. */
  private boolean isNetworks(Gradient gradient) {
    return gradient == network.gradient() && flattened == updater.getFlattenedGradientsView();
  }

  /**
   * Divides and updates in one pass if nothing lies between the two; false, nothing done, if not.
   */
  boolean update(
      Gradient gradient, int iteration, int epoch, int batchSize, LayerWorkspaceMgr workspaces) {
    if (!arePlain || !isNetworks(gradient)) {
      return false;
    }
    updateAll(iteration, epoch, divisor(batchSize), workspaces);
    return true;
  }

  @SuppressWarnings("try") // the workspace is closed, never named
  private void updateAll(int iteration, int epoch, int divisor, LayerWorkspaceMgr workspaces) {
    for (UpdaterBlock block : updater.getUpdaterBlocks()) {
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

  /** Updates a network whose gradient is plain, and moves the parameters too. */
  void updateAndStep(Matrix parameters, int iteration, int epoch, int batchSize) {
    int divisor = divisor(batchSize);
    for (UpdaterBlock block : updater.getUpdaterBlocks()) {
      ((InPlaceBlock) block).updateAndStep(parameters, iteration, epoch, divisor);
    }
  }

  /** Subtracts the update, which the gradient has become, from all parameters. */
  void step(Matrix parameters) {
    descent.step(parameters, gradients, 0, parameters.length());
  }

  private int divisor(int batchSize) {
    return network.conf().isMiniBatch() ? batchSize : 1;
  }

  /** A stretch of the parameters with one updater, the cheap ones applied without an operation. */
  static final class InPlaceBlock extends UpdaterBlock {

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
