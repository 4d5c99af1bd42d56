package org.backpropninja.check;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.AllocationPolicy;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.memory.enums.ResetPolicy;
import org.nd4j.linalg.api.memory.enums.SpillPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Calls a layer as DL4J's networks do, with a workspace for each type of array.
 *
 * <p>A workspace that has closed is filled with NaN, as another layer would fill it with its own
 * numbers.
 */
final class Workspaces implements AutoCloseable {

  private static final String NAME = "conformance ";

  /** Such as DL4J's networks have. */
  private static final WorkspaceConfiguration CONFIGURATION =
      WorkspaceConfiguration.builder()
          .initialSize(0)
          .overallocationLimit(0.05)
          .policyLearning(LearningPolicy.FIRST_LOOP)
          .policyReset(ResetPolicy.BLOCK_LEFT)
          .policySpill(SpillPolicy.REALLOCATE)
          .policyAllocation(AllocationPolicy.OVERALLOCATE)
          .build();

  private final Trial trial;
  private final LayerWorkspaceMgr manager;
  private final LayerWorkspaceMgr last; // for the last layer of a network, whose output is detached
  private final LayerWorkspaceMgr above; // of the layer that the error comes from

  Workspaces(Trial trial) {
    this.trial = trial;
    manager = manager(LayerWorkspaceMgr.builder());
    last = manager(LayerWorkspaceMgr.builder().noWorkspaceFor(ArrayType.ACTIVATIONS));
    above =
        LayerWorkspaceMgr.builder()
            .with(ArrayType.ACTIVATION_GRAD, NAME + "above", CONFIGURATION)
            .defaultNoWorkspace()
            .build();
  }

  private static LayerWorkspaceMgr manager(LayerWorkspaceMgr.Builder builder) {
    LayerWorkspaceMgr manager = builder.build();
    for (ArrayType type : ArrayType.values()) {
      if (!manager.isScopedOut(type)) {
        manager.setWorkspace(type, NAME + type, CONFIGURATION);
      }
    }
    return manager;
  }

  /**
   * What a training step gives, copied.
   *
   * @param input the error that is passed down, null if there is none
   */
  record Step(INDArray out, Map<String, INDArray> gradients, INDArray input) {

    static Step of(INDArray out, Pair<Gradient, INDArray> back) {
      Map<String, INDArray> gradients = new LinkedHashMap<>();
      back.getFirst().gradientForVariable().forEach((key, g) -> gradients.put(key, copy(g)));
      return new Step(out, gradients, back.getSecond() == null ? null : copy(back.getSecond()));
    }
  }

  /** A training step with workspaces off. */
  Step without(Bare bare, INDArray x, INDArray epsilon) {
    LayerWorkspaceMgr none = LayerWorkspaceMgr.noWorkspaces();
    INDArray out = bare.forward(x.dup(), true, none);
    requireDetached("the output", out);
    requireCurrent(null);
    Pair<Gradient, INDArray> back = bare.backward(epsilon.dup(), none);
    requireCurrent(null);
    if (back.getSecond() != null) {
      requireDetached("the error that is passed down", back.getSecond());
    }
    return Step.of(copy(out), back);
  }

  /** A training step in workspaces. */
  @SuppressWarnings("try") // the scopes are closed, never named
  Step with(Bare bare, INDArray x, INDArray epsilon) {
    Step step;
    try (MemoryWorkspace input = manager.notifyScopeEntered(ArrayType.INPUT);
        MemoryWorkspace activations = manager.notifyScopeEntered(ArrayType.ACTIVATIONS)) {
      INDArray out = forward(bare, x, true, manager);
      requireIn(ArrayType.ACTIVATIONS, "the output", out);
      spoil(ArrayType.FF_WORKING_MEM);
      step = backward(bare, copy(out), epsilon);
    }
    spoil(
        ArrayType.INPUT,
        ArrayType.ACTIVATIONS,
        ArrayType.ACTIVATION_GRAD,
        ArrayType.FF_WORKING_MEM,
        ArrayType.BP_WORKING_MEM);
    return step;
  }

