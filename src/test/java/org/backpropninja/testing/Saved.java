package org.backpropninja.testing;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;

/** Networks written by ModelSerializer and read again, with the updater's state. */
public final class Saved {

  private Saved() {}

  public static MultiLayerNetwork copy(MultiLayerNetwork network) throws IOException {
    return ModelSerializer.restoreMultiLayerNetwork(written(network), true);
  }

  public static ComputationGraph copy(ComputationGraph network) throws IOException {
    return ModelSerializer.restoreComputationGraph(written(network), true);
  }

  private static ByteArrayInputStream written(Model network) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ModelSerializer.writeModel(network, bytes, true);
    return new ByteArrayInputStream(bytes.toByteArray());
  }
}
