package org.backpropninja.check;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Precision;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.Regularization;

/** Bugs for the family {@code training}. */
final class PlantedTraining {

  private PlantedTraining() {}

  static List<Planted> all() {
    return Stream.of(
            fit(),
            constraints(),
            dropout(),
            weightNoise(),
            transfer(),
            overfits(),
            states(),
            statesIn(),
            refusals())
        .flatMap(List::stream)
        .toList();
  }

  private static List<Planted> fit() {
    return List.of(
        new Planted(
            "training.fit",
            "the updater of b is that of the state, so its learning rate is 1",
            () -> Sound.kit(AllOfTheGradient::new)),
        Planted.in(
            "training.fit",
            "the gradient of b is not divided by the minibatch",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public boolean updaterDivideByMinibatch(String key) {
                    return key.equals("W");
                  }
                }));
  }

  /** DL4J's NoOp hands on the gradient as it is. */
  static final class AllOfTheGradient extends Sound {

    private static final long serialVersionUID = 1;

    @Override
    public IUpdater getUpdaterByParam(String key) {
      return key.equals("W") ? super.getUpdaterByParam(key) : new NoOp();
    }
  }

  private static List<Planted> constraints() {
    return List.of(
        Planted.in(
            "training.constraints",
            "constraints are never applied",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public void applyConstraints(int iteration, int epoch) {}
                }),
        Planted.in(
            "training.constraints",
            "constraints are applied at the end of the backward pass too",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    Pair<Gradient, INDArray> gradients = super.backpropGradient(dy, workspaces);
                    applyConstraints(getIterationCount(), getEpochCount());
                    return gradients;
                  }
                }));
  }

  private static List<Planted> dropout() {
    return List.of(
        Planted.in(
            "training.dropout",
            "dropout is ignored",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  protected void applyDropOutIfNecessary(
                      boolean training, LayerWorkspaceMgr workspaces) {}

                  @Override
                  protected INDArray backpropDropOutIfPresent(INDArray dx) {
                    return dx;
                  }
                }),
        Planted.in(
            "training.dropout",
            "dropout is applied in inference",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  protected void applyDropOutIfNecessary(
                      boolean training, LayerWorkspaceMgr workspaces) {
                    super.applyDropOutIfNecessary(true, workspaces);
                  }
                }),
        Planted.in(
            "training.dropout",
            "the error does not go back through dropout",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  protected INDArray backpropDropOutIfPresent(INDArray dx) {
                    return dx;
                  }
                }),
        Planted.in(
            "training.dropout",
            "the backward pass repeats the forward pass, dropout included",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    activate(input, true, workspaces);
                    return super.backpropGradient(dy, workspaces);
                  }
                }),
        Planted.in(
            "training.dropout",
            "dropout is applied in place, whoever reads the input",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  protected void applyDropOutIfNecessary(
                      boolean training, LayerWorkspaceMgr workspaces) {
                    inputModificationAllowed = true;
                    super.applyDropOutIfNecessary(training, workspaces);
                  }
                }));
  }

  private static List<Planted> weightNoise() {
    return List.of(
        Planted.in(
            "training.weightNoise",
            "weight noise is ignored",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  protected INDArray getParamWithNoise(
                      String key, boolean training, LayerWorkspaceMgr workspaces) {
                    return getParam(key);
                  }
                }),
        Planted.in(
            "training.weightNoise",
            "weight noise is drawn in inference",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  protected INDArray getParamWithNoise(
                      String key, boolean training, LayerWorkspaceMgr workspaces) {
                    return super.getParamWithNoise(key, true, workspaces);
                  }
                }),
        Planted.in(
            "training.weightNoise",
            "the error goes back through weights without noise",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    return dz.mmul(getParam("W").transpose());
                  }
                }),
        Planted.in(
            "training.weightNoise",
            "the noise of the first step is kept",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    Map<String, INDArray> kept = new HashMap<>(weightNoiseParams);
                    Pair<Gradient, INDArray> gradients = super.backpropGradient(dy, workspaces);
                    weightNoiseParams.putAll(kept);
                    return gradients;
                  }
                }));
  }

  private static List<Planted> transfer() {
    return List.of(
        new Planted(
            "training.transferLearning",
            "the width stays what it was first set to",
            () -> Sound.kit(FixedWidth::new)),
        Planted.in(
            "training.transferLearning",
            "setParams reads W row by row",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public void setParams(INDArray params) {
                    setParams(params, 'c');
                  }
                }),
        Planted.in(
            "training.transferLearning",
            "the state is moved in inference too, and so in a frozen layer",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    moveStates();
                    return super.forward();
                  }
                }));
  }

  /** Its inputs cannot become more. */
  static final class FixedWidth extends Sound {

    private static final long serialVersionUID = 1;

    @Override
    public void setNIn(long nIn) {
      this.nIn = this.nIn == 0 ? nIn : this.nIn;
    }

    @Override
    public void setNIn(InputType type, boolean override) {
      super.setNIn(type, false);
    }
  }

  private static List<Planted> overfits() {
    return List.of(
        Planted.in(
            "training.overfits",
            "the gradients have the wrong sign",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dz(INDArray dy) {
                    return super.dz(dy).negi();
                  }
                }),
        Planted.in(
            "training.overfits",
            "the output does not depend on the parameters",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    return super.forward().assign(0.5);
                  }
                }));
  }

  private static List<Planted> states() {
    return List.of(
        Planted.in(
            "training.state", "the state is moved by a gradient, as in DL4J", ByGradient::new),
        Planted.in(
            "training.state",
            "the state is moved in the forward pass of training, and so by scoring",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
                    INDArray out = super.activate(training, workspaces);
                    if (training) {
                      moveStates();
                      statesAreNew = false;
                    }
                    return out;
                  }
                }),
        Planted.in(
            "training.state",
            "the state is moved in inference too",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    statesAreNew = false;
                    moveStates();
                    return super.forward();
                  }
                }),
        Planted.in(
            "training.state",
            "the momentum is 0.99 where 0.9 is documented",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void moveStates() {
                    getParam(Sound.EMA).muli(0.99).addi(x.mean(true, 0).muli(0.01));
                  }
                }),
        Planted.in(
            "training.stateStaysFinite",
            "the state is a mean of squares, which leave FLOAT",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void moveStates() {
                    getParam(Sound.EMA).muli(0.9).addi(x.mul(x).mean(true, 0).muli(0.1));
                  }
                }));
  }

  private static List<Planted> statesIn() {
    return List.of(
        new Planted(
            "training.state", "the state is regularised", () -> Sound.kit(Regularised::new)),
        new Planted(
            "training.calibration",
            "layers are calibrated in the order in which the graph was built",
            () ->
                LayerConformance.of(() -> new BatchNormBessel.Builder().build())
                    .input(InputType.feedForward(5))
                    .refuses(Feature.SINGLE_EXAMPLE)
                    .state("mean", (mean, x) -> mean)
                    .state("var", (var, x) -> var)
                    .calibratedBy(PlantedTraining::calibrateAsBuilt)),
        new Planted(
            "training.calibration",
            "nothing is calibrated",
            () -> Sound.kit().calibratedBy((graph, data) -> {})));
  }

  /** Its l2 takes hold of the state. */
  static final class Regularised extends Sound {

    private static final long serialVersionUID = 1;

    @Override
    public List<Regularization> getRegularizationByParam(String key) {
      return regularization;
    }
  }

  /** The way of DL4J's BatchNormalization. */
  static final class ByGradient extends SoundLayer {

    private static final long serialVersionUID = 1;

    ByGradient(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    public boolean updaterDivideByMinibatch(String key) {
      return !key.equals(Sound.EMA);
    }

    @Override
    void moveStates() {
      INDArray ema = getParam(Sound.EMA);
      gradientViews.get(Sound.EMA).assign(ema.sub(x.mean(true, 0)).muli(0.1));
    }
  }

  private static void calibrateAsBuilt(ComputationGraph graph, DataSetIterator data) {
    for (Layer layer : graph.getLayers()) {
      if (layer instanceof Calibratable batchNorm) {
        MomentsAccumulator moments = new MomentsAccumulator(batchNorm.columns(), Precision.DOUBLE);
        batchNorm.observe(moments);
        data.reset();
        data.forEachRemaining(minibatch -> graph.output(minibatch.getFeatures()));
        batchNorm.observe(null);
        batchNorm.adopt(moments.moments());
      }
    }
  }

  private static List<Planted> refusals() {
    return List.of(
        notRefused("training.constraints", Feature.CONSTRAINTS),
        notRefused("training.dropout", Feature.DROPOUT),
        notRefused("training.weightNoise", Feature.WEIGHT_NOISE),
        notRefused("training.transferLearning", Feature.TRANSFER_LEARNING));
  }

  private static Planted notRefused(String check, Feature feature) {
    return new Planted(
        check,
        "%s is declared to be refused, and is not".formatted(feature),
        () -> Sound.kit().refuses(feature));
  }
}
