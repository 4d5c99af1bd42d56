package org.backpropninja.stepwise;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.math.Activation;
import org.backpropninja.math.Cores;
import org.backpropninja.math.FusedCores;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.backpropninja.math.Statistics;
import org.backpropninja.math.Variance;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The same step by the closed forms of math: the loss and the gradients that they have. */
final class FusedStep {

  final Map<String, double[]> gradients = new LinkedHashMap<>();
  final double loss;

  FusedStep(RandomStep step) {
    StepwiseMlp.Parameters p = step.parameters();
    int n = step.xb().rows();
    int D = p.c().columns();
    int[] Xb = integers(step.xb());
    int[] Yb = integers(step.yb());
    int H = p.bngain().columns();
    int V = p.b2().columns();
    int T = Xb.length / n;
    Cores cores = new FusedCores(Precision.DOUBLE);
    Cores.Embedding embedding = cores.embedding(D);
    Cores.Dense hidden = cores.dense(H, Activation.IDENTITY);
    Cores.BatchNorm batchNorm = cores.batchNorm(H, BatchNormSteps.EPS, Activation.TANH);
    Cores.Dense output = cores.dense(V, Activation.IDENTITY);
    Matrix C = matrix(p.c());
    Matrix W1 = matrix(p.w1());
    Matrix W2 = matrix(p.w2());

    Matrix embcat = zeros(n, T * D);
    embedding.forward(C, Xb, embcat);
    Matrix hprebn = zeros(n, H);
    hidden.forward(embcat, W1, matrix(p.b1()), hprebn, true);
    Matrix h = zeros(n, H);
    Statistics statistics = batchNorm.measure(hprebn).statistics(Variance.UNBIASED);
    batchNorm.forward(hprebn, statistics, matrix(p.bngain()), matrix(p.bnbias()), h, true);
    Matrix logits = zeros(n, V);
    output.forward(h, W2, matrix(p.b2()), logits, true);
    double[] mean = DoubleStream.generate(() -> 1.0 / n).limit(n).toArray();
    double[] losses = new double[n];
    Matrix dlogits = gradient("logits", n, V);
    cores.crossEntropy(V).forwardAndBackward(logits, Yb, mean, losses, dlogits);
    loss = DoubleStream.of(losses).sum();

    Matrix dh = gradient("h", n, H);
    output.backward(dlogits, h, W2, dh, gradient("W2", H, V), gradient("b2", 1, V));
    Matrix dhprebn = gradient("hprebn", n, H);
    batchNorm.backward(dh, dhprebn, gradient("bngain", 1, H), gradient("bnbias", 1, H));
    Matrix dembcat = gradient("embcat", n, T * D);
    hidden.backward(dhprebn, embcat, W1, dembcat, gradient("W1", T * D, H), gradient("b1", 1, H));
    embedding.backward(dembcat, gradient("C", C.rows(), D));
  }

  private static Matrix matrix(INDArray x) {
    return Matrix.of(NdArrays.values(x), x.rows(), x.columns());
  }

  private static Matrix zeros(int rows, int columns) {
    return Matrix.of(new double[rows * columns], rows, columns);
  }

  private Matrix gradient(String name, int rows, int columns) {
    gradients.put(name, new double[rows * columns]);
    return Matrix.of(gradients.get(name), rows, columns);
  }

  private static int[] integers(INDArray x) {
    return DoubleStream.of(NdArrays.values(x)).mapToInt(k -> (int) k).toArray();
  }
}
