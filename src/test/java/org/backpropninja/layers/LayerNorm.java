package org.backpropninja.layers;

import java.util.List;
import java.util.Objects;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Layer norm: each example is normalised by its own mean and variance.
 *
 * <pre>h = gain·(x − mean)·(var + ε)^−½ + bias</pre>
 *
 * <p>Shapes: x, h [n, H]; mean, var [n]; gain, bias [H], keys {@code "gain"}, {@code "bias"}. The
 * variance divides by H. Source: Ba, Kiros, Hinton, "Layer Normalization", 2016.
 */
public final class LayerNorm extends ManualLayer {

  static final String GAIN = "gain";
  static final String BIAS = "bias";

  private double eps = 1e-5;

  /** For deserialisation; users take the {@link Builder}. */
  public LayerNorm() {}

  private LayerNorm(Builder builder) {
    super(builder);
    eps = builder.eps;
    initializeConstraints(builder);
  }

  @Override
  List<Parameter> parameters() {
    return List.of(
        Parameter.vector(GAIN, nIn, getGainInit()), Parameter.vector(BIAS, nIn, getBiasInit()));
  }

  @Override
  HandWrittenLayer<?> runtime(NeuralNetConfiguration conf, DataType dataType) {
    return new LayerNormLayer(conf, dataType);
  }

  @Override
  boolean keepsWidth() {
    return true;
  }

  @Override
  boolean hasActivation() {
    return false;
  }

  public double getEps() {
    return eps;
  }

  public void setEps(double eps) {
    this.eps = eps;
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other) && other instanceof LayerNorm o && eps == o.eps;
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), eps);
  }

  /** Builds a {@link LayerNorm}. */
  @SuppressWarnings("unchecked") // DL4J declares <E extends Layer> E build()
  public static final class Builder extends ManualLayer.Builder<Builder> {

    private double eps = 1e-5;

    /** Sets ε, which is added to the variance. Default: 1e-5. */
    public Builder eps(double eps) {
      if (!(eps > 0 && eps < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("eps (" + eps + ") must be positive and finite");
      }
      this.eps = eps;
      return this;
    }

    @Override
    public LayerNorm build() {
      return new LayerNorm(this);
    }
  }
}
