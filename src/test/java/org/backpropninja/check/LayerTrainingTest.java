package org.backpropninja.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.dropout.IDropout;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;

/** Layers that are right pass the family {@code training}, those too that refuse what they may. */
class LayerTrainingTest {

  static Stream<LayerConformance> right() {
    InputType rows = InputType.feedForward(5);
    InputType sequences = InputType.recurrent(3, 4, RNNFormat.NWC);
    InputType images = InputType.convolutional(5, 4, 3, CNN2DFormat.NHWC);
    return Stream.of(
        LayerConformance.of(() -> new ManualDense.Builder().nOut(4).build()).input(rows),
        LayerConformance.of(() -> new ManualDense.Builder().nOut(4).build()).input(sequences),
        LayerConformance.of(() -> new EmbeddingConcat.Builder().nIn(7).nOut(4).build())
            .input(InputType.feedForward(3))
            .indices(7),
        batchNorm().input(rows),
        batchNorm().input(sequences),
        batchNorm().input(images),
        LayerConformance.of(() -> new DenseLayer.Builder().nOut(4).build()).input(rows),
        LayerConformance.of(() -> new DropoutLayer.Builder(0.5).build()).input(rows),
        LayerConformance.of(() -> new LSTM.Builder().nOut(4).activation(Activation.TANH).build())
            .input(InputType.recurrent(3, 4)),
        LayerConformance.of(
                () ->
                    new ConvolutionLayer.Builder(2, 2).nOut(4).dataFormat(CNN2DFormat.NHWC).build())
            .input(images));
  }

  private static LayerConformance batchNorm() {
    return LayerConformance.of(() -> new BatchNormBessel.Builder().build())
        .refuses(Feature.SINGLE_EXAMPLE)
        .state("mean", (mean, x) -> mean.mul(0.9).addi(x.mean(rows(x.rank())).muli(0.1)))
        .state("var", (var, x) -> var.mul(0.9).addi(x.var(rows(x.rank())).muli(0.1)))
        .calibratedBy(Calibration::calibrate);
  }

  /** All axes but the last. */
  private static int[] rows(int rank) {
    return IntStream.range(0, rank - 1).toArray();
  }

  @ParameterizedTest
  @MethodSource("right")
  void passes(LayerConformance kit) {
    ConformanceReport report = kit.only("training").run();
    assertTrue(report.passed(), report::text);
  }

  @Test
  void aLayerThatRefusesWhatItDeclaresPasses() {
    ConformanceReport report =
        Sound.kit(Refusing::new)
            .refuses(
                Feature.CONSTRAINTS,
                Feature.DROPOUT,
                Feature.WEIGHT_NOISE,
                Feature.TRANSFER_LEARNING,
                Feature.FROZEN,
                Feature.FLOAT)
            .only("training")
            .run();
    assertTrue(report.passed(), report::text);
    assertEquals(7, report.ran(), report::text);
  }

  /** Can be trained, and nothing else. */
  static final class Refusing extends Sound {

    private static final long serialVersionUID = 1;

    @Override
    public void setConstraints(List<LayerConstraint> constraints) {
      refuse(constraints);
    }

    @Override
    public void setIDropout(IDropout dropout) {
      refuse(dropout);
    }

    @Override
    public void setWeightNoise(IWeightNoise noise) {
      refuse(noise);
    }

    @Override
    public void setNIn(long nIn) {
      refuse(nIn == getNIn() ? null : nIn);
      super.setNIn(nIn);
    }

    private void refuse(Object setting) {
      if (setting != null) {
        throw new UnsupportedOperationException(setting + " is refused");
      }
    }
  }
}
