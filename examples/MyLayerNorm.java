import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Someone's own layer, with DL4J's public API only: each example is normalised by its own mean and
 * variance, then scaled.
 *
 * <pre>y = gain·(x − mean)·(var + ε)^−½ + bias</pre>
 *
 * <p>This is the configuration; {@link MyLayerNormLayer} computes. Shapes: x, y [n, H]; gain, bias
 * [1, H].
 */
public class MyLayerNorm extends FeedForwardLayer {

  private static final long serialVersionUID = 1;

  static final String GAIN = "gain";
  static final String BIAS = "bias";

  private double eps = 1e-5;

  /** DL4J reads configurations from JSON by way of this constructor and the setters. */
  public MyLayerNorm() {
    activationFn = new ActivationIdentity(); // or the layer would take the network's
  }

  public double getEps() {
    return eps;
  }

  public void setEps(double eps) {
    this.eps = eps;
  }

  /** The output is as wide as the input, also after transfer learning has changed that. */
  @Override
  public void setNIn(long nIn) {
    this.nIn = nIn;
    nOut = nIn;
  }

  @Override
  public void setNIn(InputType type, boolean override) {
    super.setNIn(type, override);
    setNIn(nIn);
  }

  @Override
  public org.deeplearning4j.nn.api.Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> listeners,
      int index,
      INDArray params,
      boolean initializeParams,
      DataType type) {
    MyLayerNormLayer layer = runtime(conf, type);
    layer.setListeners(listeners);
    layer.setIndex(index);
    layer.setParamsViewArray(params);
    layer.setParamTable(initializer().init(conf, params, initializeParams));
    layer.setConf(conf);
    return layer;
  }

  MyLayerNormLayer runtime(NeuralNetConfiguration conf, DataType type) {
    return new MyLayerNormLayer(conf, type);
  }

  @Override
  public ParamInitializer initializer() {
    return new Parameters();
  }

  @Override
  public LayerMemoryReport getMemoryReport(InputType type) {
    return new LayerMemoryReport.Builder(layerName, getClass(), type, getOutputType(-1, type))
        .standardMemory(initializer().numParams(this), 0)
        .workingMemory(0, 0, 0, nOut + 1) // the normalised example and its deviation
        .cacheMemory(0, 0)
        .build();
  }

  /** A setting that is left out here is one that DL4J thinks equal after it has been lost. */
  @Override
  public boolean equals(Object other) {
    return super.equals(other) && other instanceof MyLayerNorm o && eps == o.eps;
  }

  @Override
  protected boolean canEqual(Object other) {
    return other != null && other.getClass() == getClass();
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), eps);
  }

  /** Gain and bias, one behind the other in the network's flat array; the gain is a weight. */
  private static final class Parameters implements ParamInitializer {

    @Override
    public long numParams(NeuralNetConfiguration conf) {
      return numParams(conf.getLayer());
    }

    @Override
    public long numParams(Layer layer) {
      return 2 * ((MyLayerNorm) layer).getNIn();
    }

    @Override
    public List<String> paramKeys(Layer layer) {
      return List.of(GAIN, BIAS);
    }

    @Override
    public List<String> weightKeys(Layer layer) {
      return List.of(GAIN);
    }

    @Override
    public List<String> biasKeys(Layer layer) {
      return List.of(BIAS);
    }

    @Override
    public boolean isWeightParam(Layer layer, String key) {
      return GAIN.equals(key);
    }

    @Override
    public boolean isBiasParam(Layer layer, String key) {
      return BIAS.equals(key);
    }

    /** Where parameters are not to be initialised, as in a restored network, they stay. */
    @Override
    public Map<String, INDArray> init(
        NeuralNetConfiguration conf, INDArray params, boolean initializeParams) {
      Map<String, INDArray> views = views(conf, params);
      views.keySet().forEach(conf::addVariable);
      if (initializeParams) {
        views.get(GAIN).assign(1);
        views.get(BIAS).assign(0);
      }
      return views;
    }

    @Override
    public Map<String, INDArray> getGradientsFromFlattened(
        NeuralNetConfiguration conf, INDArray gradients) {
      return views(conf, gradients);
    }

    private static Map<String, INDArray> views(NeuralNetConfiguration conf, INDArray flat) {
      long H = ((MyLayerNorm) conf.getLayer()).getNIn();
      INDArray vector = flat.reshape(flat.length());
      Map<String, INDArray> views = new LinkedHashMap<>(); // in the order of paramKeys
      views.put(GAIN, vector.get(NDArrayIndex.interval(0, H)).reshape(1, H));
      views.put(BIAS, vector.get(NDArrayIndex.interval(H, 2 * H)).reshape(1, H));
      return views;
    }
  }
}
