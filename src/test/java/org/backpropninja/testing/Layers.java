package org.backpropninja.testing;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.EmbeddingConcat;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** A layer on its own, without a network around it. */
public final class Layers {

  private static final LayerWorkspaceMgr WORKSPACES = LayerWorkspaceMgr.noWorkspaces();

  private Layers() {}

  /** Instantiates a configuration with parameters that are never neutral and a gradient view. */
  public static Layer instantiate(
      org.deeplearning4j.nn.conf.layers.Layer layer, DataType type, long seed) {
    NeuralNetConfiguration conf =
        new NeuralNetConfiguration.Builder().dataType(type).layer(layer).build();
    long length = conf.getLayer().initializer().numParams(conf.getLayer());
    // Views in the middle of larger arrays, as in a network.
    INDArray params = Nd4j.zeros(type, length + 7).get(NDArrayIndex.interval(5, 5 + length));
    INDArray gradients = Nd4j.valueArrayOf(new long[] {length + 7}, 9.0, type);
    int index = layer instanceof EmbeddingConcat ? 0 : 3; // indices come from the data
    Layer runtime = conf.getLayer().instantiate(conf, List.of(), index, params, true, type);
    runtime.setBackpropGradientsViewArray(gradients.get(NDArrayIndex.interval(5, 5 + length)));
    Networks.disturb(runtime.paramTable(), seed);
    return runtime;
  }

  public static INDArray forward(Layer layer, INDArray x, boolean training) {
    return layer.activate(x, training, WORKSPACES);
  }

  public static INDArray backward(Layer layer, INDArray epsilon) {
    return layer.backpropGradient(epsilon, WORKSPACES).getSecond();
  }

  /** All parameter gradients, in the order of the parameters. */
  public static double[] gradients(Layer layer) {
    return NdArrays.values(layer.getGradientsViewArray());
  }

  /** The central differences of Σ epsilon·layer(x) with respect to x. */
  public static double[] numericalInputGradient(
      Layer layer, INDArray x, INDArray epsilon, boolean training, double step) {
    double[] values = NdArrays.values(x);
    double[] weights = NdArrays.values(epsilon);
    double[] gradient = new double[values.length];
    for (int k = 0; k < values.length; k++) {
      gradient[k] =
          (weightedSum(layer, values, k, step, x, weights, training)
                  - weightedSum(layer, values, k, -step, x, weights, training))
              / (2 * step);
    }
    return gradient;
  }

  private static double weightedSum(
      Layer layer,
      double[] values,
      int at,
      double step,
      INDArray x,
      double[] weights,
      boolean training) {
    double[] moved = values.clone();
    moved[at] += step;
    double[] out = NdArrays.values(forward(layer, Nd4j.create(moved, x.shape(), 'c'), training));
    double sum = 0;
    for (int k = 0; k < out.length; k++) {
      sum += weights[k] * out[k];
    }
    return sum;
  }

  /** How an array lies in memory: its values are the same, the bytes are elsewhere. */
  public enum Layout {
    C {
      @Override
      public INDArray surroundings(DataType type, long... shape) {
        return sevens(type, shape);
      }

      @Override
      public INDArray within(INDArray surroundings, long... shape) {
        return surroundings;
      }
    },
    F {
      @Override
      public INDArray surroundings(DataType type, long... shape) {
        return sevens(type, shape).dup('f');
      }

      @Override
      public INDArray within(INDArray surroundings, long... shape) {
        return surroundings;
      }
    },
    /**
     * Rows and columns from the middle of a larger matrix: an offset and strides that leave gaps.
     */
    VIEW {
      @Override
      public INDArray surroundings(DataType type, long... shape) {
        return sevens(type, shape[0] + 3, shape[1] + 5);
      }

      @Override
      public INDArray within(INDArray surroundings, long... shape) {
        return surroundings.get(
            NDArrayIndex.interval(2, 2 + shape[0]), NDArrayIndex.interval(1, 1 + shape[1]));
      }
    },
    /** Whole rows from the middle of a larger matrix: an offset, but no gaps. */
    C_VIEW {
      @Override
      public INDArray surroundings(DataType type, long... shape) {
        return sevens(type, shape[0] + 3, shape[1]);
      }

      @Override
      public INDArray within(INDArray surroundings, long... shape) {
        return surroundings.get(NDArrayIndex.interval(2, 2 + shape[0]), NDArrayIndex.all());
      }
    },
    /** A dense column-major stretch of a larger vector, as DL4J's parameters are. */
    F_VIEW {
      @Override
      public INDArray surroundings(DataType type, long... shape) {
        return sevens(type, shape[0] * shape[1] + 9);
      }

      @Override
      public INDArray within(INDArray surroundings, long... shape) {
        return surroundings
            .get(NDArrayIndex.interval(4, 4 + shape[0] * shape[1]))
            .reshape('f', shape);
      }
    };

    /** An array full of 7 that holds a matrix of that shape, and more if the layout is a view. */
    public abstract INDArray surroundings(DataType type, long... shape);

    /** The matrix in its surroundings. */
    public abstract INDArray within(INDArray surroundings, long... shape);

    /** A copy that lies like this. */
    public INDArray of(INDArray x) {
      return within(surroundings(x.dataType(), x.shape()), x.shape()).assign(x);
    }

    private static INDArray sevens(DataType type, long... shape) {
      return Nd4j.valueArrayOf(shape, 7.0, type);
    }
  }

  /** A double matrix of uniform random numbers. */
  public static INDArray random(long seed, double low, double high, long... shape) {
    long length = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return Nd4j.create(new Random(seed).doubles(length, low, high).toArray(), shape, 'c');
  }
}
