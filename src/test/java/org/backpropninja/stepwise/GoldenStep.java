package org.backpropninja.stepwise;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.backpropninja.testing.Golden;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** One step of the network as PyTorch 1.13 computed it, from src/test/resources/golden. */
record GoldenStep(String folder, DataType type) {

  static final String ONE_GENERATOR = "step-one-generator";
  static final String TWO_GENERATORS = "step-two-generators";

  static List<GoldenStep> all(DataType type) {
    return List.of(new GoldenStep(ONE_GENERATOR, type), new GoldenStep(TWO_GENERATORS, type));
  }

  StepwiseMlp forward() {
    return StepwiseMlp.forward(parameters(), xb(), yb());
  }

  StepwiseMlp.Parameters parameters() {
    return new StepwiseMlp.Parameters(
        tensor("C"),
        tensor("W1"),
        tensor("b1"),
        tensor("W2"),
        tensor("b2"),
        tensor("bngain"),
        tensor("bnbias"));
  }

  INDArray xb() {
    return Golden.npy(folder + "/Xb.npy");
  }

  INDArray yb() {
    INDArray yb = Golden.npy(folder + "/Yb.npy");
    return yb.reshape(yb.length(), 1);
  }

  Map<String, INDArray> values(Iterable<String> names) {
    Map<String, INDArray> values = new LinkedHashMap<>();
    names.forEach(name -> values.put(name, tensor(name)));
    return values;
  }

  Map<String, INDArray> gradients(Iterable<String> names) {
    Map<String, INDArray> gradients = new LinkedHashMap<>();
    names.forEach(name -> gradients.put(name, tensor("d" + name)));
    return gradients;
  }

  double loss() {
    return Golden.json(path("loss.json")).get("loss").asDouble();
  }

  /** PyTorch's vectors are rows here. */
  private INDArray tensor(String name) {
    INDArray x = Golden.npy(path(name + ".npy"));
    return x.rank() == 1 ? x.reshape(1, x.length()) : x;
  }

  private String path(String file) {
    return folder + (type == DataType.DOUBLE ? "/f64/" : "/f32/") + file;
  }
}
