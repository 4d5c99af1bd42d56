package org.backpropninja.layers;

import static org.backpropninja.layers.LayerNorm.BIAS;
import static org.backpropninja.layers.LayerNorm.GAIN;

import java.util.Arrays;
import org.backpropninja.internal.Pass;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;

/** The runtime of {@link LayerNorm}. */
final class LayerNormLayer extends HandWrittenLayer<LayerNorm> {

  LayerNormLayer(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  @Override
  public void forward(Matrix x, Pass pass, Matrix h) {
    requireFinite(x);
    int H = x.columns();
    double[] gain = values(GAIN);
    double[] bias = values(BIAS);
    double[] lnraw = new double[H]; // one row, like all arrays here
    double[] hi = new double[H];
    for (int i = 0; i < x.rows(); i++) {
      normalise(x, i, lnraw);
      for (int j = 0; j < H; j++) {
        hi[j] = gain[j] * lnraw[j] + bias[j];
      }
      h.write(hi, i * H, H);
    }
  }

  @Override
  public void backward(Matrix dh, Matrix x, Matrix dx) {
    int H = x.columns();
    double[] gain = values(GAIN);
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    double[] lnraw = new double[H];
    double[] dhi = new double[H];
    double[] dxi = new double[H];
    for (int i = 0; i < x.rows(); i++) {
      dh.read(i * H, H, dhi);
      double lnvarInv = normalise(x, i, lnraw);
      double throughMean = 0;
      double throughVariance = 0;
      for (int j = 0; j < H; j++) {
        dgain[j] += lnraw[j] * dhi[j];
        dbias[j] += dhi[j];
        throughMean -= gain[j] * dhi[j] / H;
        throughVariance -= gain[j] * dhi[j] * lnraw[j] / H; // times lnraw
      }
      for (int j = 0; j < H; j++) {
        double direct = gain[j] * dhi[j];
        dxi[j] = lnvarInv * (direct + throughMean + throughVariance * lnraw[j]);
      }
      if (dx != null) {
        dx.write(dxi, i * H, H);
      }
    }
    gradient(GAIN).write(dgain, 0, H);
    gradient(BIAS).write(dbias, 0, H);
  }

  /** lnraw = (x − mean)·(var + ε)^−½ of row i; returns the last factor. */
  private double normalise(Matrix x, int i, double[] lnraw) {
    int H = x.columns();
    double[] xi = new double[H];
    x.read(i * H, H, xi);
    double mean = Arrays.stream(xi).sum() / H;
    double var = Arrays.stream(xi).map(each -> (each - mean) * (each - mean)).sum() / H;
    double lnvarInv = 1 / Math.sqrt(var + layerConf().getEps());
    for (int j = 0; j < H; j++) {
      lnraw[j] = (xi[j] - mean) * lnvarInv;
    }
    return lnvarInv;
  }
}
