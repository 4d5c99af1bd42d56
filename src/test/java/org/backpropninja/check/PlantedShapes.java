package org.backpropninja.check;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.EmbeddingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Bugs for the checks of sizes, shapes and first values in the family {@code contract}. */
final class PlantedShapes {

  private PlantedShapes() {}

  static List<Planted> all() {
    return Stream.of(parameters(), firstValues(), output(), input()).flatMap(List::stream).toList();
  }

  private static List<Planted> parameters() {
    return List.of(
        initializedBy(
            "contract.numParams",
            "numParams counts the running state twice",
            () ->
                new Sound.Initializer() {
                  @Override
                  public long numParams(Layer layer) {
                    return super.numParams(layer) + ((Sound) layer).getNIn();
                  }
                }),
        initializedBy(
            "contract.numParams",
            "paramKeys forgets the running state",
            () ->
                new Sound.Initializer() {
                  @Override
                  public List<String> paramKeys(Layer layer) {
                    return List.of("W", "b");
                  }
                }),
        initializedBy(
            "contract.numParams",
            "W is among the biases, too",
            () ->
                new Sound.Initializer() {
                  @Override
                  public List<String> biasKeys(Layer layer) {
                    return List.of("W", "b");
                  }
                }),
        initializedBy(
            "contract.numParams",
            "the parameters are listed in another order than they lie in",
            () ->
                new Sound.Initializer() {
                  @Override
                  public Map<String, INDArray> init(
                      NeuralNetConfiguration conf, INDArray view, boolean initialize) {
                    Map<String, INDArray> table = new LinkedHashMap<>();
                    Map<String, INDArray> right = super.init(conf, view, initialize);
                    List.of("b", "W", Sound.EMA).forEach(key -> table.put(key, right.get(key)));
                    return table;
                  }
                }));
  }

  private static List<Planted> firstValues() {
    return List.of(
        initializedBy(
            "contract.initialisation",
            "W is drawn from a generator without a seed",
            () ->
                new Sound.Initializer() {
                  @Override
                  void fill(NeuralNetConfiguration conf, Map<String, INDArray> table) {
                    super.fill(conf, table);
                    INDArray w = table.get("W");
                    w.assign(LayerSubject.normal(new Random(), w.shape()));
                  }
                }),
        initializedBy(
            "contract.initialisation",
            "init overwrites the parameters that it is given",
            () ->
                new Sound.Initializer() {
                  @Override
                  public Map<String, INDArray> init(
                      NeuralNetConfiguration conf, INDArray view, boolean initialize) {
                    return super.init(conf, view, true);
                  }
                }),
        initializedBy(
            "contract.initialisation",
            "init sets the running state back, whatever it is given",
            () ->
                new Sound.Initializer() {
                  @Override
                  public Map<String, INDArray> init(
                      NeuralNetConfiguration conf, INDArray view, boolean initialize) {
                    Map<String, INDArray> table = super.init(conf, view, initialize);
                    table.get(Sound.EMA).assign(0);
                    return table;
                  }
                }));
  }

  private static List<Planted> output() {
    return List.of(
        of(
            "contract.outputShape",
            "getOutputType says what the input is",
            () ->
                new Sound() {
                  @Override
                  public InputType getOutputType(int index, InputType type) {
                    return type;
                  }
                }),
        of(
            "contract.outputShape",
            "getOutputType changes the sizes of the layer",
            () ->
                new Sound() {
                  @Override
                  public InputType getOutputType(int index, InputType type) {
                    setNIn(type, true);
                    return super.getOutputType(index, type);
                  }
                }),
        Planted.in(
            "contract.outputShape",
            "a single example comes out as a vector",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    INDArray out = super.forward();
                    return out.rows() == 1 ? out.reshape(out.length()) : out;
                  }
                }));
  }

  private static List<Planted> input() {
    return List.of(
        Planted.in(
            "contract.badShapes",
            "the shape is not checked, and ND4J's exception does not name the layer",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void requireShape(INDArray input) {
                    // left to mmul
                  }
                }),
        Planted.in(
            "contract.badShapes",
            "columns too many are left out",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void requireShape(INDArray input) {
                    if (input.rank() == 2 && input.columns() > layerConf().getNIn()) {
                      this.input =
                          input.get(
                              NDArrayIndex.all(), NDArrayIndex.interval(0, layerConf().getNIn()));
                    } else {
                      super.requireShape(input);
                    }
                  }
                }),
        Planted.in(
            "contract.badShapes",
            "the last axis of what has three is summed",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void requireShape(INDArray input) {
                    this.input = input.rank() == 3 ? input.sum(2) : input;
                    super.requireShape(this.input);
                  }
                }),
        Planted.in(
            "contract.badShapes",
            "a refused input has changed the bias",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void requireShape(INDArray input) {
                    try {
                      super.requireShape(input);
                    } catch (IllegalArgumentException refusal) {
                      getParam("b").addi(1);
                      throw refusal;
                    }
                  }
                }),
        new Planted(
            "contract.badIndices",
            "DL4J's EmbeddingLayer, which takes 0.5 and NaN for 0",
            () ->
                LayerConformance.of(() -> new EmbeddingLayer.Builder().nIn(6).nOut(4).build())
                    .input(InputType.feedForward(1))
                    .indices(6)));
  }

  private static Planted of(String check, String what, Supplier<Sound> layer) {
    return new Planted(check, what, () -> Sound.kit(layer));
  }

  private static Planted initializedBy(
      String check, String what, Supplier<ParamInitializer> initializer) {
    return of(
        check,
        what,
        () ->
            new Sound() {
              @Override
              public ParamInitializer initializer() {
                return initializer.get();
              }
            });
  }
}
