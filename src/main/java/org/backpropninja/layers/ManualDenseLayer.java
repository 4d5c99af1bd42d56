package org.backpropninja.layers;

import static org.deeplearning4j.nn.params.DefaultParamInitializer.BIAS_KEY;
import static org.deeplearning4j.nn.params.DefaultParamInitializer.WEIGHT_KEY;

import org.backpropninja.internal.Pass;
import org.backpropninja.math.Activation;
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
  boolean multiplies() {
    return true;
  }

  @Override
  public void forward(Matrix x, Pass pass, Matrix h) {
    // A product is not finite where x is not; it may be narrower, but a tangent hides infinity.
    boolean looksAtProduct = inputs() > outputs() && activation.inside() == Activation.IDENTITY;
    if (!looksAtProduct) {
      requireFinite(x);
    }
    Matrix W = parameter(WEIGHT_KEY); // its noise is drawn before the bias's, as in DenseLayer
    Matrix b = hasBias() ? parameter(BIAS_KEY) : null;
    dense.forward(x, W, b, h, pass.keeps());
    if (looksAtProduct && !isFinite(h)) {
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
