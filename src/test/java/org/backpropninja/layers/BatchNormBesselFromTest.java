package org.backpropninja.layers;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.math.Variance;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Networks;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.constraint.MaxNormConstraint;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** Configurations of DL4J's batch norm as ours. */
class BatchNormBesselFromTest {

  private static final int N = 6;
  private static final INDArray X = Layers.random(1, -2, 3, N, 4);
  private static final INDArray Y = Networks.oneHot(DataType.DOUBLE, 3, 0, 2, 1, 1, 0, 2);

  private static BatchNormalization.Builder theirs() {
    return new BatchNormalization.Builder().decay(0.7).eps(0.01);
  }

  @Test
  void takesWhatDl4jsLayerGoesBy() {
    BatchNormBessel ours =
        BatchNormBessel.from(
            theirs()
                .name("norm")
                .nIn(5)
                .nOut(5)
                .gamma(1.3)
                .beta(0.4)
                .updater(new Adam(0.02))
                .gradientNormalization(GradientNormalization.ClipL2PerLayer)
                .gradientNormalizationThreshold(0.3)
                .dataFormat(CNN2DFormat.NHWC)
                .build());
    assertEquals("norm", ours.getLayerName());
    assertEquals(5, ours.getNIn());
    assertEquals(5, ours.getNOut());
    assertEquals(0.7, ours.getDecay());
    assertEquals(0.01, ours.getEps());
    assertEquals(Variance.BIASED, ours.getVariance());
    assertEquals(Variance.BIASED, ours.getRunningVariance());
    assertEquals(1.3, ours.getGainInit());
    assertEquals(0.4, ours.getBiasInit());
    assertEquals(new Adam(0.02), ours.getIUpdater());
    assertEquals(GradientNormalization.ClipL2PerLayer, ours.getGradientNormalization());
    assertEquals(0.3, ours.getGradientNormalizationThreshold());
    assertEquals(true, ours.getChannelsLast());
    assertNull(BatchNormBessel.from(theirs().build()).getChannelsLast());
    assertNull(ours.getConstraints());
  }

  @Test
  void leavesOutWhatDl4jsLayerIgnores() {
    BatchNormBessel ours =
        BatchNormBessel.from(
            theirs()
                .activation(Activation.RELU)
                .dropOut(0.5)
                .weightNoise(new DropConnect(0.5))
                .minibatch(false)
                .build());
    assertInstanceOf(ActivationIdentity.class, ours.getActivationFn());
    assertNull(ours.getIDropout());
    assertNull(ours.getWeightNoise());
    assertEquals(ours, BatchNormBessel.from(theirs().build()));
  }

  @Test
  void renamesWhatConstraintsAreOf() {
    BatchNormalization theirs =
        theirs().constrainAllParameters(new MaxNormConstraint(0.5, 0)).build();
    BatchNormalization ofGamma = theirs().build();
    ofGamma.setConstraints(List.of(new NonNegativeConstraint()));
    ofGamma.getConstraints().get(0).setParams(Set.of("gamma"));
    BatchNormBessel ours = BatchNormBessel.from(theirs);
    assertInstanceOf(MaxNormConstraint.class, ours.getConstraints().get(0));
    assertEquals(Set.of("gain", "bias"), ours.getConstraints().get(0).getParams());
    assertEquals(Set.of("gain"), BatchNormBessel.from(ofGamma).getConstraints().get(0).getParams());
    assertEquals(
        Set.of("gamma", "beta", "mean", "log10stdev"), theirs.getConstraints().get(0).getParams());
  }

  @Test
  void lockedValuesAreFixedUnlessDl4jIgnoresThem() {
    assertLocked(1.3, 0.4, theirs().lockGammaBeta(true).gamma(1.3).beta(0.4).build());
    assertLocked(1, 0, theirs().lockGammaBeta(true).build());
    assertLocked(1, 0, theirs().lockGammaBeta(true).gamma(2).build());
    assertLocked(1, 0, theirs().lockGammaBeta(true).beta(0.7).build());
  }

  private static void assertLocked(double gain, double bias, BatchNormalization theirs) {
    BatchNormBessel ours = BatchNormBessel.from(theirs);
    assertFalse(ours.isUseGain());
    assertFalse(ours.isUseBias());
    assertEquals(gain, ours.getGainInit());
    assertEquals(bias, ours.getBiasInit());
  }

  private static MultiLayerNetwork network(Layer layer) {
    MultiLayerNetwork network =
        new MultiLayerNetwork(
            Networks.settings(DataType.DOUBLE)
                .updater(new Sgd(0.1))
                .biasInit(0.2)
                .list()
                .layer(Networks.dense(5))
                .layer(layer)
                .layer(Networks.output(3))
                .setInputType(InputType.feedForward(4))
                .build());
    network.init();
    return network;
  }

  /** Untrained, in a network of the same seed. */
  @Test
  void aNewNetworkLearnsTheSame() {
    for (boolean isLocked : new boolean[] {false, true}) {
      BatchNormalization.Builder layer = theirs().gamma(1.3).beta(0.4).lockGammaBeta(isLocked);
      MultiLayerNetwork theirs = network(layer.build());
      MultiLayerNetwork ours = network(BatchNormBessel.from(layer.build()));
      for (int step = 0; step < 5; step++) {
        theirs.fit(X, Y);
        ours.fit(X, Y);
        assertEquals(theirs.score(), ours.score(), 1e-12);
      }
      assertClose(
          "output", NdArrays.values(theirs.output(X)), NdArrays.values(ours.output(X)), 1e-12);
    }
  }

  /** Not those of the network, whose biasInit is 0.2. */
  @Test
  void whatIsNotTrainedIsNeutralUnlessTheLayerSaysOtherwise() {
    assertEquals(1, new BatchNormBessel.Builder().useGain(false).build().getGainInit());
    assertEquals(0, new BatchNormBessel.Builder().useBias(false).build().getBiasInit());
    MultiLayerNetwork neutral =
        network(new BatchNormBessel.Builder().useGain(false).useBias(false).build());
    double[] bnraw = NdArrays.values(neutral.feedForward(X, true).get(2));
    assertEquals(0, Arrays.stream(bnraw).sum(), 1e-12);
    MultiLayerNetwork fixed =
        network(
            new BatchNormBessel.Builder()
                .useGain(false)
                .gainInit(-3)
                .useBias(false)
                .biasInit(0.5)
                .build());
    double[] expected = Arrays.stream(bnraw).map(x -> 0.5 - 3 * x).toArray();
    double[] h = NdArrays.values(fixed.feedForward(X, true).get(2));
    assertClose("h", expected, h, 1e-12);
    assertEquals(Set.of("mean", "var"), fixed.getLayer(1).paramTable().keySet());
  }

  /**
   * FineTuneConfiguration sets the biasInit of every layer, which is to be no more than a start.
   */
  @Test
  void fineTuningLeavesAFixedBiasAsItIs() {
    MultiLayerNetwork fixed =
        network(new BatchNormBessel.Builder().useBias(false).biasInit(0.5).build());
    var tuning = new FineTuneConfiguration.Builder().biasInit(-2).build();
    MultiLayerNetwork transferred =
        new TransferLearning.Builder(fixed).fineTuneConfiguration(tuning).build();
    MultiLayerNetwork copy =
        new MultiLayerNetwork(
            MultiLayerConfiguration.fromJson(transferred.getLayerWiseConfigurations().toJson()));
    copy.init(fixed.params(), true);
    assertEquals(fixed.output(X), transferred.output(X));
    assertEquals(fixed.output(X), copy.output(X));
  }
}
