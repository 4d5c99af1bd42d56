package org.backpropninja.layers;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import java.util.Arrays;
import org.backpropninja.internal.Layout;
import org.backpropninja.internal.Pass;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The runtime of {@link EmbeddingConcat}.
 *
 * <p>A mask may keep single positions: what the core gets is then one index for each row.
 */
final class EmbeddingConcatLayer extends HandWrittenLayer<EmbeddingConcat> {

  private final int V;
  private final int T; // 0 where it may be another in each minibatch
  private final int D;
  private final Cores.Embedding embedding;

  EmbeddingConcatLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    V = (int) layerConf().getNIn();
    T = (int) layerConf().getInputLength();
    D = (int) layerConf().getNOut();
    embedding = cores().embedding(D);
  }

  @Override
  public int inputs() {
    return T;
  }

  @Override
  public int outputs() {
    return T * D;
  }

  /** The positions are the columns, and the axis of one in [n, 1, T] or [n, T, 1] is left over. */
  @Override
  Layout layoutOf(INDArray input) {
    boolean isMatrix = input.rank() == 2;
    boolean isSequence = input.rank() == 3 && (input.size(1) == 1 || input.size(2) == 1);
    if (isMatrix || isSequence) {
      Layout layout = Layout.of(input.shape(), isMatrix || input.size(1) == 1);
      if (T > 0 ? layout.columns() == T : layout.columns() > 0) {
        return layout;
      }
    }
    String length = T > 0 ? T + "" : "T";
    throw refusal(
        "input must be indices [n, %s], [n, 1, %s] or [n, %s, 1], was rank %d with shape %s",
        length, length, length, input.rank(), Arrays.toString(input.shape()));
  }

  @Override
  Layout outputLayout(Layout input) {
    long n = input.examples();
    long length = input.columns();
    if (layerConf().isConcat()) {
      return Layout.of(new long[] {n, length * D}, true);
    }
    boolean last = layerConf().isChannelsLast();
    return Layout.of(last ? new long[] {n, length, D} : new long[] {n, D, length}, last);
  }

  // Masks

  /** A value for each position: parts of the input's rows, and of the output's. */
  @Override
  double[] spread(INDArray mask, Layout input) {
    long[] positions = {input.examples(), input.columns(), 1};
    return super.spread(mask, Layout.of(positions, true));
  }

  /** Vectors side by side have no positions any more that a mask could tell apart. */
  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArray(INDArray mask, MaskState state, int n) {
    Pair<INDArray, MaskState> next = super.feedForwardMaskArray(mask, state, n);
    boolean isConsumed = mask != null && layerConf().isConcat() && mask.length() > mask.size(0);
    return isConsumed ? new Pair<>(null, null) : next;
  }

  @Override
  boolean readsInputAgain() {
    return false;
  }

  /** A dropout set for the whole network passes this layer by: it would drop indices. */
  @Override
  protected void applyDropOutIfNecessary(boolean training, LayerWorkspaceMgr workspaceMgr) {}

  @Override
  protected INDArray backpropDropOutIfPresent(INDArray epsilon) {
    return epsilon;
  }

  /** In double unless they are floats, because a float does not hold every whole number. */
  @Override
  DataType typeOf(INDArray input) {
    return input.dataType() == DataType.FLOAT ? DataType.FLOAT : DataType.DOUBLE;
  }

  @Override
  public void forward(Matrix Xb, Pass pass, Matrix embcat) {
    Matrix C = parameter(WEIGHT_KEY);
    requireVectors(C);
    embedding.forward(C, indices(Xb), embcat);
  }

  private void requireVectors(Matrix C) {
    if (layerConf().getWeightInitFn() instanceof PretrainedVectors vectors
        && vectors.areMissing()) {
      double[] first = new double[1];
      C.read(0, 1, first);
      if (Double.isNaN(first[0])) {
        throw refusal(
            "pretrained vectors must be given again, or the parameters of a saved model: JSON does not hold them");
      }
    }
  }

  /** The indices, checked. */
  private int[] indices(Matrix Xb) {
    double[] x = new double[Xb.length()];
    Xb.read(0, x.length, x);
    int[] indices = new int[x.length];
    for (int k = 0; k < x.length; k++) {
      indices[k] = (int) x[k];
      if (!(x[k] >= 0 && x[k] < V) || x[k] != indices[k]) { // the first also refuses NaN
        int width = Xb.columns();
        throw refusal(
            "input[%s] must be a whole number from 0 to %d, was %s%s",
            place(k / width, k % width, width),
            V - 1,
            x[k],
            x[k] == Math.rint(x[k]) ? "" : "; indices must come from the data, not from a layer");
      }
    }
    return indices;
  }

  /** Indices have no derivative: for a vertex below it is 0. */
  @Override
  public void backward(Matrix dembcat, Matrix Xb, Matrix dXb) {
    Matrix dC = gradient(WEIGHT_KEY);
    if (layerConf().isFrozen()) {
      zero(dC);
    } else {
      embedding.backward(dembcat, dC);
      leaveOutPadding(dC);
    }
    if (dXb != null) {
      zero(dXb);
    }
  }

  private static void zero(Matrix x) {
    x.writeRows(new double[0], new int[0], 0);
  }

  private void leaveOutPadding(Matrix dC) {
    Integer padding = layerConf().getPaddingIndex();
    if (padding != null) {
      dC.write(new double[D], padding * D, D);
    }
  }

  /** No constraint moves a frozen table. */
  @Override
  public void applyConstraints(int iteration, int epoch) {
    if (!layerConf().isFrozen()) {
      super.applyConstraints(iteration, epoch);
    }
  }
}
