package org.backpropninja.training;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.testing.DoublePrecision;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.graph.FrozenVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** Batch norms of a graph are calibrated in the order of the data, however the graph was built. */
@ExtendWith(DoublePrecision.class)
class CalibrationOfGraphsTest {

  private static final INDArray X = Layers.random(1, -1, 2, 53, 4);
  private static final INDArray Y = Nd4j.zeros(53, 2);

  private record Part(String name, Layer layer, String input) {}

  /** What the second batch norm sees depends on the first one's statistics. */
  private static List<Part> firstToLast() {
    return List.of(
        new Part("dense1", dense(6), "in"),
        new Part("norm1", norm(6), "dense1"),
        new Part("dense2", dense(3), "norm1"),
        new Part("norm2", norm(3), "dense2"),
        new Part(
            "out",
            new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
                .nOut(2)
                .activation(Activation.IDENTITY)
                .build(),
            "norm2"));
  }

  private static ManualDense dense(int nOut) {
    return new ManualDense.Builder().nOut(nOut).activation(Activation.TANH).build();
  }

  private static BatchNormBessel norm(int width) {
    return new BatchNormBessel.Builder().nIn(width).activation(Activation.TANH).build();
  }

  private static GraphBuilder builder() {
    return Networks.settings(DataType.DOUBLE)
        .graphBuilder()
        .addInputs("in")
        .setOutputs("out")
        .setInputTypes(InputType.feedForward(4));
  }

  private static ComputationGraph graph(List<Part> parts) {
    GraphBuilder builder = builder();
    parts.forEach(part -> builder.addLayer(part.name(), part.layer(), part.input()));
    return initialised(builder);
  }

  private static ComputationGraph initialised(GraphBuilder builder) {
    ComputationGraph graph = new ComputationGraph(builder.build());
    graph.init();
    Networks.disturb(graph.paramTable(), 11);
    return graph;
  }

  private static DataSetIterator data() {
    return new ListDataSetIterator<>(new DataSet(X, Y).asList(), 10);
  }

  private static List<String> layerNames(ComputationGraph graph) {
    return Stream.of(graph.getLayers()).map(l -> l.conf().getLayer().getLayerName()).toList();
  }

  private static void assertCalibratedAlike(ComputationGraph expected, ComputationGraph actual) {
    expected.paramTable().forEach((key, value) -> actual.getParam(key).assign(value));
    Calibration.calibrate(expected, data());
    Calibration.calibrate(actual, data());
    expected
        .paramTable()
        .forEach(
            (key, value) ->
                assertClose(
                    key, NdArrays.values(value), NdArrays.values(actual.getParam(key)), 1e-13));
  }

  @Test
  void builtLastToFirst() {
    List<Part> lastToFirst = new ArrayList<>(firstToLast());
    Collections.reverse(lastToFirst);
    ComputationGraph graph = graph(lastToFirst);
    assertEquals("norm2", layerNames(graph).get(1), "the graph's own order is another");
    assertCalibratedAlike(graph(firstToLast()), graph);
  }

  @Test
  void firstBatchNormReplacedByTransferLearning() {
    ComputationGraph graph =
        new TransferLearning.GraphBuilder(graph(firstToLast()))
            .removeVertexKeepConnections("norm1")
            .addLayer("norm1", norm(6), "dense1")
            .build()
            .convertDataType(DataType.DOUBLE);
    assertEquals("norm1", layerNames(graph).get(4), "the graph's own order is another");
    assertCalibratedAlike(graph(firstToLast()), graph);
  }

  @Test
  void frozenVertexKeepsItsStatistics() {
    GraphBuilder builder = builder();
    for (Part part : firstToLast()) {
      if (part.name().equals("norm1")) {
        LayerVertex vertex =
            new LayerVertex(Networks.settings(DataType.DOUBLE).layer(part.layer()).build(), null);
        part.layer().setLayerName("norm1");
        builder.addVertex("norm1", new FrozenVertex(vertex), "dense1");
      } else {
        builder.addLayer(part.name(), part.layer(), part.input());
      }
    }
    ComputationGraph graph = initialised(builder);
    INDArray frozen = graph.getParam("norm1_mean").dup();
    INDArray free = graph.getParam("norm2_mean").dup();
    Calibration.calibrate(graph, data());
    assertEquals(frozen, graph.getParam("norm1_mean"));
    assertNotEquals(free, graph.getParam("norm2_mean"));
  }
}
