package org.backpropninja.training;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.math.Moments;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Layers;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** Running statistics from a whole data set, against a naive two-pass computation. */
@ExtendWith(DoublePrecision.class)
class CalibrationTest {

  private static final int N = 53;
  private static final INDArray X = Layers.random(1, 3, 9, N, 4);
  private static final INDArray Y = Nd4j.zeros(N, 2);

  /** Two batch norms: what the second one sees depends on the first one's statistics. */
  private static FeedForwardLayer[] layers() {
    return new FeedForwardLayer[] {
      new ManualDense.Builder().nOut(6).activation(Activation.TANH).build(),
      new BatchNormBessel.Builder().activation(Activation.TANH).build(),
      new ManualDense.Builder().nOut(3).activation(Activation.IDENTITY).build(),
      new BatchNormBessel.Builder().runningVariance(Variance.BIASED).build(),
      new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
          .nOut(2)
          .activation(Activation.IDENTITY)
          .build()
    };
  }

  private static MultiLayerNetwork network() {
    NeuralNetConfiguration.ListBuilder list =
        new NeuralNetConfiguration.Builder().dataType(DataType.DOUBLE).seed(7).list();
    for (FeedForwardLayer layer : layers()) {
      list.layer(layer);
    }
    MultiLayerConfiguration conf = list.setInputType(InputType.feedForward(4)).build();
    MultiLayerNetwork network = new MultiLayerNetwork(conf);
    network.init();
    return network;
  }

  private static DataSetIterator chunks(int size) {
    return new ListDataSetIterator<>(new DataSet(X, Y).asList(), size);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 32, N})
  void statisticsAreThoseOfTheWholeSet(int chunk) {
    MultiLayerNetwork network = network();
    Calibration.calibrate(network, chunks(chunk));
    List<INDArray> activations = network.feedForward(X, false);
    assertStatistics(network, 1, activations.get(1), N - 1);
    assertStatistics(network, 3, activations.get(3), N);
  }

  private static void assertStatistics(
      MultiLayerNetwork network, int layer, INDArray input, int divisor) {
    int H = (int) input.size(1);
    double[] x = NdArrays.values(input);
    double[] mean = new double[H];
    double[] var = new double[H];
    for (int k = 0; k < x.length; k++) {
      mean[k % H] += x[k] / N;
    }
    for (int k = 0; k < x.length; k++) {
      var[k % H] += Math.pow(x[k] - mean[k % H], 2) / divisor;
    }
    assertClose("mean", mean, NdArrays.values(network.getParam(layer + "_mean")), 1e-13);
    assertClose("var", var, NdArrays.values(network.getParam(layer + "_var")), 1e-13);
  }

  @Test
  void graphGetsTheSameStatistics() {
    MultiLayerNetwork network = network();
    ComputationGraph graph = network.toComputationGraph();
    Calibration.calibrate(network, chunks(10));
    Calibration.calibrate(graph, chunks(13));
    assertClose(
        "params", NdArrays.values(network.params()), NdArrays.values(graph.params()), 1e-13);
  }

  @Test
  void laterInferenceDoesNotMoveThem() {
    MultiLayerNetwork network = network();
    Calibration.calibrate(network, chunks(10));
    double[] before = NdArrays.values(network.params());
    network.output(X.mul(5));
    assertArrayEquals(before, NdArrays.values(network.params()));
  }

  /** A batch norm in a network, and the moments that it was told to observe. */
  private static final class Watched extends BaseWrapperLayer implements Calibratable {
    private MomentsAccumulator moments;

    Watched(MultiLayerNetwork network, int layer) {
      super(network.getLayer(layer));
      network.getLayers()[layer] = this;
    }

    private Calibratable batchNorm() {
      return (Calibratable) getUnderlying();
    }

    @Override
    public boolean hasRunningStatistics() {
      return batchNorm().hasRunningStatistics();
    }

    @Override
    public int columns() {
      return batchNorm().columns();
    }

    @Override
    public void observe(MomentsAccumulator moments) {
      this.moments = moments == null ? this.moments : moments;
      batchNorm().observe(moments);
    }

    @Override
    public void adopt(Moments moments) {
      batchNorm().adopt(moments);
    }
  }

  @Test
  void brokenDataLeaveTheStatisticsAloneAndTheLayerNoLongerObserves() {
    MultiLayerNetwork network = network();
    Watched watched = new Watched(network, 1);
    double[] before = NdArrays.values(network.params());
    INDArray broken = X.dup();
    broken.putScalar(N - 1, 2, Double.NaN);
    DataSetIterator data = new ListDataSetIterator<>(new DataSet(broken, Y).asList(), 10);
    assertThrows(DL4JInvalidInputException.class, () -> Calibration.calibrate(network, data));
    assertEquals(50, watched.moments.moments().n(), "the chunks before the broken one");
    network.output(X);
    assertEquals(50, watched.moments.moments().n(), "it still observes");
    assertArrayEquals(before, NdArrays.values(network.params()));
  }

  @Test
  void refusesTooFewExamplesAndNetworksWithoutBatchNorm() {
    DataSetIterator one = new ListDataSetIterator<>(List.of(new DataSet(X, Y).get(0)), 1);
    var e =
        assertThrows(IllegalArgumentException.class, () -> Calibration.calibrate(network(), one));
    assertTrue(e.getMessage().contains("of 1 examples"), e.getMessage());

    MultiLayerNetwork plain =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .list(layers()[0], layers()[4])
                .setInputType(InputType.feedForward(4))
                .build());
    plain.init();
    e =
        assertThrows(
            IllegalArgumentException.class, () -> Calibration.calibrate(plain, chunks(10)));
    assertTrue(e.getMessage().contains("must have a BatchNormBessel"), e.getMessage());
  }
}
