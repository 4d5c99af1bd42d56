package org.backpropninja.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Our matrices are those that ND4J makes, in all that can be asked of them. */
class NewMatrixTest {

  private static final List<DataType> TYPES =
      List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16);

  private static final long[][] SHAPES = {{3, 4}, {4, 3}, {1, 5}, {5, 1}, {1, 1}, {300, 200}};

  static List<DataType> types() {
    return TYPES;
  }

  static Stream<Arguments> typesAndShapes() {
    return TYPES.stream()
        .flatMap(type -> Stream.of(SHAPES).map(shape -> Arguments.of(type, shape)));
  }

  /** Twice: the first time of a shape it is described, the second time that is remembered. */
  @ParameterizedTest
  @MethodSource("typesAndShapes")
  void hasTheDescriptionThatNd4jGives(DataType type, long[] shape) {
    INDArray expected = Nd4j.createUninitialized(type, shape, 'c');
    for (int time = 0; time < 2; time++) {
      INDArray x = NewMatrix.of(type, shape[0], shape[1]);
      assertArrayEquals(expected.shapeInfoJava(), x.shapeInfoJava());
      assertArrayEquals(expected.shapeInfoDataBuffer().asLong(), x.shapeInfoDataBuffer().asLong());
      assertArrayEquals(shape, x.shape());
      assertArrayEquals(expected.stride(), x.stride());
      assertEquals('c', x.ordering());
      assertEquals(type, x.dataType());
      assertEquals(type, x.data().dataType());
      assertEquals(shape[0] * shape[1], x.length());
      assertEquals(shape[0] * shape[1], x.data().length());
      assertFalse(x.isView());
      assertSame(expected.getClass(), x.getClass());
    }
  }

  /** Whole numbers from 1 on, exact in every type. */
  private static INDArray filled(DataType type, long rows, long columns) {
    double[] values = IntStream.rangeClosed(1, (int) (rows * columns)).asDoubleStream().toArray();
    return NewMatrix.of(type, rows, columns)
        .assign(Nd4j.create(values, new long[] {rows, columns}, 'c'));
  }

  @ParameterizedTest
  @MethodSource("types")
  void takesPartInOperations(DataType type) {
    INDArray x = filled(type, 2, 3);
    assertElements(x, 1, 2, 3, 4, 5, 6);
    assertElements(x.add(x), 2, 4, 6, 8, 10, 12);
    assertElements(x.dup(), 1, 2, 3, 4, 5, 6);
    assertElements(x.dup('f'), 1, 2, 3, 4, 5, 6);
    assertElements(x.transpose(), 1, 4, 2, 5, 3, 6);
    assertElements(x.mmul(x.transpose()), 14, 32, 32, 77);
    assertElements(x.sum(0), 5, 7, 9);
    assertElements(x.getColumn(1), 2, 5);
    assertElements(x.castTo(DataType.DOUBLE), 1, 2, 3, 4, 5, 6);
    INDArray reshaped = x.reshape(3, 2);
    assertArrayEquals(new long[] {3, 2}, reshaped.shape());
    assertElements(reshaped, 1, 2, 3, 4, 5, 6);
    reshaped.putScalar(2, 1, 9);
    x.getRow(0).addi(1);
    assertElements(x, 2, 3, 4, 4, 5, 9);
    assertEquals(Nd4j.createFromArray(new double[][] {{2, 3, 4}, {4, 5, 9}}).castTo(type), x);
  }

  private static void assertElements(INDArray x, double... expected) {
    assertArrayEquals(expected, x.dup('c').data().asDouble());
  }

  @ParameterizedTest
  @MethodSource("types")
  void matricesOfAShapeShareNoMemory(DataType type) {
    INDArray a = filled(type, 2, 2);
    INDArray b = NewMatrix.of(type, 2, 2).assign(7);
    INDArray c = NewMatrix.of(type, 2, 2).assign(8);
    assertElements(a, 1, 2, 3, 4);
    assertElements(b, 7, 7, 7, 7);
    b.close(); // frees what is its own only
    assertElements(a, 1, 2, 3, 4);
    assertElements(c, 8, 8, 8, 8);
    assertElements(filled(type, 2, 2), 1, 2, 3, 4);
  }

  @Test
  void aMatrixWithoutRowsIsAsEmptyAsNd4js() {
    INDArray x = NewMatrix.of(DataType.FLOAT, 0, 3);
    INDArray expected = Nd4j.createUninitialized(DataType.FLOAT, new long[] {0, 3}, 'c');
    assertTrue(x.isEmpty());
    assertArrayEquals(expected.shapeInfoJava(), x.shapeInfoJava());
    assertEquals(expected.data() == null, x.data() == null);
    assertEquals(expected, x);
  }

  @Test
  @SuppressWarnings("try") // the workspaces are opened and closed, not used
  void liesInTheWorkspaceOfItsUse() {
    WorkspaceConfiguration configuration =
        WorkspaceConfiguration.builder().initialSize(1 << 16).build();
    LayerWorkspaceMgr workspaces =
        LayerWorkspaceMgr.builder()
            .with(ArrayType.ACTIVATIONS, "NEW_MATRIX_ACTIVATIONS", configuration)
            .with(ArrayType.FF_WORKING_MEM, "NEW_MATRIX_WORKING", configuration)
            .build();
    long[] first = {17, 23}; // described for the first time in a workspace that is destroyed later
    try (MemoryWorkspace activations = workspaces.notifyScopeEntered(ArrayType.ACTIVATIONS)) {
      try (MemoryWorkspace working = workspaces.notifyScopeEntered(ArrayType.FF_WORKING_MEM)) {
        INDArray x = of(workspaces, ArrayType.ACTIVATIONS, first);
        assertTrue(x.isAttached());
        assertEquals("NEW_MATRIX_ACTIVATIONS", x.data().getParentWorkspace().getId());
        INDArray y = of(workspaces, ArrayType.FF_WORKING_MEM, first);
        assertEquals("NEW_MATRIX_WORKING", y.data().getParentWorkspace().getId());
        INDArray current = NewMatrix.of(DataType.FLOAT, 17, 23);
        assertEquals("NEW_MATRIX_WORKING", current.data().getParentWorkspace().getId());
      }
    }
    Nd4j.getWorkspaceManager().destroyAllWorkspacesForCurrentThread();
    assertFalse(NewMatrix.of(DataType.FLOAT, 17, 23).isAttached());
    assertFalse(of(LayerWorkspaceMgr.noWorkspaces(), ArrayType.ACTIVATIONS, first).isAttached());
    assertEquals(391 * 392 / 2, filled(DataType.FLOAT, 17, 23).sumNumber().doubleValue());
  }

  private static INDArray of(LayerWorkspaceMgr workspaces, ArrayType use, long... shape) {
    return NewMatrix.of(workspaces, use, DataType.FLOAT, shape[0], shape[1]);
  }

  @Test
  void moreShapesThanAreRemembered() throws ReflectiveOperationException {
    Field field = NewMatrix.class.getDeclaredField("DESCRIPTIONS");
    field.setAccessible(true);
    Map<?, ?> descriptions = (Map<?, ?>) field.get(null);
    try {
      for (int n = 1; n <= 1100; n++) {
        INDArray x = NewMatrix.of(DataType.FLOAT, n, 2).assign(n);
        assertArrayEquals(new long[] {n, 2}, x.shape());
        assertEquals(2.0 * n * n, x.sumNumber().doubleValue());
      }
      assertEquals(1000, descriptions.size());
      assertElements(filled(DataType.FLOAT, 2, 2), 1, 2, 3, 4);
    } finally {
      descriptions.clear(); // or the tests that come next would make theirs in ND4J's way
    }
  }
}
