package org.backpropninja.check;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.params.DefaultParamInitializer;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * A layer without a fault, which planted bugs start from.
 *
 * <pre>y = tanh(x·W + b),    ema ← 0.9·ema + 0.1·mean(x)</pre>
 *
 * <p>Shapes: x [n, nIn], y [n, nOut]; parameters "W" [nIn, nOut], "b" [1, nOut] and the running
 * state "ema" [1, nIn], which takes no part in y. Masks [n, 1] make rows 0.
 */
public class Sound extends FeedForwardLayer {

  private static final long serialVersionUID = 1;

  static final String EMA = "ema";

  private transient Runtime runtime; // null, as after a way through a file: the sound one

  public Sound() {
    activationFn = new ActivationIdentity();
    nOut = 4;
  }

  Sound(Runtime runtime) {
    this();
    this.runtime = runtime;
  }

  /** Makes the runtime: with a planted bug, a subclass that has it. */
  interface Runtime {
    SoundLayer of(NeuralNetConfiguration conf, DataType type);
  }

  /** The kit for this layer or one that has a planted bug in it. */
  static LayerConformance kit(Supplier<? extends Layer> layer) {
    return LayerConformance.of(layer)
        .input(InputType.feedForward(5))
        .supports(Feature.MASKS)
        .state(EMA, (ema, x) -> ema.mul(0.9).addi(x.mean(true, 0).muli(0.1)));
  }

  static LayerConformance kit() {
    return kit(Sound::new);
  }

  @Override
  public org.deeplearning4j.nn.api.Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> listeners,
      int index,
      INDArray params,
      boolean initializeParams,
      DataType type) {
    SoundLayer runtime = runtime(conf, type);
    runtime.setListeners(listeners);
    runtime.setIndex(index);
    runtime.setParamsViewArray(params);
    runtime.setParamTable(initializer().init(conf, params, initializeParams));
    runtime.setConf(conf);
    return runtime;
  }

  SoundLayer runtime(NeuralNetConfiguration conf, DataType type) {
    return runtime == null ? new SoundLayer(conf, type) : runtime.of(conf, type);
  }

  @Override
  public ParamInitializer initializer() {
    return new Initializer();
  }

  @Override
  public IUpdater getUpdaterByParam(String key) {
    return key.equals(EMA) ? new NoOp() : super.getUpdaterByParam(key);
  }

  @Override
  public List<Regularization> getRegularizationByParam(String key) {
    return key.equals(EMA) ? List.of() : super.getRegularizationByParam(key);
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType type) {
    return new LayerMemoryReport.Builder(layerName, Sound.class, type, getOutputType(-1, type))
        .standardMemory(initializer().numParams(this), 0)
        .workingMemory(0, 0, 0, 0)
        .cacheMemory(0, 0)
        .build();
  }

  @Override
  protected boolean canEqual(Object other) {
    return other != null && other.getClass() == getClass();
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other) && canEqual(other);
  }

  @Override
  public int hashCode() {
    return super.hashCode();
  }

  /** DL4J's W and b, and the state behind them. */
  static class Initializer extends DefaultParamInitializer {

    @Override
    public long numParams(Layer layer) {
      return super.numParams(layer) + ((Sound) layer).getNIn();
    }

    @Override
    public List<String> paramKeys(Layer layer) {
      return List.of("W", "b", EMA);
    }

    @Override
    public Map<String, INDArray> init(
        NeuralNetConfiguration conf, INDArray view, boolean initialize) {
      Map<String, INDArray> table = new LinkedHashMap<>();
      table.put("W", part(conf, view, "W"));
      table.put("b", part(conf, view, "b"));
      table.put(EMA, part(conf, view, EMA));
      if (initialize) {
        fill(conf, table);
      }
      table.keySet().forEach(conf::addVariable);
      return table;
    }

    void fill(NeuralNetConfiguration conf, Map<String, INDArray> table) {
      Sound layer = (Sound) conf.getLayer();
      INDArray w = table.get("W");
      layer
          .getWeightInitFn()
          .init(
              layer.getNIn(),
              layer.getNOut(),
              w.shape(),
              'f',
              w.reshape('f', new long[] {1, w.length()}));
      table.get("b").assign(layer.getBiasInit());
      table.get(EMA).assign(0);
    }

    @Override
    public Map<String, INDArray> getGradientsFromFlattened(
        NeuralNetConfiguration conf, INDArray view) {
      Map<String, INDArray> table = new LinkedHashMap<>();
      for (String key : List.of("W", "b", EMA)) {
        table.put(key, part(conf, view, key));
      }
      return table;
    }

    static INDArray part(NeuralNetConfiguration conf, INDArray view, String key) {
      Sound layer = (Sound) conf.getLayer();
      long in = layer.getNIn();
      long out = layer.getNOut();
      INDArray flat = view.reshape(view.length());
      return switch (key) {
        case "W" -> flat.get(NDArrayIndex.interval(0, in * out)).reshape('f', in, out);
        case "b" -> flat.get(NDArrayIndex.interval(in * out, in * out + out)).reshape('f', 1, out);
        default ->
            flat.get(NDArrayIndex.interval(in * out + out, in * out + out + in))
                .reshape('f', 1, in);
      };
    }
  }
}
