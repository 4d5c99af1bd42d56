package org.backpropninja.check;

import java.util.List;
import java.util.Random;
import org.backpropninja.check.Rig.Site;
import org.backpropninja.check.Workspaces.Step;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/** Arrays are in the workspaces that DL4J assigns, and nothing is kept in one that was closed. */
final class LayerWorkspaces {

  private static final String WITHOUT = "without workspaces";
  private static final int[] SIZES = {3, 5, 2, 5}; // of the minibatches, one after the other

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.check(
              "contract.workspaces",
              "Each array is in the workspace that the LayerWorkspaceMgr has for it, and none that"
                  + " is kept in one that closes.",
              "an array that is not made by the LayerWorkspaceMgr (create, dup, leverageTo), or"
                  + " made for another ArrayType; or a state that a forward pass moves (see"
                  + " training.state)",
              LayerWorkspaces::places),
          Definition.check(
              "contract.workspaceModes",
              "Training gives the same parameters with workspaces as without.",
              "something is kept from step to step in memory that DL4J uses again",
              LayerWorkspaces::modes));

  private LayerWorkspaces() {}

  private static void modes(LayerSubject subject, Trial trial) {
    for (Site site : List.of(Site.FIRST, Site.GRAPH_FIRST)) {
      Whole with = network(subject, site, WorkspaceMode.ENABLED);
      Whole without = network(subject, site, WorkspaceMode.NONE);
      Whole other = network(subject, site, WorkspaceMode.NONE); // for the shape of the targets
      for (int step = 0; step < SIZES.length; step++) {
        trial.at("%s, step %d, %s", site, step + 1, LayerSubject.examples(SIZES[step]));
        DataSet examples = other.examples(subject, SIZES[step], trial.random(step));
        with.fit(examples);
        without.fit(examples);
        requireSame(trial, with, without, examples.getFeatures());
      }
    }
  }

  private static void requireSame(Trial trial, Whole with, Whole without, INDArray x) {
    if (with.network().numParams() > 0) {
      Same.require(
          trial, "the parameters", with.parameters(), WITHOUT, without.parameters(), Same.ROUNDING);
    }
    INDArray out = with.output(x, false);
    Same.require(trial, "the output", out, WITHOUT, without.output(x, false), Same.ROUNDING);
  }

  private static Whole network(LayerSubject subject, Site site, WorkspaceMode mode) {
    return Whole.of(
        subject,
        site,
        DataType.DOUBLE,
        layer -> layer,
        settings -> settings.trainingWorkspaceMode(mode).inferenceWorkspaceMode(mode));
  }

  private static void places(LayerSubject subject, Trial trial) {
    Bare with = new Bare(subject);
    Bare without = new Bare(subject);
    try (Workspaces workspaces = new Workspaces(trial)) {
      for (int step = 0; step < SIZES.length; step++) {
        Random random = trial.random(step);
        INDArray x = with.input(SIZES[step], random);
        trial.at("step %d, without workspaces", step + 1);
        INDArray out = without.forward(x.dup(), true);
        INDArray epsilon = LayerSubject.normal(random, out.shape());
        Step expected = workspaces.without(without, x, epsilon);
        trial.at("step %d, %s", step + 1, LayerSubject.examples(SIZES[step]));
        requireSame(trial, subject, workspaces.with(with, x, epsilon), expected);
        trial.at("output after step %d", step + 1);
        INDArray inference = without.forward(x.dup(), false);
        for (boolean detached : new boolean[] {false, true}) {
          INDArray got = workspaces.output(with, x, detached);
          Same.require(trial, "the output", got, WITHOUT, inference, Same.ROUNDING);
        }
      }
    }
  }

  private static void requireSame(Trial trial, LayerSubject subject, Step got, Step expected) {
    Same.require(trial, "the output", got.out(), WITHOUT, expected.out(), Same.ROUNDING);
    if (expected.input() != null) {
      trial.require(got.input() != null, "no error is passed down to the input");
      Same.require(trial, "the error", got.input(), WITHOUT, expected.input(), Same.ROUNDING);
    }
    for (String key : subject.trainedKeys()) {
      INDArray gradient = got.gradients().get(key);
      trial.require(gradient != null, "there is no gradient for %s", key);
      Same.require(
          trial,
          "gradient of " + key,
          gradient,
          WITHOUT,
          expected.gradients().get(key),
          Same.ROUNDING);
    }
  }
}
