package org.backpropninja.check;

import java.util.List;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Bugs for the checks of workspaces in the family {@code contract}. */
final class PlantedWorkspaces {

  private PlantedWorkspaces() {}

  static List<Planted> all() {
    return List.of(
        Planted.in(
            "contract.workspaces",
            "the output is in no workspace",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
                    return out;
                  }
                }),
        Planted.in(
            "contract.workspaces",
            "the output is in whatever workspace is open",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
                    return out.dup('c');
                  }
                }),
        Planted.in(
            "contract.workspaces",
            "in inference the output is in the workspace for working memory",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
                    return statesAreNew
                        ? super.out(out, workspaces)
                        : workspaces.dup(ArrayType.FF_WORKING_MEM, out, 'c');
                  }
                }),
        Planted.in(
            "contract.workspaces",
            "the error that is passed down is in the workspace for activations",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray down(INDArray dx, LayerWorkspaceMgr workspaces) {
                    return workspaces.dup(ArrayType.ACTIVATIONS, dx, 'c');
                  }
                }),
        Planted.in(
            "contract.workspaces",
            "what the backward pass needs is in working memory of the forward pass",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
                    y = workspaces.dup(ArrayType.FF_WORKING_MEM, y, 'c');
                    return super.out(out, workspaces);
                  }
                }),
        Planted.in(
            "contract.workspaces",
            "the gradient that is returned is in working memory",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public Pair<Gradient, INDArray> backpropGradient(
                      INDArray dy, LayerWorkspaceMgr workspaces) {
                    Pair<Gradient, INDArray> pair = super.backpropGradient(dy, workspaces);
                    INDArray dw = pair.getFirst().getGradientFor("W");
                    INDArray copy = workspaces.dup(ArrayType.BP_WORKING_MEM, dw, 'f');
                    pair.getFirst().setGradientFor("W", copy);
                    return pair;
                  }
                }),
        Planted.in(
            "contract.workspaces",
            "a workspace is opened and never closed",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
                    workspaces.notifyScopeEntered(ArrayType.RNN_FF_LOOP_WORKING_MEM);
                    return super.out(out, workspaces);
                  }
                }),
        Planted.in(
            "contract.workspaceModes",
            "the mean of the last minibatch is kept in the workspace for activations",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray last;

                  @Override
                  INDArray forward() {
                    if (last != null) {
                      x.subiRowVector(last);
                    }
                    return super.forward();
                  }

                  @Override
                  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
                    last = workspaces.dup(ArrayType.ACTIVATIONS, x.mean(true, 0).muli(0.1));
                    return super.out(out, workspaces);
                  }
                }));
  }
}
