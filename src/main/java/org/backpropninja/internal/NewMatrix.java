package org.backpropninja.internal;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Makes dense matrices in 'c' order.
 *
 * <p>ND4J describes the shape of each new array anew, in several native calls that cost more than a
 * small matrix's arithmetic. On its CPU backend the description is made once a shape here, and
 * shared by all matrices of it.
 */
public final class NewMatrix {

  /** On another backend the CPU backend's classes need not be there. */
  private static final boolean ON_CPU =
      ClassPath.has("org.nd4j.linalg.cpu.nativecpu.NDArray") && NdMatrix.isHostBackend();

  /** Shapes that are remembered, the first ones; matrices of others are made in ND4J's way. */
  private static final int MOST_SHAPES = 1000;

  private static final Map<Shape, Pair<DataBuffer, long[]>> DESCRIPTIONS =
      new ConcurrentHashMap<>();

  private record Shape(DataType type, long rows, long columns) {}

  private NewMatrix() {}

  /**
   * Makes an uninitialised matrix in a layer's workspace.
   *
   * @param workspaces the layer's
   * @param use what the matrix is for
   * @param type of its elements
   * @param rows how many
   * @param columns how many
   * @return [rows, columns]
   */
  @SuppressWarnings("try") // the workspace is closed, never named
  public static INDArray of(
      LayerWorkspaceMgr workspaces, ArrayType use, DataType type, long rows, long columns) {
    try (MemoryWorkspace ignored = workspaces.notifyScopeBorrowed(use)) {
      return of(type, rows, columns);
    }
  }

  /**
   * Makes an uninitialised matrix in the current workspace if there is one.
   *
   * @param type of its elements
   * @param rows how many
   * @param columns how many
   * @return [rows, columns]
   */
  public static INDArray of(DataType type, long rows, long columns) {
    Pair<DataBuffer, long[]> description = ON_CPU ? describe(new Shape(type, rows, columns)) : null;
    return description == null
        ? Nd4j.createUninitialized(type, new long[] {rows, columns}, 'c')
        : OnCpu.matrix(type, rows * columns, description);
  }

  private static Pair<DataBuffer, long[]> describe(Shape shape) {
    Pair<DataBuffer, long[]> known = DESCRIPTIONS.get(shape);
    if (known == null && DESCRIPTIONS.size() < MOST_SHAPES) {
      long[] sizes = {shape.rows(), shape.columns()};
      known = Nd4j.getShapeInfoProvider().createShapeInformation(sizes, 'c', shape.type());
      DESCRIPTIONS.put(shape, known);
    }
    return known;
  }
}
