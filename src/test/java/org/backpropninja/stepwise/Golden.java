package org.backpropninja.stepwise;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** One step of the network as PyTorch 1.13 computed it, from src/test/resources/golden. */
record Golden(String folder, DataType type) {

  static final String ONE_GENERATOR = "step-one-generator";
  static final String TWO_GENERATORS = "step-two-generators";

  static List<Golden> all(DataType type) {
    return List.of(new Golden(ONE_GENERATOR, type), new Golden(TWO_GENERATORS, type));
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
    return read("Xb.npy");
  }

  INDArray yb() {
    INDArray yb = read("Yb.npy");
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
    String json = new String(bytes(path("loss.json")), StandardCharsets.UTF_8);
    return Double.parseDouble(json.replaceAll("[^0-9.e-]", ""));
  }

  /** PyTorch's vectors are rows here. */
  private INDArray tensor(String name) {
    INDArray x = read(path(name + ".npy"));
    return x.rank() == 1 ? x.reshape(1, x.length()) : x;
  }

  private String path(String file) {
    return (type == DataType.DOUBLE ? "f64/" : "f32/") + file;
  }

  private INDArray read(String file) {
    return Nd4j.createNpyFromByteArray(bytes(file));
  }

  private byte[] bytes(String file) {
    String resource = "/golden/" + folder + "/" + file;
    try (InputStream in = Golden.class.getResourceAsStream(resource)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(resource, e);
    }
  }
}
