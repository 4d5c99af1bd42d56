package org.backpropninja.training;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import java.util.Map;
import org.backpropninja.internal.NdMatrix;
import org.backpropninja.internal.Pass;
import org.backpropninja.internal.Stage;
import org.backpropninja.math.Activation;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.layers.OutputLayer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The affine map of DL4J's OutputLayer, on the layer's own parameters and gradients. */
final class OutputStage implements Stage {

  private final Cores.Dense dense;
  private final Matrix W;
  private final Matrix b; // null where there is no bias
  private final Matrix dW;
  private final Matrix db;

  OutputStage(OutputLayer layer, Cores cores) {
    NeuralNetConfiguration conf = layer.conf();
    Map<String, INDArray> gradients =
        conf.getLayer()
            .initializer()
            .getGradientsFromFlattened(conf, layer.getGradientsViewArray());
    W = NdMatrix.of(layer.getParam(WEIGHT_KEY));
    dW = NdMatrix.of(gradients.get(WEIGHT_KEY));
    b = layer.hasBias() ? NdMatrix.of(layer.getParam(BIAS_KEY)) : null;
    db = layer.hasBias() ? NdMatrix.of(gradients.get(BIAS_KEY)) : null;
    dense = cores.dense(W.columns(), Activation.IDENTITY);
  }

  @Override
  public int inputs() {
    return W.rows();
  }

  @Override
  public int outputs() {
    return W.columns();
  }

  @Override
  public void forward(Matrix h, Pass pass, Matrix logits) {
    dense.forward(h, W, b, logits, pass.keeps());
  }

  @Override
  public void backward(Matrix dlogits, Matrix h, Matrix dh) {
    dense.backward(dlogits, h, W, dh, dW, db);
  }
}
