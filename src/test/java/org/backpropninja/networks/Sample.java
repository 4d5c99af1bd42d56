package org.backpropninja.networks;

import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.oneHot;

import java.util.List;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.math.Variance;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;

/** What real networks are built for, small: no setting is the default one, no size occurs twice. */
enum Sample {
  /** Rows of indices: an embedding, two dense layers with batch norm, an output layer. */
  TABLE {
    @Override
    InputType inputType() {
      return InputType.feedForward(3);
    }

    @Override
    List<Layer> layers() {
      return List.of(
          new EmbeddingConcat.Builder().name("emb").nIn(6).nOut(2).l2(0.01).build(),
          new ManualDense.Builder().name("wide").nOut(8).build(),
          norm("wideNorm").activation(Activation.TANH).build(),
          new ManualDense.Builder().name("narrow").nOut(5).hasBias(false).build(),
          norm("narrowNorm").activation(Activation.ELU).build(),
          output(5));
    }

    @Override
    DataSet minibatch(long seed, int n) {
      return new DataSet(
          random(seed, 0, 6, n, 3).castTo(DataType.INT32).castTo(DataType.FLOAT),
          oneHot(DataType.FLOAT, CLASSES, classes(seed, n, CLASSES)));
    }

    @Override
    String widened() {
      return "wide";
    }

    @Override
    String behindWidened() {
      return "wideNorm";
    }

    @Override
    String second() {
      return "narrow";
    }

    @Override
    List<Layer> otherHead() {
      return List.of(
          new ManualDense.Builder().name("added").nIn(5).nOut(3).l2(0.02).build(),
          norm("addedNorm").nIn(3).activation(Activation.TANH).build(),
          output(3));
    }
  };

  static final int CLASSES = 4;

  abstract InputType inputType();

  abstract List<Layer> layers();

  /** Features, labels and masks, FLOAT as users hand them over. */
  abstract DataSet minibatch(long seed, int n);

  /** A layer below a batch norm of ours. */
  abstract String widened();

  /** That batch norm. */
  abstract String behindWidened();

  /** The layer with parameters behind that batch norm. */
  abstract String second();

  /** How many positions of a channel are inputs of their own for that layer. */
  int positions() {
    return 1;
  }

  /** Layers to take the place of the output layer, with all their sizes. */
  abstract List<Layer> otherHead();

  private static Layer output(int nIn) {
    return new OutputLayer.Builder(new ManualCrossEntropyLoss())
        .name("out")
        .nIn(nIn)
        .nOut(CLASSES)
        .activation(Activation.SOFTMAX)
        .build();
  }

  private static BatchNormBessel.Builder norm(String name) {
    return new BatchNormBessel.Builder()
        .name(name)
        .decay(0.8)
        .eps(1e-3)
        .variance(Variance.BIASED)
        .runningVariance(Variance.UNBIASED);
  }
}
