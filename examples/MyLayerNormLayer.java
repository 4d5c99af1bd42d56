import static org.nd4j.linalg.ops.transforms.Transforms.sqrt;

import java.util.Arrays;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The forward pass of {@link MyLayerNorm} and, right below it, the way back. */
class MyLayerNormLayer extends BaseLayer<MyLayerNorm> {

  private static final long serialVersionUID = 1;

  // What the way back needs. It is kept in both kinds of passes, because a frozen layer goes back
  // after a pass in inference.
  private INDArray xhat; // [n, H], normalised
  private INDArray rstd; // [n, 1], 1 / standard deviation
  private INDArray gain; // [1, H], with the noise of this step if there is any

  MyLayerNormLayer(NeuralNetConfiguration conf, DataType type) {
    super(conf, type);
  }

  @Override
  @SuppressWarnings("try") // the scope is closed, never named
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
    assertInputSet(false);
    requireShape();
    applyDropOutIfNecessary(training, workspaces);
    INDArray y;
    // What is made in here outlives DL4J's workspaces.
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      LayerWorkspaceMgr nowhere = LayerWorkspaceMgr.noWorkspaces();
      gain = getParamWithNoise(MyLayerNorm.GAIN, training, nowhere).dup();
      INDArray bias = getParamWithNoise(MyLayerNorm.BIAS, training, nowhere);
      INDArray x = input.castTo(dataType);
      INDArray centred = x.subColumnVector(x.mean(true, 1));
      INDArray var = centred.mul(centred).mean(true, 1);
      rstd = sqrt(var.addi(layerConf().getEps()), false).rdivi(1);
      xhat = centred.muliColumnVector(rstd);
      y = masked(xhat.mulRowVector(gain).addiRowVector(bias));
    }
    return workspaces.dup(ArrayType.ACTIVATIONS, y, 'c');
  }

  @Override
  @SuppressWarnings("try") // the scope is closed, never named
  public Pair<Gradient, INDArray> backpropGradient(INDArray dy, LayerWorkspaceMgr workspaces) {
    assertInputSet(true);
    Gradient gradient = new DefaultGradient();
    INDArray dx;
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      INDArray dz = masked(dy.castTo(dataType).dup('c')); // dy itself may be another layer's
      put(gradient, MyLayerNorm.GAIN, dz.mul(xhat).sum(true, 0));
      put(gradient, MyLayerNorm.BIAS, dz.sum(true, 0));
      dx = throughStatistics(dz.muliRowVector(gain)).muliColumnVector(rstd);
    }
    weightNoiseParams.clear(); // or the next step would get this one's
    dx = workspaces.dup(ArrayType.ACTIVATION_GRAD, dx, 'c');
    return new Pair<>(gradient, backpropDropOutIfPresent(dx));
  }

  /** DL4J's updater reads the network's flat array, of which the views are parts. */
  void put(Gradient gradient, String key, INDArray value) {
    gradient.setGradientFor(key, gradientViews.get(key).assign(value));
  }

  /** Every element of an example takes part in its mean and in its variance: two more terms. */
  INDArray throughStatistics(INDArray dxhat) {
    INDArray throughMean = dxhat.mean(true, 1);
    INDArray throughVariance = xhat.mulColumnVector(dxhat.mul(xhat).mean(true, 1));
    return dxhat.subColumnVector(throughMean).subi(throughVariance);
  }

  final INDArray xhat() {
    return xhat;
  }

  /** Zeros in the examples that a mask [n, 1] leaves out. */
  private INDArray masked(INDArray rows) {
    if (maskArray != null) {
      applyMask(rows);
    }
    return rows;
  }

  private void requireShape() {
    long H = layerConf().getNIn();
    if (input.rank() != 2 || input.size(1) != H) {
      throw new DL4JInvalidInputException(
          "input must be [n, %d], was %s: %s"
              .formatted(H, Arrays.toString(input.shape()), layerId()));
    }
  }

  @Override
  public boolean isPretrainLayer() {
    return false;
  }
}
