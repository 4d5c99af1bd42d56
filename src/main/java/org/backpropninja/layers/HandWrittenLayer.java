package org.backpropninja.layers;

import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.NdMatrix;
import org.backpropninja.internal.NewMatrix;
import org.backpropninja.internal.Pass;
import org.backpropninja.internal.Stage;
import org.backpropninja.internal.Ways;
import org.backpropninja.math.Cores;
import org.backpropninja.math.FiniteCheck;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A layer at run time, but for its formula: what it refuses, dropout, masks, parameters and
 * gradients as matrices, and DL4J's arrays. A layer adds {@link Stage}'s {@code forward} and, below
 * it, {@code backward}.
 *
 * <p>Examples that a mask leaves out give zeros and get no gradient; the formula never sees them.
 *
 * @param <C> the layer's configuration
 */
abstract class HandWrittenLayer<C extends ManualLayer> extends BaseLayer<C> implements Stage {

  /** Java arrays end at 2³¹ − 1 elements, and a loop over stripes counts one stripe further. */
  private static final int MOST_ELEMENTS = Integer.MAX_VALUE - (1 << 17);

  private final DataType type; // FLOAT or DOUBLE, whatever the network's is
  private final FiniteCheck finite;
  private final Map<String, Matrix> matrices = new HashMap<>(); // of parameters
  private final Map<String, NdArrays.Out> gradients = new HashMap<>();
  private LayerWorkspaceMgr workspaces; // of the pass that is running, null in CompiledNetwork
  private boolean inGraph;

  private Pass pass; // the forward pass that ran last, and what it was given:
  private Matrix x; // the rows that are present
  private boolean[] present; // null for all

  HandWrittenLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    type = NdArrays.workingType(dataType);
    finite = new FiniteCheck(NdArrays.precision(dataType));
  }

  /** Does what every DL4J configuration does with the runtime that it has just made. */
  Layer attach(
      Collection<TrainingListener> listeners, int index, INDArray params, boolean initialise) {
    inGraph = listeners == null; // a MultiLayerNetwork hands over its own
    setListeners(listeners);
    setIndex(index);
    setParamsViewArray(params);
    setParamTable(layerConf().initializer().init(conf, params, initialise));
    return this;
  }

  /**
   * In a graph the input's other consumers may read it again on their way back, even those before
   * the last one, so that dropout must not write into it. DL4J gives leave to the last one.
   */
  @Override
  public void allowInputModification(boolean allow) {
    super.allowInputModification(allow && !inGraph);
  }

  /** The factory of the layer's core. */
  final Cores cores() {
    return Ways.cores(layerConf().getBackward(), dataType);
  }

  /** FLOAT or DOUBLE: the type of all matrices. */
  final DataType matrixType() {
    return type;
  }

  @Override
  public int inputs() {
    return (int) layerConf().getNIn();
  }

  @Override
  public int outputs() {
    return (int) layerConf().getNOut();
  }

  /**
   * Whether the backward pass of a training pass reads x, so that nobody may change it meanwhile. A
   * layer that keeps what it needs saves a copy by saying no.
   */
  boolean readsInputAgain() {
    return true;
  }

  @Override
  public boolean isPretrainLayer() {
    return false;
  }

  // Forward

  @Override
  public final INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    requireMatrix(input);
    applyDropOutIfNecessary(training, workspaceMgr);
    workspaces = workspaceMgr;
    pass = training ? Pass.TRAINING : Pass.INFERENCE;
    int n = (int) input.size(0);
    present = unmaskedRows(n);
    x = present == null ? own(matrix(input)) : Masked.gather(matrix(input), present);
    INDArray out = NewMatrix.of(workspaceMgr, ArrayType.ACTIVATIONS, dataType, n, outputs());
    NdArrays.Out h = NdArrays.out(out);
    if (present == null) {
      forward(x, pass, h.matrix());
    } else {
      Matrix some = x == null ? null : h.matrix().another(x.rows(), outputs());
      if (some != null) {
        forward(x, pass, some);
      }
      Masked.scatter(some, present, h.matrix());
    }
    h.done();
    return out;
  }

  /** The input as a matrix. */
  Matrix matrix(INDArray input) {
    return NdArrays.in(input, type);
  }

  /**
   * In a graph another consumer of the input may change it in place before this layer goes back,
   * and a view of it may have consumers of its own. A MultiLayerNetwork has one consumer for each
   * array.
   */
  private Matrix own(Matrix x) {
    boolean isInputItself = x instanceof NdMatrix m && m.array() == input;
    if (!inGraph || !isInputItself || pass.trains() && !readsInputAgain()) {
      return x;
    }
    Matrix copy =
        NdMatrix.of(NewMatrix.of(workspaces, ArrayType.ACTIVATIONS, type, x.rows(), x.columns()));
    NdArrays.copy(x, copy);
    return copy;
  }

  // Backward

  @Override
  public final Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    int n = (int) input.size(0);
    requireGradient(epsilon, n, outputs());
    workspaces = workspaceMgr;
    INDArray out = NewMatrix.of(workspaceMgr, ArrayType.ACTIVATION_GRAD, dataType, n, inputs());
    NdArrays.Out dx = NdArrays.out(out);
    Matrix dh = NdArrays.in(epsilon, type);
    if (!pass.keeps() && x != null) {
      pass = Pass.INFERENCE_AND_BACK;
      forward(x, pass, dh.another(x.rows(), outputs()));
    }
    if (x == null) {
      gradientViews.values().forEach(view -> view.assign(0));
      Masked.scatter(null, present, dx.matrix());
    } else {
      backward(dh, dx.matrix());
      gradients.values().forEach(NdArrays.Out::done);
    }
    dx.done();
    weightNoiseParams.clear();
    return new Pair<>(gradientOfParameters(), backpropDropOutIfPresent(out));
  }

  private void backward(Matrix dh, Matrix dx) {
    if (present == null) {
      backward(dh, x, dx);
      return;
    }
    Matrix some = dx.another(x.rows(), inputs());
    backward(Masked.gather(dh, present), x, some);
    Masked.scatter(some, present, dx);
  }

  private Gradient gradientOfParameters() {
    Gradient gradient = new DefaultGradient();
    gradientViews.forEach(gradient::setGradientFor);
    return gradient;
  }

  @Override
  public void clear() {
    super.clear();
    x = null;
    present = null;
    workspaces = null;
  }

  // Parameters and their gradients

  /** A parameter, with its noise where it has some. */
  final Matrix parameter(String key) {
    if (layerConf().getWeightNoise() != null && workspaces != null) {
      return NdArrays.in(getParamWithNoise(key, pass.trains(), workspaces), type);
    }
    Matrix known = matrices.get(key);
    INDArray array = getParam(key);
    if (!(known instanceof NdMatrix m && m.array() == array)) {
      known = NdArrays.in(array, type);
      matrices.put(key, known);
    }
    return known;
  }

  /** Replaces a vector of parameters, rounded to the network's type. */
  final void write(double[] values, String key) {
    INDArray array = getParam(key);
    if (parameter(key) instanceof NdMatrix m && m.array() == array) {
      m.write(values, 0, values.length);
    } else {
      NdArrays.assign(values, array);
    }
  }

  /** A copy of a parameter's elements, row by row. */
  final double[] values(String key) {
    Matrix parameter = parameter(key);
    double[] values = new double[parameter.length()];
    parameter.read(0, values.length, values);
    return values;
  }

  /** Where the gradient of a parameter goes: all of it, in every backward pass. */
  final Matrix gradient(String key) {
    NdArrays.Out known = gradients.get(key);
    INDArray view = gradientViews.get(key);
    if (known == null || known.array() != view) {
      known = NdArrays.out(view);
      gradients.put(key, known);
    }
    return known.matrix();
  }

  // Refusals

  /** An exception that starts with the layer's type, position and name. */
  final DL4JInvalidInputException refusal(String message, Object... values) {
    String name = layerConf().getLayerName();
    String layer = layerConf().getClass().getSimpleName() + " (layer " + index;
    return new DL4JInvalidInputException(
        layer + (name == null ? "" : ", \"" + name + "\"") + "): " + message.formatted(values));
  }

  private void requireMatrix(INDArray input) {
    if (input.rank() != 2 || input.size(1) != inputs()) {
      throw refusal(
          "input must be a matrix [n, %d], was rank %d with shape %s",
          inputs(), input.rank(), Arrays.toString(input.shape()));
    }
    long n = input.size(0);
    long width = Math.max(inputs(), outputs());
    if (n * width > MOST_ELEMENTS) {
      throw refusal(
          "a minibatch must hold at most %d elements, was of %d × %d", MOST_ELEMENTS, n, width);
    }
  }

  private void requireGradient(INDArray epsilon, long n, long width) {
    if (epsilon.rank() != 2 || epsilon.size(0) != n || epsilon.size(1) != width) {
      throw refusal(
          "epsilon must be a matrix [%d, %d], as the output, was of shape %s",
          n, width, Arrays.toString(epsilon.shape()));
    }
  }

  final boolean isFinite(Matrix x) {
    return finite.passes(x);
  }

  /** Refuses what is not finite. */
  final void requireFinite(Matrix x) {
    if (isFinite(x)) {
      return;
    }
    int width = x.columns();
    double[] row = new double[width];
    for (int i = 0; i < x.rows(); i++) {
      x.read(i * width, width, row);
      for (int j = 0; j < width; j++) {
        if (!Double.isFinite(row[j])) {
          throw refusal("input[%d, %d] must be a finite number, was %s", example(i), j, row[j]);
        }
      }
    }
  }

  /** The number of an example in the minibatch, from its number among those that are present. */
  final int example(int row) {
    return present == null ? row : Masked.number(present, row);
  }

  /** Whether a mask leaves some examples out. */
  final boolean isMasked() {
    return present != null;
  }

  /** Which rows the mask keeps, null without a mask: those where it is not 0. */
  private boolean[] unmaskedRows(int n) {
    if (maskArray == null) {
      return null;
    }
    if (maskArray.length() != n) {
      throw refusal(
          "mask must hold one value for each of the %d examples, was of shape %s",
          n, Arrays.toString(maskArray.shape()));
    }
    double[] mask = NdArrays.values(maskArray);
    boolean[] kept = new boolean[n];
    for (int i = 0; i < n; i++) {
      kept[i] = mask[i] != 0;
    }
    return kept;
  }
}
