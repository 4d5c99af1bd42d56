package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.deeplearning4j.optimize.stepfunctions.NegativeGradientStepFunction;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Which steps are taken in place, and which are left to DL4J's step function. */
class StepInPlaceTest {

  /** Counts what is left to DL4J's function. */
  static final class CountingStep extends NegativeGradientStepFunction {
    private static final long serialVersionUID = 1;
    int steps;

    @Override
    public void step(INDArray x, INDArray line) {
      steps++;
      super.step(x, line);
    }
  }

  @Test
  void denseFloatsAndDoublesOfOneShapeAreSubtractedInPlace() {
    CountingStep function = new CountingStep();
    StepInPlace accumulator = new StepInPlace();
    INDArray floats = Nd4j.createFromArray(new float[][] {{1, 2, 3}});
    INDArray update = Nd4j.createFromArray(0.5f, 1, 1.5f);
    accumulator.applyUpdate(function, floats, update, false);
    assertEquals(Nd4j.createFromArray(new float[][] {{0.5f, 1, 1.5f}}), floats);
    assertEquals(0, function.steps);

    INDArray doubles = Nd4j.createFromArray(new double[][] {{1, 2, 3}});
    accumulator.applyUpdate(function, doubles, update.castTo(DataType.DOUBLE), false);
    assertEquals(Nd4j.createFromArray(new double[][] {{0.5, 1, 1.5}}), doubles);
    INDArray columnMajor = Nd4j.createFromArray(new double[][] {{1, 2}, {3, 4}}).dup('f');
    INDArray rowMajor = Nd4j.createFromArray(new double[][] {{0.5, 1}, {1.5, 2}});
    accumulator.applyUpdate(function, columnMajor, rowMajor, false);
    assertEquals(rowMajor, columnMajor);
    assertEquals(0, function.steps);
  }

  @Test
  void whatIsLaidOutDifferentlyIsLeftToDl4j() {
    CountingStep function = new CountingStep();
    StepInPlace accumulator = new StepInPlace();
    INDArray update = Nd4j.createFromArray(0.5f, 1, 1.5f);
    INDArray doubles = Nd4j.createFromArray(new double[][] {{0.5, 1, 1.5}});
    accumulator.applyUpdate(function, doubles, update, false); // of another type
    assertEquals(Nd4j.zeros(DataType.DOUBLE, 1, 3), doubles);
    assertEquals(1, function.steps);
    INDArray two = Nd4j.createFromArray(new float[][] {{1, 2, 3}, {4, 5, 6}});
    accumulator.applyUpdate(function, two, update.reshape(1, 3), false);
    assertEquals(Nd4j.createFromArray(new float[][] {{0.5f, 1, 1.5f}, {3.5f, 4, 4.5f}}), two);
    INDArray sparse = Nd4j.createFromArray(new float[][] {{1, 7}, {2, 7}, {3, 7}});
    accumulator.applyUpdate(function, sparse.getColumn(0), update, false);
    assertEquals(Nd4j.createFromArray(new float[][] {{0.5f, 7}, {1, 7}, {1.5f, 7}}), sparse);
    INDArray floats = update.dup();
    accumulator.applyUpdate(function, floats, update, 2.0);
    assertEquals(4, function.steps);
    assertEquals(Nd4j.zeros(DataType.FLOAT, 3), floats);
  }
}
