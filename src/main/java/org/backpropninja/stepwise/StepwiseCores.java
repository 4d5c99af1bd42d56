package org.backpropninja.stepwise;

import java.util.function.Function;
import org.backpropninja.math.Activation;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Moments;
import org.backpropninja.math.Statistics;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The notebooks' small steps in the place of the closed forms, on DOUBLE arrays of any ND4J
 * backend: slow, and meant as the second opinion.
 */
public final class StepwiseCores implements Cores {

  /** Makes the factory. */
  public StepwiseCores() {}

  @Override
  public Cores.Embedding embedding(int D) {
    return new Embedding();
  }

  @Override
  public Cores.Dense dense(int H, Activation activation) {
    return new Dense(activation);
  }

  @Override
  public Cores.BatchNorm batchNorm(int H, double epsilon, Activation activation) {
    return new BatchNorm(epsilon, activation);
  }

  @Override
  public Cores.CrossEntropy crossEntropy(int V) {
    return new CrossEntropy(V);
  }

  private static INDArray array(Matrix x) {
    double[] elements = new double[x.length()];
    x.read(0, elements.length, elements);
    return Nd4j.create(elements, new long[] {x.rows(), x.columns()}, 'c');
  }

  private static void copy(INDArray from, Matrix to) {
    if (from.rows() != to.rows() || from.columns() != to.columns()) {
      throw new IllegalArgumentException(
          "a result of shape %s was to go into [%d, %d]"
              .formatted(Arrays2d.shape(from), to.rows(), to.columns()));
    }
    double[] elements = from.dup('c').data().asDouble();
    to.write(elements, 0, to.length());
  }

  /** What a forward pass has left for the way back. */
  private static <T> T kept(T value) {
    if (value == null) {
      throw new IllegalStateException("backward needs a forward pass that keeps its values");
    }
    return value;
  }

  /** Runs what makes arrays that must outlive the current workspace. */
  @SuppressWarnings("try") // the scope is closed, never named
  private static void outsideWorkspaces(Runnable work) {
    try (MemoryWorkspace ignored = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      work.run();
    }
  }

  private static final class Embedding implements Cores.Embedding {
    private EmbeddingSteps steps;

    @Override
    public void forward(Matrix C, int[] Xb, Matrix embcat) {
      int n = embcat.rows();
      if (Xb.length % n != 0) {
        throw new IllegalArgumentException(
            "Xb (%d) must hold as many indices for each of the %d rows of embcat"
                .formatted(Xb.length, n));
      }
      outsideWorkspaces(
          () -> {
            INDArray indices = Nd4j.createFromArray(Xb).reshape(n, Xb.length / n);
            steps = EmbeddingSteps.forward(array(C), indices);
            copy(steps.embcat(), embcat);
          });
    }

    @Override
    public void backward(Matrix dembcat, Matrix dC) {
      outsideWorkspaces(() -> copy(steps.backward(array(dembcat)).dc(), dC));
    }
  }

  private static final class Dense implements Cores.Dense {
    private final Activation activation;
    private AffineSteps affine;
    private TanhSteps tanh; // null unless there is one

    Dense(Activation activation) {
      this.activation = activation;
    }

    @Override
    public void forward(Matrix x, Matrix W, Matrix b, Matrix h, boolean keep) {
      outsideWorkspaces(
          () -> {
            INDArray bias = b == null ? Nd4j.zeros(DataType.DOUBLE, 1, h.columns()) : array(b);
            affine = AffineSteps.forward(array(x), array(W), bias);
            tanh = activation == Activation.TANH ? TanhSteps.forward(affine.y()) : null;
            copy(tanh == null ? affine.y() : tanh.h(), h);
          });
      if (!keep) {
        affine = null;
        tanh = null;
      }
    }

    @Override
    public void backward(Matrix dh, Matrix x, Matrix W, Matrix dx, Matrix dW, Matrix db) {
      outsideWorkspaces(
          () -> {
            INDArray dy = tanh == null ? array(dh) : tanh.backward(array(dh));
            AffineSteps.Gradients gradients = kept(affine).backward(dy);
            copy(gradients.dw(), dW);
            if (dx != null) {
              copy(gradients.dx(), dx);
            }
            if (db != null) {
              copy(gradients.db(), db);
            }
          });
    }
  }

  private static final class BatchNorm implements Cores.BatchNorm {
    private final double epsilon;
    private final Activation activation;
    private Function<INDArray, Gradients> back; // through the pass that ran last
    private TanhSteps tanh; // null unless there is one

    private record Gradients(INDArray dhprebn, INDArray dbngain, INDArray dbnbias) {}

    BatchNorm(double epsilon, Activation activation) {
      this.epsilon = epsilon;
      this.activation = activation;
    }

