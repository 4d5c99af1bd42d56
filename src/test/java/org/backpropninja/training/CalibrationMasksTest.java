package org.backpropninja.training;

import static org.backpropninja.testing.Close.assertClose;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** What a feature mask leaves out takes no part in the calibrated statistics. */
@ExtendWith(DoublePrecision.class)
class CalibrationMasksTest {

  private static final int N = 19;
  private static final int F = 3;
  private static final int T = 4;

  /**
   * Features of N examples and the mask that goes with them.
   *
   * @param features [N, F] or, in T time steps, [N, F, T]
   * @param mask [N, 1] or [N, T]
   */
  private record Masked(InputType type, Layer output, INDArray features, INDArray mask) {

    /** The values of one column that the mask keeps. */
    double[] kept(int column) {
      INDArray values = features.get(NDArrayIndex.all(), NDArrayIndex.point(column));
      return IntStream.range(0, (int) mask.length())
          .filter(i -> mask.dup('c').getDouble(i) != 0)
          .mapToDouble(i -> values.dup('c').getDouble(i))
          .toArray();
    }

    DataSetIterator chunks(int size) {
      List<DataSet> chunks = new ArrayList<>();
      for (int from = 0; from < N; from += size) {
        var rows = NDArrayIndex.interval(from, Math.min(N, from + size));
        INDArray x = features.get(rows).dup();
        INDArray y = x.rank() == 2 ? Nd4j.zeros(x.size(0), 2) : Nd4j.zeros(x.size(0), 2, T);
        chunks.add(new DataSet(x, y, mask.get(rows, NDArrayIndex.all()).dup(), null));
      }
      return new ExistingDataSetIterator(chunks);
    }

    MultiLayerNetwork network() {
      return Networks.stack(DataType.DOUBLE, type, new BatchNormBessel.Builder().build(), output);
    }

    @Override
    public String toString() {
      return type.toString();
    }
  }

  static Stream<Arguments> masked() {
    INDArray ofExamples = Nd4j.ones(N, 1);
    INDArray ofSteps = Nd4j.ones(N, T);
    for (int i = 0; i < N; i += 3) {
      ofExamples.putScalar(i, 0, 0);
      ofSteps.get(NDArrayIndex.point(i), NDArrayIndex.interval(1 + i % T, T)).assign(0);
    }
    Masked examples =
        new Masked(
            InputType.feedForward(F),
            new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
                .nOut(2)
                .activation(Activation.IDENTITY)
                .build(),
            Layers.random(1, -1, 2, N, F),
            ofExamples);
    Masked steps =
        new Masked(
            InputType.recurrent(F),
            new RnnOutputLayer.Builder(LossFunctions.LossFunction.MSE)
                .nOut(2)
                .activation(Activation.IDENTITY)
                .build(),
            Layers.random(2, -1, 2, N, F, T),
            ofSteps);
    return Stream.of(examples, steps)
        .flatMap(masked -> Stream.of(1, 5, N).map(chunk -> Arguments.of(masked, chunk)));
  }

  @ParameterizedTest(name = "{0}, chunks of {1}")
  @MethodSource("masked")
  void ofAMultiLayerNetwork(Masked masked, int chunk) {
    MultiLayerNetwork network = masked.network();
    Calibration.calibrate(network, masked.chunks(chunk));
    assertStatistics(masked, network.getParam("0_mean"), network.getParam("0_var"));
  }

  @ParameterizedTest(name = "{0}, chunks of {1}")
  @MethodSource("masked")
  void ofAGraph(Masked masked, int chunk) {
    ComputationGraph graph = masked.network().toComputationGraph();
    Calibration.calibrate(graph, masked.chunks(chunk));
    assertStatistics(masked, graph.getParam("0_mean"), graph.getParam("0_var"));
  }

  private static void assertStatistics(Masked masked, INDArray mean, INDArray var) {
    double[][] kept = IntStream.range(0, F).mapToObj(masked::kept).toArray(double[][]::new);
    double[] means = Stream.of(kept).mapToDouble(CalibrationMasksTest::mean).toArray();
    double[] vars = Stream.of(kept).mapToDouble(CalibrationMasksTest::var).toArray();
    assertClose("mean", means, NdArrays.values(mean), 1e-13);
    assertClose("var", vars, NdArrays.values(var), 1e-13);
  }

  private static double mean(double[] x) {
    return DoubleStream.of(x).sum() / x.length;
  }

  private static double var(double[] x) {
    double mean = mean(x);
    return DoubleStream.of(x).map(v -> (v - mean) * (v - mean)).sum() / (x.length - 1);
  }
}
