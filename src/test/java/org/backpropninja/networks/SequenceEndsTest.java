package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/** What stands behind the end of a sequence changes nothing, in training and in inference. */
class SequenceEndsTest {

  static Stream<RealNetwork> sequences() {
    return RealNetwork.all()
        .filter(kind -> kind.sample() == Sample.TAGS || kind.sample() == Sample.WORDS);
  }

  @ParameterizedTest
  @MethodSource("sequences")
  void theyDoNotMatter(RealNetwork kind) {
    DataSet minibatch = kind.sample().minibatch(1, 7);
    DataSet others = kind.sample().minibatch(1, 7);
    INDArray mask = others.getFeaturesMaskArray();
    INDArray features = others.getFeatures();
    boolean last = kind.sample() == Sample.WORDS; // the channels' axis
    for (int i = 0; i < mask.size(0); i++) {
      for (int t = 0; t < mask.size(1); t++) {
        for (int c = 0; c < features.size(last ? 2 : 1) && mask.getDouble(i, t) == 0; c++) {
          features.putScalar(last ? new int[] {i, t, c} : new int[] {i, c, t}, 5);
        }
      }
    }
    Model network = kind.network();
    Model other = kind.network();
    assertArrayEquals(Nets.output(network, minibatch), Nets.output(other, others));
    Nets.fit(network, minibatch);
    Nets.fit(other, others);
    assertArrayEquals(Nets.params(network), Nets.params(other));
  }
}