    @Override
    public Moments measure(Matrix hprebn) {
      double[][] moments = new double[2][];
      outsideWorkspaces(
          () -> {
            INDArray x = array(hprebn);
            INDArray bnmeani = x.sum(true, 0).muli(1.0 / hprebn.rows());
            INDArray bndiff = x.sub(bnmeani);
            moments[0] = bnmeani.data().asDouble();
            moments[1] = bndiff.mul(bndiff).sum(true, 0).data().asDouble();
          });
      return new Moments(hprebn.rows(), moments[0], moments[1]);
    }

    @Override
    public void forward(
        Matrix hprebn, Statistics statistics, Matrix gain, Matrix bias, Matrix h, boolean keep) {
      outsideWorkspaces(
          () -> {
            INDArray x = array(hprebn);
            INDArray hpreact =
                statistics.n() > 0
                    ? byItsOwn(x, (int) (statistics.n() - statistics.divisor()), gain, bias)
                    : byConstants(x, statistics, gain, bias);
            tanh = activation == Activation.TANH ? TanhSteps.forward(hpreact) : null;
            copy(tanh == null ? hpreact : tanh.h(), h);
          });
      if (!keep) {
        back = null;
        tanh = null;
      }
    }

    private INDArray byItsOwn(INDArray x, int correction, Matrix gain, Matrix bias) {
      BatchNormSteps steps =
          BatchNormSteps.forward(x, array(gain), array(bias), correction, epsilon);
      back =
          dhpreact -> {
            BatchNormSteps.Gradients d = steps.backward(dhpreact);
            return new Gradients(d.dhprebn(), d.dbngain(), d.dbnbias());
          };
      return steps.hpreact();
    }

    private INDArray byConstants(INDArray x, Statistics statistics, Matrix gain, Matrix bias) {
      int H = gain.columns();
      FixedNormSteps steps =
          FixedNormSteps.forward(
              x,
              array(Matrix.of(statistics.mean(), 1, H)),
              array(Matrix.of(statistics.variance(), 1, H)),
              array(gain),
              array(bias),
              epsilon);
      back =
          dhpreact -> {
            FixedNormSteps.Gradients d = steps.backward(dhpreact);
            return new Gradients(d.dhprebn(), d.dbngain(), d.dbnbias());
          };
      return steps.hpreact();
    }

    @Override
    public void backward(Matrix dh, Matrix dhprebn, Matrix dgain, Matrix dbias) {
      outsideWorkspaces(
          () -> {
            Function<INDArray, Gradients> through = kept(back);
            INDArray dhpreact = tanh == null ? array(dh) : tanh.backward(array(dh));
            Gradients gradients = through.apply(dhpreact);
            copy(gradients.dhprebn(), dhprebn);
            copy(gradients.dbngain(), dgain);
            copy(gradients.dbnbias(), dbias);
          });
    }
  }

  private static final class CrossEntropy implements Cores.CrossEntropy {
    private final int V;

    CrossEntropy(int V) {
      this.V = V;
    }

    @Override
    public boolean forwardAndBackward(
        Matrix logits, int[] Yb, double[] weight, double[] loss, Matrix dlogits) {
      requireLogits(logits, loss);
      if (Yb.length != loss.length || weight.length != loss.length) {
        throw new IllegalArgumentException(
            "Yb (%d) and weight (%d) must hold one value for each of the %d examples"
                .formatted(Yb.length, weight.length, loss.length));
      }
      double[] y = new double[logits.length()];
      for (int i = 0; i < weight.length; i++) {
        if (weight[i] != 0) {
          y[i * V + Yb[i]] = weight[i];
        }
      }
      return forwardAndBackward(logits, Matrix.of(y, weight.length, V), loss, dlogits);
    }

    @Override
    public boolean forwardAndBackward(Matrix logits, Matrix y, double[] loss, Matrix dlogits) {
      requireLogits(logits, loss);
      boolean[] finite = new boolean[1];
      outsideWorkspaces(
          () -> {
            INDArray targets = array(y);
            INDArray present = present(array(logits), targets);
            finite[0] = present.sub(present).sumNumber().doubleValue() == 0; // not if it is NaN
            if (finite[0]) {
              CrossEntropySteps steps = CrossEntropySteps.ofTargets(present, targets);
              System.arraycopy(steps.rowLosses().data().asDouble(), 0, loss, 0, loss.length);
              if (dlogits != null) { // of the sum, not of the mean
                copy(steps.backward(loss.length).dlogits(), dlogits);
              }
            }
          });
      return finite[0];
    }

    private void requireLogits(Matrix logits, double[] loss) {
      if (logits.rows() != loss.length || logits.columns() != V) {
        throw new IllegalArgumentException(
            "logits must be [%d, %d], was [%d, %d]"
                .formatted(loss.length, V, logits.rows(), logits.columns()));
      }
    }

    /**
     * The logits, 0 in rows that are left out: whatever stands there must not get into the chain.
     */
    private static INDArray present(INDArray logits, INDArray targets) {
      for (int i = 0; i < logits.rows(); i++) {
        if (targets.getRow(i).sumNumber().doubleValue() == 0) {
          logits.getRow(i).assign(0);
        }
      }
      return logits;
    }
  }
}
