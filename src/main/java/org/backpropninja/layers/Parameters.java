package org.backpropninja.layers;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.conf.memory.MemoryReport;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Cuts a layer's stretch of the network's flat parameter and gradient arrays into its {@link
 * Parameter}s.
 */
final class Parameters implements ParamInitializer {

  static final Parameters INSTANCE = new Parameters();

  private Parameters() {}

  private static List<Parameter> list(Layer layer) {
    return ((ManualLayer) layer).parameters();
  }

  @Override
  public long numParams(NeuralNetConfiguration conf) {
    return numParams(conf.getLayer());
  }

  @Override
  public long numParams(Layer layer) {
    return list(layer).stream().mapToLong(Parameter::length).sum();
  }

  @Override
  public List<String> paramKeys(Layer layer) {
    return list(layer).stream().map(Parameter::key).toList();
  }

  @Override
  public List<String> weightKeys(Layer layer) {
    return paramKeys(layer).stream().filter(key -> isWeightParam(layer, key)).toList();
  }

  @Override
  public List<String> biasKeys(Layer layer) {
    return paramKeys(layer).stream().filter(key -> isBiasParam(layer, key)).toList();
  }

  @Override
  public boolean isWeightParam(Layer layer, String key) {
    return WEIGHT_KEY.equals(key);
  }

  @Override
  public boolean isBiasParam(Layer layer, String key) {
    return BIAS_KEY.equals(key);
  }

  @Override
  public Map<String, INDArray> init(
      NeuralNetConfiguration conf, INDArray paramsView, boolean initializeParams) {
    list(conf.getLayer()).forEach(p -> conf.addVariable(p.key()));
    return cut(
        conf.getLayer(),
        paramsView,
        (p, view) -> (initializeParams ? p.initialise() : p.shape()).apply(view));
  }

  @Override
  public Map<String, INDArray> getGradientsFromFlattened(
      NeuralNetConfiguration conf, INDArray gradientView) {
    return cut(conf.getLayer(), gradientView, (p, view) -> p.shape().apply(view));
  }

  /**
   * Counts the parameters, the updater's state and, in training, one more array of the output's
   * size.
   */
  LayerMemoryReport memoryReport(FeedForwardLayer layer, InputType input, InputType output) {
    long updaterState =
        list(layer).stream()
            .mapToLong(p -> layer.getUpdaterByParam(p.key()).stateSize(p.length()))
            .sum();
    return new LayerMemoryReport.Builder(layer.getLayerName(), layer.getClass(), input, output)
        .standardMemory(numParams(layer), updaterState)
        .workingMemory(0, 0, 0, output.arrayElementsPerExample())
        .cacheMemory(MemoryReport.CACHE_MODE_ALL_ZEROS, MemoryReport.CACHE_MODE_ALL_ZEROS)
        .build();
  }

  private interface Shaping {
    INDArray of(Parameter parameter, INDArray flatView);
  }

  private Map<String, INDArray> cut(Layer layer, INDArray flat, Shaping shaping) {
    if (flat == null && list(layer).isEmpty()) {
      return new LinkedHashMap<>(); // DL4J hands no array to a layer without parameters
    }
    if (flat.length() != numParams(layer)) {
      throw new IllegalStateException(
          "view length (%d) must be %d, the number of parameters of %s"
              .formatted(flat.length(), numParams(layer), layer));
    }
    INDArray vector = flat.reshape(flat.length());
    Map<String, INDArray> views = new LinkedHashMap<>();
    long from = 0;
    for (Parameter p : list(layer)) {
      INDArray view = vector.get(NDArrayIndex.interval(from, from + p.length()));
      views.put(p.key(), shaping.of(p, view));
      from += p.length();
    }
    return views;
  }
}
