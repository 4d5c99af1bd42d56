package org.backpropninja.layers;

import static org.backpropninja.testing.Differences.elements;
import static org.backpropninja.testing.Layers.backward;
import static org.backpropninja.testing.Layers.forward;
import static org.backpropninja.testing.Layers.gradients;
import static org.backpropninja.testing.Layers.instantiate;
import static org.backpropninja.testing.Layers.random;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Arrays;
import org.backpropninja.Backward;
import org.backpropninja.testing.DoublePrecision;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Training and inference passes of one layer in turn: a pass leaves nothing to the next one. */
@ExtendWith(DoublePrecision.class)
class PassesInTurnTest {

  private static final int N = 5;
  private static final int H = 3;

  private static FeedForwardLayer batchNorm(Activation activation, Backward way) {
    return new BatchNormBessel.Builder().nOut(H).activation(activation).backward(way).build();
  }

  /** The backward pass goes back through the inference pass, in which nothing is learnt. */
  @ParameterizedTest
  @EnumSource
  void inferenceInBetweenMovesNoStatistics(Backward way) {
    Layer layer = instantiate(batchNorm(Activation.TANH, way), DataType.DOUBLE, 1);
    INDArray before = layer.params().dup();
    INDArray x = random(1, -2, 2, N, H);
    INDArray epsilon = random(2, -1, 1, N, H);
    forward(layer, x, true);
    forward(layer, x, false);
    backward(layer, epsilon);
    assertEquals(before, layer.params());
    forward(layer, x, true);
    backward(layer, epsilon);
    assertNotEquals(before, layer.params(), "but a training pass does");
  }

  /** Variances that float cannot square go another way, and the next pass does not. */
  @ParameterizedTest
  @EnumSource(names = {"IDENTITY", "TANH", "RELU"})
  void inferenceAfterTrainingOnHugeNumbers(Activation activation) {
    FeedForwardLayer conf = batchNorm(activation, Backward.FUSED);
    Layer used = instantiate(conf, DataType.FLOAT, 1);
    Layer fresh = instantiate(conf, DataType.FLOAT, 1);
    INDArray huge = random(1, -1e17, 1e17, N + 2, H).castTo(DataType.FLOAT); // variances of 3e33
    forward(used, huge, true);
    INDArray x = random(2, -2, 2, N, H).castTo(DataType.FLOAT);
    INDArray epsilon = random(3, -1, 1, N, H).castTo(DataType.FLOAT);
    assertEquals(forward(fresh, x, false), forward(used, x, false));
    assertEquals(backward(fresh, epsilon), backward(used, epsilon));
    assertArrayEquals(gradients(fresh), gradients(used));
    assertEquals(fresh.params(), used.params());
  }

  private static EmbeddingConcat.Builder embedding(Backward way) {
    return new EmbeddingConcat.Builder().nIn(9).nOut(4).inputLength(3).backward(way);
  }

  /** A step's noise is that of its forward pass and of no other step, and inference has none. */
  @ParameterizedTest
  @EnumSource
  void noiseOfAnEmbeddingLastsOneStep(Backward way) {
    Layer clean = instantiate(embedding(way).build(), DataType.DOUBLE, 1);
    Layer noisy =
        instantiate(embedding(way).weightNoise(new DropConnect(0.5)).build(), DataType.DOUBLE, 1);
    INDArray x = Nd4j.createFromArray(new double[][] {{1, 8, 1}, {0, 2, 3}});
    double[] without = elements(forward(clean, x, true));
    double[] seen = without;
    for (int step = 0; step < 4; step++) {
      INDArray embcat = forward(noisy, x, true);
      assertFalse(Arrays.equals(seen, elements(embcat)), "new noise in step " + step);
      seen = elements(embcat);
      assertArrayEquals(seen, elements(forward(noisy, x, true)), "the same until the way back");
      backward(noisy, random(step, -1, 1, embcat.shape()));
      assertArrayEquals(without, elements(forward(noisy, x, false)), "inference");
    }
  }
}
