package org.backpropninja.layers;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import org.backpropninja.internal.Pass;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The runtime of {@link EmbeddingConcat}. */
final class EmbeddingConcatLayer extends HandWrittenLayer<EmbeddingConcat> {

  private final int V;
  private final int T;
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
        throw refusal(
            "input[%d, %d] must be a whole number from 0 to %d, was %s",
            original(k / T), k % T, V - 1, x[k]);
      }
    }
    return indices;
  }

  /** Indices have no derivative: for a layer below it is 0. */
  @Override
  public void backward(Matrix dembcat, Matrix Xb, Matrix dXb) {
    Matrix dC = gradient(WEIGHT_KEY);
    if (layerConf().isFrozen()) {
      dC.writeRows(new double[0], new int[0], 0);
    } else {
      embedding.backward(dembcat, dC);
      leaveOutPadding(dC);
    }
    if (dXb != null) {
      double[] zeros = new double[T];
      for (int i = 0; i < dXb.rows(); i++) {
        dXb.write(zeros, i * T, T);
      }
    }
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
