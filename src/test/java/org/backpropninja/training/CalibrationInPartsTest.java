package org.backpropninja.training;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.math.Moments;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Parts of the data, measured apart on copies of the network, calibrate it as the whole does. */
@ExtendWith(DoublePrecision.class)
class CalibrationInPartsTest {

  private static final int N = 53;
  private static final INDArray X = Layers.random(1, 3, 9, N, 4);

  /** The third part is empty, as a partition may be; the last alone would be too few. */
  private static final int[] CUTS = {0, 20, 52, 52, N};

  /** What the second batch norm sees depends on the first one's statistics. */
  private static MultiLayerNetwork network() {
    return Networks.stack(
        DataType.DOUBLE,
        InputType.feedForward(4),
        new ManualDense.Builder().nOut(6).activation(Activation.TANH).build(),
        new BatchNormBessel.Builder().activation(Activation.TANH).build(),
        new ManualDense.Builder().nOut(3).activation(Activation.TANH).build(),
        new BatchNormBessel.Builder().build(),
        new LossLayer.Builder().activation(Activation.IDENTITY).build());
  }

  private static List<DataSet> part(int k) {
    return IntStream.range(CUTS[k], CUTS[k + 1])
        .mapToObj(row -> X.get(NDArrayIndex.interval(row, row + 1)))
        .map(x -> new DataSet(x, x.getColumns(0, 1, 2)))
        .toList();
  }

  private static double[] calibratedAtOnce() {
    MultiLayerNetwork network = network();
    List<DataSet> all = IntStream.range(0, 4).boxed().flatMap(k -> part(k).stream()).toList();
    Calibration.calibrate(network, new ListDataSetIterator<>(all, 7));
    return NdArrays.values(network.params());
  }

  @Test
  void partsOfAMultiLayerNetworksDataMerge() throws IOException, ClassNotFoundException {
    MultiLayerNetwork network = network();
    assertEquals(2, Calibration.layers(network));
    for (int layer = 0; layer < 2; layer++) {
      Moments all = null;
      for (int k : new int[] {3, 2, 0, 1}) {
        MultiLayerNetwork copy = network.clone();
        Moments moments = Calibration.measure(copy, layer, part(k).iterator());
        assertEquals(CUTS[k + 1] - CUTS[k], moments.n());
        assertArrayEquals(
            NdArrays.values(network.params()), NdArrays.values(copy.params()), "not replaced");
        Moments sent = Serialised.copy(moments);
        all = all == null ? sent : all.merge(sent);
      }
      Calibration.adopt(network, layer, all);
    }
    assertClose("params", calibratedAtOnce(), NdArrays.values(network.params()), 1e-13);
  }

  @Test
  void partsOfAGraphsDataMerge() {
    ComputationGraph graph = network().toComputationGraph();
    for (int layer = 0; layer < Calibration.layers(graph); layer++) {
      int measured = layer;
      Moments all =
          IntStream.range(0, 4)
              .mapToObj(k -> part(k).stream().map(DataSet::toMultiDataSet))
              .map(sets -> sets.map(MultiDataSet.class::cast))
              .map(sets -> Calibration.measure(graph, measured, sets.iterator()))
              .reduce(Moments::merge)
              .orElseThrow();
      Calibration.adopt(graph, layer, all);
    }
    assertClose("params", calibratedAtOnce(), NdArrays.values(graph.params()), 1e-13);
  }

  @Test
  void whatCannotBeMeasuredOrAdoptedIsRefused() {
    MultiLayerNetwork network = network();
    double[] before = NdArrays.values(network.params());
    Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
    assertRefused(
        illegal,
        () -> Calibration.measure(network, 2, part(0).iterator()),
        "layer (2) must be from 0 to 1");
    Moments first = Calibration.measure(network, 0, part(0).iterator());
    assertRefused(
        illegal, () -> Calibration.adopt(network, -1, first), "layer (-1) must be from 0 to 1");
    assertRefused(
        illegal,
        () -> Calibration.adopt(network, 1, first),
        "moments (of 6 columns) must be of 3 columns, those of layer 1");
    Moments none = Calibration.measure(network, 0, part(2).iterator());
    assertRefused(illegal, () -> Calibration.adopt(network, 0, none), "0");
    Model layer = network.getLayer(1);
    assertRefused(
        illegal,
        () -> Calibration.layers(layer),
        "network (" + layer.getClass().getName() + ") must be a MultiLayerNetwork or a Comp");
    assertArrayEquals(before, NdArrays.values(network.params()));
  }
}
