package org.backpropninja.layers;

import static org.backpropninja.arrays.Crossing.matrix;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import org.backpropninja.Backward;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.NewMatrix;
import org.backpropninja.arrays.RowsOfMatrix;
import org.backpropninja.arrays.Workspaces;
import org.backpropninja.math.Embedding;
import org.backpropninja.stepwise.EmbeddingSteps;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The runtime of {@link EmbeddingConcat}: it works on the rows that a minibatch names, copied out,
 * so that a large vocabulary costs no more than the zeros in its gradient.
 */
final class EmbeddingConcatLayer extends HandWrittenLayer<EmbeddingConcat> {

  private final boolean stepwise;
  private EmbeddingSteps steps; // null unless stepwise
  private int[] rows = {}; // the U rows of the table that the minibatch names, each once
  private int U;

  /** [V]: where a row of the table is among those, plus 1, or 0 if it is not. */
  private int[] placeOf = {};

  private int[] Xb = {}; // [n, T], places among those rows
  private double[] C = {}; // those rows of the table [U, D]
  private double[] dC = {}; // [U, D]
  private double[] embcat = {}; // [n, T·D]

  EmbeddingConcatLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    stepwise = Crossing.way(layerConf().getBackward()) == Backward.STEPWISE;
  }

  @Override
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    requireMatrix(input, layerConf().getInputLength());
    requireFits(input.size(0), input.size(1) * layerConf().getNOut());
    int n = (int) input.size(0);
    int width = (int) (input.size(1) * layerConf().getNOut());
    findRows(Crossing.read(input));
    INDArray table = getParamWithNoise(WEIGHT_KEY, training, workspaceMgr);
    C = atLeast(U * (int) table.size(1), C);
    RowsOfMatrix.read(table, rows, U, C);
    embcat = atLeast(n * width, embcat);
    lookUp(n);
    maskRows(embcat, n, width);
    INDArray out = NewMatrix.of(workspaceMgr, ArrayType.ACTIVATIONS, table.dataType(), n, width);
    Crossing.write(embcat, out);
    return out;
  }

  private void lookUp(int n) {
    int D = (int) layerConf().getNOut();
    if (!stepwise) {
      Embedding.forward(C, Xb, D, embcat);
      return;
    }
    Workspaces.outside(
        () -> {
          INDArray indices = Nd4j.createFromArray(Xb).reshape(n, Xb.length / n);
          steps = EmbeddingSteps.forward(matrix(C, U, D), indices);
          Crossing.read(steps.embcat(), embcat);
        });
  }

  private void sumUp(double[] dembcat, int n, int width) {
    if (!stepwise) {
      Embedding.backward(dembcat, Xb, (int) layerConf().getNOut(), dC);
      return;
    }
    Workspaces.outside(
        () -> {
          Crossing.read(steps.backward(matrix(dembcat, n, width)).dc(), dC);
        });
  }

  /** Numbers the rows that are named in the order in which they come. */
  private void findRows(double[] x) {
    int V = (int) layerConf().getNIn();
    placeOf = placeOf.length == V ? placeOf : new int[V];
    rows = rows.length >= Math.min(V, x.length) ? rows : new int[Math.min(V, x.length)];
    Xb = Xb.length == x.length ? Xb : new int[x.length];
    requireIndices(x, V, unmaskedRows((int) input.size(0)));
    U = 0;
    for (int k = 0; k < x.length; k++) {
      int row = (int) x[k];
      if (placeOf[row] == 0) {
        rows[U++] = row;
        placeOf[row] = U;
      }
      Xb[k] = placeOf[row] - 1;
    }
    for (int k = 0; k < U; k++) {
      placeOf[rows[k]] = 0; // cleared for the next minibatch without touching all V
    }
  }

  /**
   * Refuses what is no index; in rows that the mask leaves out anything may stand, and 0 is put
   * there.
   */
  private void requireIndices(double[] x, int V, boolean[] kept) {
    int T = (int) input.size(1);
    for (int k = 0; k < x.length; k++) {
      if (kept != null && !kept[k / T]) {
        x[k] = 0;
      } else if (!(x[k] >= 0 && x[k] < V) || x[k] != (int) x[k]) { // the first also refuses NaN
        throw refusal(
            "input[%d, %d] must be a whole number from 0 to %d, was %s", k / T, k % T, V - 1, x[k]);
      }
    }
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    int n = (int) epsilon.size(0);
    int width = (int) epsilon.size(1);
    double[] dembcat = embcat; // what was looked up is not needed again
    Crossing.read(epsilon, dembcat);
    maskRows(dembcat, n, width);
    INDArray gradientView = gradientViews.get(WEIGHT_KEY);
    dC = atLeast(U * (int) gradientView.size(1), dC);
    sumUp(dembcat, n, width);
    RowsOfMatrix.write(dC, rows, U, gradientView);
    Gradient gradient = new DefaultGradient();
    gradient.setGradientFor(WEIGHT_KEY, gradientView);
    weightNoiseParams.clear();
    return new Pair<>(gradient, noGradient(n, workspaceMgr));
  }

  /** There is none with respect to indices; for a layer below it is 0. */
  private INDArray noGradient(int n, LayerWorkspaceMgr workspaceMgr) {
    int T = (int) input.size(1);
    INDArray zeros = NewMatrix.of(workspaceMgr, ArrayType.ACTIVATION_GRAD, dataType, n, T);
    Crossing.writeRows(new double[T], zeros);
    return zeros;
  }
}
