package org.backpropninja.stepwise;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.math.Affine;
import org.backpropninja.math.BatchNorm;
import org.backpropninja.math.CrossEntropy;
import org.backpropninja.math.Elements;
import org.backpropninja.math.Embedding;
import org.backpropninja.math.Nonlinearity;
import org.backpropninja.math.Precision;
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
    double[] W1 = Crossing.read(p.w1());
    double[] W2 = Crossing.read(p.w2());
    double[] b2 = Crossing.read(p.b2());
    double[] gain = Crossing.read(p.bngain());
    int H = gain.length;
    int V = b2.length;

    double[] embcat = new double[Xb.length * D];
    Embedding.forward(Crossing.read(p.c()), Xb, D, embcat);
    double[] hprebn = new double[n * H];
    Affine.forward(embcat, n, W1, Crossing.read(p.b1()), hprebn);
    BatchNorm batchNorm =
        new BatchNorm(
            H, BatchNormSteps.EPS, Variance.UNBIASED, Nonlinearity.TANH, Precision.DOUBLE);
    double[] h = new double[n * H];
    double[] bnbias = Crossing.read(p.bnbias());
    batchNorm.forward(Elements.of(hprebn), n, gain, bnbias, Elements.of(h));
    double[] logits = new double[n * V];
    Affine.forward(h, n, W2, b2, logits);
    double[] mean = DoubleStream.generate(() -> 1.0 / n).limit(n).toArray();
    double[] losses = new double[n];
    CrossEntropy crossEntropy = new CrossEntropy(V);
    crossEntropy.forward(Elements.of(logits), Yb, mean, losses);
    loss = DoubleStream.of(losses).sum();

    double[] dlogits = gradient("logits", n * V);
    crossEntropy.forwardAndBackward(Elements.of(logits), Yb, mean, losses, Elements.of(dlogits));
    double[] dh = gradient("h", n * H);
    Affine.backward(h, n, W2, dlogits, dh, gradient("W2", H * V), gradient("b2", V));
    double[] dhprebn = gradient("hprebn", n * H);
    batchNorm.backward(
        Elements.of(hprebn),
        Elements.of(dh),
        gain,
        Elements.of(dhprebn),
        gradient("bngain", H),
        gradient("bnbias", H));
    double[] dembcat = gradient("embcat", embcat.length);
    Affine.backward(embcat, n, W1, dhprebn, dembcat, gradient("W1", W1.length), gradient("b1", H));
    Embedding.backward(dembcat, Xb, D, gradient("C", (int) p.c().length()));
  }

  private double[] gradient(String name, int length) {
    gradients.put(name, new double[length]);
    return gradients.get(name);
  }

  private static int[] integers(INDArray x) {
    return DoubleStream.of(Crossing.read(x)).mapToInt(k -> (int) k).toArray();
  }
}
