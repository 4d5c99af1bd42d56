package org.backpropninja.testing;

import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/** Small networks of DL4J's own layers around those under test. */
public final class Networks {

  private Networks() {}

  /** Settings with which GradientCheckUtil works. */
  public static NeuralNetConfiguration.Builder settings(DataType type) {
    return new NeuralNetConfiguration.Builder()
        .seed(7)
        .dataType(type)
        .updater(new Sgd(1.0))
        .weightInit(WeightInit.XAVIER);
  }

  /** A network of these layers with parameters that are never neutral. */
  public static MultiLayerNetwork stack(
      NeuralNetConfiguration.Builder settings, InputType input, Layer... layers) {
    NeuralNetConfiguration.ListBuilder list = settings.list();
    Arrays.stream(layers).forEach(list::layer);
    MultiLayerNetwork net = new MultiLayerNetwork(list.setInputType(input).build());
    net.init();
    disturb(net.paramTable(), 11);
    return net;
  }

  public static MultiLayerNetwork stack(DataType type, InputType input, Layer... layers) {
    return stack(settings(type), input, layers);
  }

  public static DenseLayer dense(int nOut) {
    return new DenseLayer.Builder().nOut(nOut).activation(Activation.TANH).build();
  }

  public static OutputLayer output(int nOut) {
    return new OutputLayer.Builder(LossFunctions.LossFunction.MCXENT)
        .nOut(nOut)
        .activation(Activation.SOFTMAX)
        .build();
  }

  /**
   * Gives all parameters, the running statistics too, values that are neither 0 nor 1; a number of
   * minibatches is a whole one.
   */
  public static void disturb(Map<String, INDArray> parameters, long seed) {
    Random random = new Random(seed);
    parameters.forEach(
        (key, array) -> {
          double[] values = random.doubles(array.length(), 0.2, 0.9).toArray();
          for (int k = 0; k < values.length && !key.endsWith("var"); k++) {
            values[k] *= random.nextBoolean() ? 1 : -1;
          }
          if (key.endsWith("batches")) {
            values[0] = 3;
          }
          array.assign(Nd4j.create(values, array.shape(), 'c')); // of any rank
        });
  }

  /** Rows of 0 with a 1 in one of {@code V} columns. */
  public static INDArray oneHot(DataType type, int V, int... classes) {
    INDArray rows = Nd4j.zeros(type, classes.length, V);
    for (int i = 0; i < classes.length; i++) {
      rows.putScalar(i, classes[i], 1);
    }
    return rows;
  }

  /** Classes from 0 to V−1 for {@code n} examples. */
  public static int[] classes(long seed, int n, int V) {
    return new Random(seed).ints(n, 0, V).toArray();
  }
}
