package org.backpropninja.check;

import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Bugs for the family {@code contract}. */
final class PlantedContract {

  private PlantedContract() {}

  static List<Planted> all() {
    return Stream.of(view(), passes(), calls(), PlantedShapes.all(), PlantedWorkspaces.all())
        .flatMap(List::stream)
        .toList();
  }

  private static List<Planted> view() {
    return List.of(
        Planted.in(
            "contract.gradientView",
            "the gradient of W is a new array, and the view stays empty",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    Pair<Gradient, INDArray> pair = super.backpropGradient(dy, workspaces);
                    pair.getFirst().setGradientFor("W", gradientViews.get("W").dup());
                    gradientViews.get("W").assign(0);
                    return pair;
                  }
                }),
        Planted.in(
            "contract.gradientView",
            "the gradient of b is written, but not returned",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    Pair<Gradient, INDArray> pair = super.backpropGradient(dy, workspaces);
                    pair.getFirst().gradientForVariable().remove("b");
                    return pair;
                  }
                }),
        Planted.in(
            "contract.staleView",
            "the gradient of W is added to the view",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    INDArray before = gradientViews.get("W").dup();
                    Pair<Gradient, INDArray> pair = super.backpropGradient(dy, workspaces);
                    gradientViews.get("W").addi(before);
                    return pair;
                  }
                }),
        Planted.in(
            "contract.staleView",
            "the part of the running state is never written",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    INDArray before = gradientViews.get(Sound.EMA).dup();
                    Pair<Gradient, INDArray> pair = super.backpropGradient(dy, workspaces);
                    gradientViews.get(Sound.EMA).assign(before);
                    return pair;
                  }
                }),
        Planted.in(
            "contract.noAccumulation",
            "the sum for b is kept in a field",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray sum;

                  @Override
                  INDArray db(INDArray dz) {
                    sum = sum == null ? super.db(dz) : sum.add(super.db(dz));
                    return sum;
                  }
                }));
  }

  private static List<Planted> passes() {
    return List.of(
        Planted.in(
            "contract.leavesAlone",
            "the input is centred in place",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray keep(INDArray input) {
                    return super.keep(input.subiRowVector(input.mean(true, 0)));
                  }
                }),
        Planted.in(
            "contract.leavesAlone",
            "the mask is scaled in place",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray mask() {
                    INDArray mask = super.mask();
                    return mask == null ? null : mask.divi(mask.meanNumber());
                  }
                }),
        Planted.in(
            "contract.leavesAlone",
            "the rows of W are normalised in place",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    getParam("W").diviColumnVector(w.norm2(true, 1));
                    return super.forward();
                  }
                }),
        Planted.in(
            "contract.leavesAlone",
            "the running state moves in inference, too",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    moveStates();
                    return super.forward();
                  }
                }),
        Planted.in(
            "contract.leavesAlone",
            "the backward pass changes W in place",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    getParam("W").muli(0.99);
                    return super.dx(dz);
                  }
                }));
  }

  private static List<Planted> calls() {
    return List.of(
        Planted.in(
            "contract.firstCall",
            "a buffer is made by the first training pass only",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray buffer;

                  @Override
                  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
                    if (training) {
                      buffer = getParam("b").dup();
                    }
                    buffer.assign(getParam("b"));
                    return super.activate(training, workspaces);
                  }
                }),
        Planted.in(
            "contract.firstCall",
            "what inference computes from W is kept for good",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray kept;

                  @Override
                  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
                    if (!training && kept == null) {
                      kept = getParam("W").dup();
                    }
                    INDArray current = getParam("W").dup();
                    if (!training) {
                      getParam("W").assign(kept);
                    }
                    INDArray out = super.activate(training, workspaces);
                    getParam("W").assign(current);
                    return out;
                  }
                }),
        Planted.in(
            "contract.backwardAfterInference",
            "only a training pass keeps its output",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
                    INDArray out = super.activate(training, workspaces);
                    y = training ? y : null;
                    return out;
                  }
                }),
        Planted.in(
            "contract.backwardAfterInference",
            "the slope of tanh is left out after inference",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dz(INDArray dy) {
                    return statesAreNew ? super.dz(dy) : dy;
                  }
                }),
        Planted.in(
            "contract.backwardAfterInference",
            "the running state moves in every backward pass",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dz(INDArray dy) {
                    statesAreNew = true;
                    return super.dz(dy);
                  }
                }));
  }
}
