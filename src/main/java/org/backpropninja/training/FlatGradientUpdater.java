package org.backpropninja.training;

import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.graph.ComputationGraphUpdater;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.api.ConvexOptimizer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * DL4J's updater of a network, without the arrays that it makes anew at every step.
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

  private final InPlaceBlocks blocks;

  /** With the state given, not a copy of it. */
  FlatGradientUpdater(MultiLayerNetwork network, INDArray state) {
    super(network, state);
    blocks = new InPlaceBlocks(this);
  }

  /**
   * Gives a MultiLayerNetwork this updater, with the state of the one that it has.
   *
   * @param network initialised
   * @throws IllegalArgumentException if the network has not been initialised
   */
  public static void install(MultiLayerNetwork network) {
    Initialised.require(network);
    network.setUpdater(new FlatGradientUpdater(network, stateOf(network.getUpdater(false))));
    stepInPlace(network.getOptimizer());
  }

  /**
   * Gives a ComputationGraph such an updater, with the state of the one that it has.
   *
   * @param network initialised
   * @throws IllegalArgumentException if the network has not been initialised
   */
  public static void install(ComputationGraph network) {
    Initialised.require(network);
    network.setUpdater(new OfGraph(network, stateOf(network.getUpdater(false))));
    stepInPlace(network.getOptimizer());
  }

  private static INDArray stateOf(Updater present) {
    return present == null ? null : present.getStateViewArray();
  }

  private static void stepInPlace(ConvexOptimizer optimizer) {
    if (optimizer.getGradientsAccumulator() == null) {
      optimizer.setGradientsAccumulator(new StepInPlace());
    }
  }

  @Override
  public synchronized void update(
      Gradient gradient, int iteration, int epoch, int batchSize, LayerWorkspaceMgr workspaces) {
    if (!blocks.update(gradient, iteration, epoch, batchSize, workspaces)) {
      super.update(blocks.flat(gradient), iteration, epoch, batchSize, workspaces);
    }
  }

  /**
   * Does what {@link #update} does, and takes the step: one pass over the parameters where descent
   * is plain.
   */
  void updateAndStep(Matrix parameters, int iteration, int epoch, int batchSize) {
    if (blocks.arePlain()) {
      blocks.updateAndStep(parameters, iteration, epoch, batchSize);
    } else {
      LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
      update(network.gradient(), iteration, epoch, batchSize, workspaces);
      blocks.step(parameters);
    }
  }

  @Override
  public Updater clone() {
    return new FlatGradientUpdater(network, null);
  }

  /** The same for a graph, whose updater DL4J wants to be of another class. */
  private static final class OfGraph extends ComputationGraphUpdater {

    private final InPlaceBlocks blocks;

    OfGraph(ComputationGraph network, INDArray state) {
      super(network, state);
      blocks = new InPlaceBlocks(this);
    }

    @Override
    public synchronized void update(
        Gradient gradient, int iteration, int epoch, int batchSize, LayerWorkspaceMgr workspaces) {
      if (!blocks.update(gradient, iteration, epoch, batchSize, workspaces)) {
        super.update(blocks.flat(gradient), iteration, epoch, batchSize, workspaces);
      }
    }
  }
}
