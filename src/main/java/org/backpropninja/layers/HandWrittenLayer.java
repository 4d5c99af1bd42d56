package org.backpropninja.layers;

import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.backpropninja.internal.Layout;
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

  private static final String OTHER_WIDTH =
      "where TransferLearning has changed a layer below, change nIn of this one too, by nInReplace"
          + " or by the setInputTypes of a graph";

  private final DataType type; // FLOAT or DOUBLE, whatever the network's is
  private final FiniteCheck finite;
  private final Map<String, Matrix> matrices = new HashMap<>(); // of parameters
  private final Map<String, NdArrays.Out> gradients = new HashMap<>();
  private LayerWorkspaceMgr workspaces; // of the pass that is running, null in CompiledNetwork
  private boolean inGraph;

  private Pass pass; // the forward pass that ran last, and what it was given:
  private Layout in; // of the input
  private Layout out; // of the output
  private Matrix x; // the rows that are present
  private boolean[] present; // null for all

  HandWrittenLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    type = NdArrays.workingType(dataType);
    finite = new FiniteCheck(NdArrays.precision(dataType));
  }

  /** Does what every DL4J configuration does with the runtime that it has just made. */
  Layer attach(
      Collection<TrainingListener> listeners,
      boolean inGraph,
      int index,
      INDArray params,
      boolean initialise) {
    this.inGraph = inGraph;
    setListeners(listeners);
    setIndex(index);
    setParamsViewArray(params);
    setParamTable(layerConf().initializer().init(conf, params, initialise));
    gradientViews = new HashMap<>(); // until DL4J sets them, which it never does without parameters
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

  /**
   * Whether the formula has products, for which the channels of sequences must be next to each
   * other.
   */
  boolean multiplies() {
    return false;
  }

  /** How the input's elements are rows and columns; what the layer cannot take is refused. */
  Layout layoutOf(INDArray input) {
    int rank = input.rank();
    boolean last = isChannelsLast(input);
    boolean fits = rank >= 2 && rank <= layerConf().highestRank();
    if (!fits || input.size(last ? rank - 1 : 1) != inputs()) {
      throw refusal(
          "input must be %s, was rank %d with shape %s%s",
          layerConf().shapes(inputs()),
          rank,
          Arrays.toString(input.shape()),
          fits ? "; " + wayOut(input, last) : "");
    }
    return Layout.of(input.shape(), last);
  }

  private String wayOut(INDArray input, boolean last) {
    int rank = input.rank();
    boolean isOtherFormat = rank > 2 && input.size(last ? 1 : rank - 1) == inputs();
    return isOtherFormat
        ? "if the channels are its %s axis, set dataFormat".formatted(last ? "second" : "last")
        : OTHER_WIDTH;
  }

  /** Volumes whose format nobody has set tell it by their shape. */
  private boolean isChannelsLast(INDArray input) {
    if (input.rank() != 5 || layerConf().getChannelsLast() != null) {
      return layerConf().isChannelsLast();
    }
    boolean last = input.size(4) == inputs();
    if (last && input.size(1) == inputs()) {
      throw refusal(
          "dataFormat must be set for volumes of shape %s, of which axes 1 and 4 may both be the %d"
              + " channels",
          Arrays.toString(input.shape()), inputs());
    }
    return last;
  }

  /** How the output's elements are rows and columns. */
  Layout outputLayout(Layout input) {
    return input.withColumns(outputs());
  }

  /** What the input is read as. */
  DataType typeOf(INDArray input) {
    return type;
  }

  @Override
  public boolean isPretrainLayer() {
    return false;
  }

  // Forward

  @Override
  public final INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(false);
    in = layoutOf(input);
    out = outputLayout(in);
    requireFewElements();
    applyDropOutIfNecessary(training, workspaceMgr);
    workspaces = workspaceMgr;
    pass = training ? Pass.TRAINING : Pass.INFERENCE;
    present = unmaskedRows();
    x = own(rows(in.in(input, typeOf(input))));
    INDArray activations = out.make(workspaceMgr, ArrayType.ACTIVATIONS, dataType);
    NdArrays.Out h = out.out(activations);
    if (x == null) {
      Masked.scatter(null, present, h.matrix());
    } else {
      Matrix some = room(h.matrix());
      forward(x, pass, some);
      putBack(some, h.matrix());
    }
    h.done();
    return activations;
  }

  /**
   * In a graph another consumer of the input may change it in place before this layer goes back,
   * and a view of it may have consumers of its own. A MultiLayerNetwork has one consumer for each
   * array.
   */
  private Matrix own(Matrix x) {
    boolean isInputItself = isInPlace(x) && in.reaches(input, typeOf(input));
    if (!inGraph || !isInputItself || pass.trains() && !readsInputAgain()) {
      return x;
    }
    Matrix copy =
        NdMatrix.of(
            NewMatrix.of(workspaces, ArrayType.ACTIVATIONS, typeOf(input), x.rows(), x.columns()));
    NdArrays.copy(x, copy);
    return copy;
  }

  // Rows that the formula works on: those that are present, in one piece where it multiplies

  private boolean isInPlace(Matrix all) {
    return present == null && !(multiplies() && !(all instanceof NdMatrix));
  }

  /** The rows of an array; null if none is present. */
  private Matrix rows(Matrix all) {
    if (present != null) {
      return Masked.gather(all, present);
    }
    Matrix some = room(all);
    if (some != all) {
      NdArrays.copy(all, some);
    }
    return some;
  }

  /** Where rows for an array go meanwhile. */
  private Matrix room(Matrix all) {
    if (isInPlace(all)) {
      return all;
    }
    return present == null ? all.another(all.rows(), all.columns()) : Masked.another(all, present);
  }

  private void putBack(Matrix some, Matrix all) {
    if (present != null) {
      Masked.scatter(some, present, all);
    } else if (some != all) {
      NdArrays.copy(some, all);
    }
  }

  // Backward

  @Override
  public final Pair<Gradient, INDArray> backpropGradient(
      INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
    assertInputSet(true);
    requireGradient(epsilon);
    workspaces = workspaceMgr;
    INDArray dinput = in.make(workspaceMgr, ArrayType.ACTIVATION_GRAD, dataType);
    NdArrays.Out dx = in.out(dinput);
    if (x == null) {
      gradientViews.values().forEach(view -> view.assign(0));
      Masked.scatter(null, present, dx.matrix());
    } else {
      Matrix dh = rows(out.in(epsilon, type));
      if (!pass.keeps()) {
        pass = Pass.INFERENCE_AND_BACK;
        forward(x, pass, dh.another(dh.rows(), dh.columns()));
      }
      Matrix some = room(dx.matrix());
      backward(dh, x, some);
      putBack(some, dx.matrix());
      gradients.values().forEach(NdArrays.Out::done);
    }
    dx.done();
    weightNoiseParams.clear();
    return new Pair<>(gradientOfParameters(), backpropDropOutIfPresent(dinput));
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
    in = null;
    out = null;
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

  private void requireFewElements() {
    Layout larger = in.rows() * in.columns() > out.rows() * out.columns() ? in : out;
    if (larger.rows() * larger.columns() > MOST_ELEMENTS) {
      throw refusal(
          "a minibatch must hold at most %d elements, was of %d × %d",
          MOST_ELEMENTS, larger.rows(), larger.columns());
    }
  }

  private void requireGradient(INDArray epsilon) {
    if (!out.fits(epsilon)) {
      throw refusal(
          "epsilon must be of shape %s, as the output, was %s",
          Arrays.toString(out.shape()), Arrays.toString(epsilon.shape()));
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
          throw refusal("input[%s] must be a finite number, was %s", place(i, j, width), row[j]);
        }
      }
    }
  }

  /** The indices of an element of the input, from its place among those that are present. */
  final String place(int row, int column, int width) {
    if (in == null) {
      return row + ", " + column;
    }
    long element = (long) original(row) * width + column;
    return in.place((int) (element / in.columns()), (int) (element % in.columns()));
  }

  /** The number of a row in the minibatch, from its number among those that are present. */
  final int original(int row) {
    return present == null ? row : Masked.number(present, row);
  }

  /** Whether a mask leaves some examples out. */
  final boolean isMasked() {
    return present != null;
  }

  /** Which rows the mask keeps, null without a mask: those where it is not 0. */
  private boolean[] unmaskedRows() {
    if (maskArray == null) {
      return null;
    }
    double[] mask = spread(maskArray, in);
    boolean[] kept = new boolean[mask.length];
    for (int i = 0; i < mask.length; i++) {
      kept[i] = mask[i] != 0;
    }
    return kept;
  }

  /** The mask's value for each row, or for each of its equal parts. */
  double[] spread(INDArray mask, Layout input) {
    double[] rows = input.rowsOf(mask);
    if (rows == null) {
      throw refusal(
          "mask must hold one value for each of the %d examples%s, was of shape %s",
          input.examples(),
          input.positions() > 1 ? " or for each position" : "",
          Arrays.toString(mask.shape()));
    }
    return rows;
  }
}
