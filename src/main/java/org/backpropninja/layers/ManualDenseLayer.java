package org.backpropninja.layers;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import org.backpropninja.internal.Pass;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;

/** The runtime of {@link ManualDense}. */
final class ManualDenseLayer extends HandWrittenLayer<ManualDense> {

  private final LayerActivation activation;
  private final Cores.Dense dense;

  ManualDenseLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
    activation = new LayerActivation(layerConf().getActivationFn(), matrixType());
    dense = cores().dense(outputs(), activation.inside());
  }

  @Override
  public boolean hasBias() {
    return layerConf().isHasBias();
  }

  @Override
  public void forward(Matrix x, Pass pass, Matrix h) {
    if (inputs() <= outputs()) {
      requireFinite(x);
    }
    Matrix W = parameter(WEIGHT_KEY); // its noise is drawn before the bias's, as in DenseLayer
    Matrix b = hasBias() ? parameter(BIAS_KEY) : null;
    dense.forward(x, W, b, h, pass.keeps());
    if (inputs() > outputs() && !isFinite(h)) { // narrower, and not finite where x is not
      requireFinite(x);
    }
    activation.forward(h, pass);
  }

  @Override
  public void backward(Matrix dh, Matrix x, Matrix dx) {
    Matrix dW = gradient(WEIGHT_KEY);
    Matrix db = hasBias() ? gradient(BIAS_KEY) : null;
    dense.backward(activation.backward(dh), x, parameter(WEIGHT_KEY), dx, dW, db);
  }
}
