package org.backpropninja.stepwise;

import java.util.Random;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A step of any size with random numbers; no parameter is 0 and no gain 1, where they would hide
 * mistakes. Nothing here uses ND4J's global random generator.
 */
record RandomStep(StepwiseMlp.Parameters parameters, INDArray xb, INDArray yb) {

  static RandomStep of(int n, int t, int d, int h, int v, DataType type, long seed) {
    Random random = new Random(seed);
    StepwiseMlp.Parameters parameters =
        new StepwiseMlp.Parameters(
            normal(random, type, v, d),
            normal(random, type, t * d, h).muli(5 / (3 * Math.sqrt(t * d))),
            normal(random, type, 1, h).muli(0.1),
            normal(random, type, h, v).muli(1 / Math.sqrt(h)),
            normal(random, type, 1, v).muli(0.1),
            normal(random, type, 1, h).muli(0.1).addi(1),
            normal(random, type, 1, h).muli(0.1));
    return new RandomStep(parameters, indices(random, v, n, t), indices(random, v, n, 1));
  }

  StepwiseMlp forward() {
    return StepwiseMlp.forward(parameters, xb, yb);
  }

  Referee judge() {
    return Referee.judge(parameters, xb, yb);
  }

  static INDArray normal(Random random, DataType type, int rows, int columns) {
    double[] x = new double[rows * columns];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextGaussian();
    }
    return Nd4j.createFromArray(x).reshape(rows, columns).castTo(type);
  }

  static INDArray indices(Random random, int bound, int rows, int columns) {
    return Nd4j.createFromArray(random.ints((long) rows * columns, 0, bound).toArray())
        .reshape(rows, columns);
  }
}