  @SuppressWarnings("try") // the scopes are closed, never named
  private Step backward(Bare bare, INDArray out, INDArray epsilon) {
    try (MemoryWorkspace from = above.notifyScopeEntered(ArrayType.ACTIVATION_GRAD);
        MemoryWorkspace gradients = manager.notifyScopeEntered(ArrayType.ACTIVATION_GRAD);
        MemoryWorkspace forward = manager.notifyScopeEntered(ArrayType.FF_WORKING_MEM);
        MemoryWorkspace working = manager.notifyScopeEntered(ArrayType.BP_WORKING_MEM)) {
      Pair<Gradient, INDArray> back =
          bare.backward(above.dup(ArrayType.ACTIVATION_GRAD, epsilon, 'c'), manager);
      requireCurrent(working);
      if (back.getSecond() != null) {
        requireIn(ArrayType.ACTIVATION_GRAD, "the error that is passed down", back.getSecond());
      }
      back.getFirst()
          .gradientForVariable()
          .forEach((key, gradient) -> requireDetached("the gradient of " + key, gradient));
      return Step.of(out, back);
    }
  }

  /**
   * The output in inference.
   *
   * @param detached whether it is to be in no workspace, as the last of a network is
   */
  @SuppressWarnings("try") // the scopes are closed, never named
  INDArray output(Bare bare, INDArray x, boolean detached) {
    try (MemoryWorkspace input = manager.notifyScopeEntered(ArrayType.INPUT);
        MemoryWorkspace activations = manager.notifyScopeEntered(ArrayType.ACTIVATIONS)) {
      INDArray out = forward(bare, x, false, detached ? last : manager);
      if (detached) {
        requireDetached("the output, for which there is no workspace,", out);
      } else {
        requireIn(ArrayType.ACTIVATIONS, "the output", out);
      }
      return copy(out);
    }
  }

  private INDArray forward(Bare bare, INDArray x, boolean training, LayerWorkspaceMgr to) {
    INDArray given = manager.dup(ArrayType.INPUT, x, 'c');
    try (MemoryWorkspace working = manager.notifyScopeEntered(ArrayType.FF_WORKING_MEM)) {
      INDArray out = bare.forward(given, training, to);
      requireCurrent(working);
      return out;
    }
  }

  private void requireIn(ArrayType type, String what, INDArray array) {
    String name = array.isAttached() ? array.data().getParentWorkspace().getId() : "no workspace";
    trial.require(name.equals(NAME + type), "%s is in %s, not in the one for %s", what, name, type);
  }

  private void requireDetached(String what, INDArray array) {
    trial.require(
        !array.isAttached(),
        "%s is in %s, which closes before it is used",
        what,
        array.isAttached() ? array.data().getParentWorkspace().getId() : "");
  }

  /** Requires that the layer has closed what it opened. */
  private void requireCurrent(MemoryWorkspace expected) {
    MemoryWorkspace current = Nd4j.getMemoryManager().getCurrentWorkspace();
    trial.require(
        current == expected,
        "the layer left a workspace open, or closed one that is not its own: %s",
        current == null ? "none is open" : current.getId() + " is the innermost open one");
  }

  @SuppressWarnings("try") // the scope is closed, never named
  private void spoil(ArrayType... types) {
    for (ArrayType type : types) {
      try (MemoryWorkspace workspace = manager.notifyScopeEntered(type)) {
        long numbers = workspace.getCurrentSize() / Double.BYTES - 64; // for alignment
        if (numbers > 0) {
          Nd4j.createUninitialized(DataType.DOUBLE, numbers).assign(Double.NaN);
        }
      }
    }
  }

  @SuppressWarnings("try") // the scope is closed, never named
  private static INDArray copy(INDArray x) {
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      return x.dup('c');
    }
  }

  /** Closes what is still open, whoever opened it, so that the next check is not hindered. */
  @Override
  public void close() {
    for (MemoryWorkspace each :
        List.copyOf(Nd4j.getWorkspaceManager().getAllWorkspacesForCurrentThread())) {
      if (each.isScopeActive()) {
        each.close();
      }
      if (each.getId().startsWith(NAME)) {
        Nd4j.getWorkspaceManager().destroyWorkspace(each);
      }
    }
    Nd4j.getMemoryManager().setCurrentWorkspace(null);
  }
}
