package org.backpropninja.check;

import java.util.Collection;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.params.DefaultParamInitializer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The layer below the one under check: a dense layer at each position, of any rank and format.
 *
 * <pre>y = x·W + b</pre>
 *
 * <p>It is square unless told otherwise, and takes no part in masks. DL4J's dense layer takes
 * matrices only, and its gradient is wrong where its input is changed in place.
 */
final class Below extends FeedForwardLayer {

  private static final long serialVersionUID = 1;

  @JsonProperty private int channelAxis = 1;

  Below() {
    activationFn = new ActivationIdentity();
  }

  @Override
  public void setNIn(InputType type, boolean override) {
    channelAxis = LayerSubject.channelAxis(type);
    nIn = type.getShape(true)[channelAxis];
    nOut = nOut == 0 ? nIn : nOut;
  }

  @Override
  public InputType getOutputType(int index, InputType type) {
    return nOut == nIn ? type : Shapes.withChannels(type, nOut);
  }

  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType type) {
    return null;
  }

  @Override
  public ParamInitializer initializer() {
    return DefaultParamInitializer.getInstance();
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType type) {
    return new LayerMemoryReport.Builder(layerName, Below.class, type, type)
        .standardMemory(initializer().numParams(this), 0)
        .workingMemory(0, 0, 0, 0)
        .cacheMemory(0, 0)
        .build();
  }

  @Override
  public org.deeplearning4j.nn.api.Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> listeners,
      int index,
      INDArray params,
      boolean initializeParams,
      DataType type) {
    Runtime runtime = new Runtime(conf, type);
    runtime.setListeners(listeners);
    runtime.setIndex(index);
    runtime.setParamsViewArray(params);
    runtime.setParamTable(initializer().init(conf, params, initializeParams));
    runtime.setConf(conf);
    return runtime;
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other) && other instanceof Below o && channelAxis == o.channelAxis;
  }

  @Override
  public int hashCode() {
    return 31 * super.hashCode() + channelAxis;
  }

  /** Keeps a copy of its input, because another layer may change that. */
  private static final class Runtime extends BaseLayer<Below> {

    private static final long serialVersionUID = 1;

    private INDArray rows; // [n·positions, channels]

    Runtime(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    @SuppressWarnings("try") // the scope is closed, never named
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
      INDArray x = input;
      INDArray y;
      try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
        rows = rows(x);
        y = back(rows.mmul(params.get("W")).addiRowVector(params.get("b")), x.shape());
      }
      return workspaces.dup(ArrayType.ACTIVATIONS, y, 'c');
    }

    @Override
    @SuppressWarnings("try") // the scope is closed, never named
    public Pair<Gradient, INDArray> backpropGradient(INDArray dy, LayerWorkspaceMgr workspaces) {
      INDArray dx;
      Gradient gradient = new DefaultGradient();
      try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
        INDArray dyRows = rows(dy);
        gradient.setGradientFor("W", gradientViews.get("W").assign(rows.transpose().mmul(dyRows)));
        gradient.setGradientFor("b", gradientViews.get("b").assign(dyRows.sum(true, 0)));
        dx = back(dyRows.mmul(params.get("W").transpose()), dy.shape());
      }
      return new Pair<>(gradient, workspaces.dup(ArrayType.ACTIVATION_GRAD, dx, 'c'));
    }

    @Override
    public boolean isPretrainLayer() {
      return false;
    }

    private INDArray rows(INDArray x) {
      int axis = layerConf().channelAxis;
      return x.permute(channelsTo(x.rank() - 1, axis, x.rank()))
          .dup('c')
          .reshape('c', -1, x.size(axis));
    }

    private INDArray back(INDArray rows, long[] shape) {
      int axis = layerConf().channelAxis;
      int[] order = channelsTo(shape.length - 1, axis, shape.length);
      long[] last = IntStream.of(order).mapToLong(each -> shape[each]).toArray();
      last[last.length - 1] = rows.columns();
      return rows.dup('c')
          .reshape('c', last)
          .permute(channelsTo(axis, shape.length - 1, shape.length));
    }

    /** The order of axes in which the one at {@code from} comes to {@code to}. */
    private static int[] channelsTo(int to, int from, int rank) {
      return IntStream.range(0, rank)
          .map(
              k ->
                  k == to
                      ? from
                      : from > to
                          ? (k > to && k <= from ? k - 1 : k)
                          : (k >= from && k < to ? k + 1 : k))
          .toArray();
    }
  }
}
