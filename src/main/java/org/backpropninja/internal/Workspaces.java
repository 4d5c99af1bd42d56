package org.backpropninja.internal;

import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J's workspaces, whose memory is reused as soon as their scope ends. */
public final class Workspaces {

  private Workspaces() {}

  /**
   * Runs what makes arrays that must outlive the current workspace.
   *
   * @param work makes them in memory of their own
   */
  @SuppressWarnings("try") // the scope is closed, never named
  public static void outside(Runnable work) {
    try (MemoryWorkspace ignored = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      work.run();
    }
  }
}
