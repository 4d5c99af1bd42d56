package org.backpropninja.training;

import org.backpropninja.internal.NdMatrix;
import org.backpropninja.math.GradientDescent;
import org.deeplearning4j.optimize.api.StepFunction;
import org.deeplearning4j.optimize.solvers.accumulation.GradientsAccumulator;
import org.deeplearning4j.optimize.solvers.accumulation.IndexedTail;
import org.deeplearning4j.optimize.stepfunctions.NegativeGradientStepFunction;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Subtracts the update from the parameters where they lie.
 *
 * <p>DL4J's step function does it by an ND4J operation, and cannot be replaced; but DL4J leaves the
 * step to an accumulator, which is there to exchange updates between workers, where there is one.
 * This one exchanges nothing, so DL4J's warning not to set one on a network that trains alone does
 * not hold for it.
 */
final class StepInPlace implements GradientsAccumulator {

  private static final long serialVersionUID = 1;

  private transient GradientDescent descent; // null until it is needed

  @Override
  public void applyUpdate(
      StepFunction function, INDArray params, INDArray updates, boolean isFinalStep) {
    if (function instanceof NegativeGradientStepFunction
        && NdMatrix.reaches(params)
        && NdMatrix.reaches(updates)
        && params.dataType() == updates.dataType()
        && NdMatrix.of(params).isOfShape(NdMatrix.of(updates))) {
      NdMatrix parameters = NdMatrix.of(params);
      if (descent == null || descent.precision() != parameters.precision()) {
        descent = new GradientDescent(parameters.precision());
      }
      descent.step(parameters, NdMatrix.of(updates), 0, parameters.length());
    } else {
      function.step(params, updates);
    }
  }

  @Override
  public void applyUpdate(StepFunction function, INDArray params, INDArray updates, double alpha) {
    function.step(params, updates, alpha);
  }

  @Override
  public boolean hasAnything() {
    return false;
  }

  @Override
  public void storeUpdate(INDArray array, int iterationNumber, int epochNumber) {}

  @Override
  public void receiveUpdate(INDArray array) {}

  @Override
  public void setExternalSource(IndexedTail source) {}

  @Override
  public IndexedTail getExternalSource() {
    return null;
  }

  @Override
  public void markExternalUpdates(boolean updatesAvailable) {}

  @Override
  public void reset() {}

  @Override
  public void touch() {}
}
