package org.backpropninja.networks;

import static org.backpropninja.testing.Layers.random;
import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.oneHot;

import java.util.ArrayList;
import java.util.List;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** What real networks are built for, small: no setting is the default one. */
enum Sample {
  /** Rows of indices: an embedding and two dense layers with batch norm. */
  TABLE {
    @Override
    InputType inputType() {
      return InputType.feedForward(3);
    }

    @Override
    List<Layer> layers() {
      return List.of(
          new EmbeddingConcat.Builder().name("emb").nIn(6).nOut(2).paddingIndex(1).build(),
          new ManualDense.Builder().name("wide").nOut(8).activation(Activation.IDENTITY).build(),
          pytorch("wideNorm").activation(Activation.TANH).build(),
          new ManualDense.Builder().name("next").nOut(5).hasBias(false).build(),
          averaging("nextNorm").build(),
          output(weighted()));
    }

    @Override
    DataSet minibatch(long seed, int n) {
      INDArray indices = random(seed, 0, 6, n, 3).castTo(DataType.INT32).castTo(DataType.FLOAT);
      return new DataSet(indices, classesOf(seed, n).reshape(n, 1));
    }

    @Override
    List<Layer> otherHead() {
      return List.of(addedDense().build(), addedNorm().build(), output(weighted()));
    }
  },

  /** Sequences of different lengths, [n, c, t], with a class for each step. */
  TAGS {
    @Override
    InputType inputType() {
      return InputType.recurrent(3, STEPS);
    }

    @Override
    List<Layer> layers() {
      return tagger(RNNFormat.NCW);
    }

    @Override
    DataSet minibatch(long seed, int n) {
      return sequences(seed, n);
    }

    @Override
    List<Layer> otherHead() {
      return List.of(addedDense().build(), addedNorm().build(), tags(RNNFormat.NCW));
    }
  },

  /** Sequences of words, [n, t, 1], with a class for each that has one. */
  WORDS {
    @Override
    InputType inputType() {
      return InputType.recurrent(1, STEPS, RNNFormat.NWC);
    }

    @Override
    List<Layer> layers() {
      List<Layer> layers = new ArrayList<>(tagger(RNNFormat.NWC));
      layers.add(0, new EmbeddingConcat.Builder().name("emb").nIn(6).nOut(2).concat(false).build());
      return layers;
    }

    @Override
    DataSet minibatch(long seed, int n) {
      DataSet sequences = sequences(seed, n);
      INDArray words = random(seed, 0, 6, n, STEPS, 1).castTo(DataType.INT32);
      INDArray tags = classesOf(seed, n * STEPS).reshape(n, STEPS, 1);
      for (int i = 0; i < n; i++) {
        tags.putScalar(i, i % 3, 0, NO_TAG);
      }
      return new DataSet(
          words.castTo(DataType.FLOAT),
          tags,
          sequences.getFeaturesMaskArray(),
          sequences.getLabelsMaskArray());
    }

    @Override
    List<Layer> otherHead() {
      return List.of(
          addedDense().dataFormat(RNNFormat.NWC).build(),
          addedNorm().dataFormat(RNNFormat.NWC).build(),
          tags(RNNFormat.NWC));
    }
  },

  /** Images, NCHW. */
  IMAGES {
    @Override
    InputType inputType() {
      return InputType.convolutional(6, 5, 2, CNN2DFormat.NCHW);
    }

    @Override
    List<Layer> layers() {
      return convolutional(CNN2DFormat.NCHW);
    }

    @Override
    DataSet minibatch(long seed, int n) {
      return images(seed, n);
    }

    @Override
    List<Layer> otherHead() {
      return List.of(
          addedDense().build(), addedNorm().build(), output(new ManualCrossEntropyLoss()));
    }
  },

  /** The same images, NHWC. */
  IMAGES_NHWC {
    @Override
    InputType inputType() {
      return InputType.convolutional(6, 5, 2, CNN2DFormat.NHWC);
    }

    @Override
    List<Layer> layers() {
      return convolutional(CNN2DFormat.NHWC);
    }

    @Override
    DataSet minibatch(long seed, int n) {
      DataSet images = images(seed, n);
      images.setFeatures(images.getFeatures().permute(0, 2, 3, 1).dup());
      return images;
    }

    @Override
    List<Layer> otherHead() {
      return List.of(
          addedDense().build(), addedNorm().build(), output(new ManualCrossEntropyLoss()));
    }
  };

  /** A layer whose batch norm, {@code "wideNorm"}, and {@code "next"} stand behind it. */
  static final String WIDE = "wide";

  static final int CLASSES = 4;
  private static final int STEPS = 6;
  private static final int NO_TAG = -100;

  abstract InputType inputType();

  abstract List<Layer> layers();

  /** Features, labels and masks, FLOAT as users hand them over. */
  abstract DataSet minibatch(long seed, int n);

  /** Layers for the place of the output layer, with all their sizes. */
  abstract List<Layer> otherHead();

  // Layers

  private static List<Layer> tagger(RNNFormat format) {
    return List.of(
        new ManualDense.Builder().name("wide").nOut(8).activation(Activation.ELU).build(),
        pytorch("wideNorm").useBias(false).build(),
        new LSTM.Builder().name("next").nOut(5).dataFormat(format).build(),
        averaging("nextNorm").build(),
        tags(format));
  }

  private static List<Layer> convolutional(CNN2DFormat format) {
    return List.of(
        new ConvolutionLayer.Builder(3, 2)
            .name("wide")
            .nOut(8)
            .dataFormat(format)
            .activation(Activation.IDENTITY)
            .build(),
        pytorch("wideNorm").activation(Activation.SWISH).build(),
        new SubsamplingLayer.Builder(PoolingType.AVG)
            .name("pool")
            .kernelSize(2, 2)
            .stride(2, 2)
            .dataFormat(format)
            .build(),
        new GlobalPoolingLayer.Builder(PoolingType.MAX).name("places").build(),
        new ManualDense.Builder().name("next").nOut(5).build(),
        averaging("nextNorm").activation(Activation.TANH).build(),
        output(new ManualCrossEntropyLoss()));
  }

  private static BatchNormBessel.Builder pytorch(String name) {
    return new BatchNormBessel.Builder()
        .name(name)
        .convention(BatchNormBessel.Convention.PYTORCH)
        .decay(0.8)
        .eps(1e-3);
  }

  static BatchNormBessel.Builder averaging(String name) {
    return new BatchNormBessel.Builder()
        .name(name)
        .convention(BatchNormBessel.Convention.KERAS)
        .cumulativeAverage()
        .useGain(false)
        .onSingleValue(BatchNormBessel.OnSingleValue.USE_RUNNING);
  }

  private static ManualCrossEntropyLoss weighted() {
    return new ManualCrossEntropyLoss()
        .classWeights(1.5, 0.5, 2, 0.75)
        .labelSmoothing(0.1)
        .mean(ManualCrossEntropyLoss.Mean.OVER_WEIGHTS);
  }

  private static Layer output(ManualCrossEntropyLoss loss) {
    return new OutputLayer.Builder(loss)
        .name("out")
        .nIn(5)
        .nOut(CLASSES)
        .activation(Activation.SOFTMAX)
        .l2(0.01)
        .build();
  }

  private static Layer tags(RNNFormat format) {
    return new RnnOutputLayer.Builder(new ManualCrossEntropyLoss().ignoreIndex(NO_TAG))
        .name("out")
        .nIn(5)
        .nOut(CLASSES)
        .dataFormat(format)
        .activation(Activation.SOFTMAX)
        .l2(0.01)
        .build();
  }

  private static ManualDense.Builder addedDense() {
    return new ManualDense.Builder().name("added").nIn(5).nOut(5).l2(0.02);
  }

  private static BatchNormBessel.Builder addedNorm() {
    return pytorch("addedNorm").nIn(5).activation(Activation.TANH);
  }

  // Data

  private static INDArray classesOf(long seed, int n) {
    return Nd4j.createFromArray(classes(seed, n, CLASSES)).castTo(DataType.FLOAT);
  }

  private static INDArray labels(long seed, int n) {
    return oneHot(DataType.FLOAT, CLASSES, classes(seed, n, CLASSES));
  }

  private static DataSet images(long seed, int n) {
    return new DataSet(random(seed, -1, 2, n, 2, 6, 5).castTo(DataType.FLOAT), labels(seed, n));
  }

  /** The sequences have 3, 4, … steps; what stands behind their ends must not matter. */
  private static DataSet sequences(long seed, int n) {
    INDArray mask = Nd4j.zeros(DataType.FLOAT, n, STEPS);
    for (int i = 0; i < n; i++) {
      for (int t = 0; t < 3 + i % 4; t++) {
        mask.putScalar(i, t, 1);
      }
    }
    INDArray features = random(seed, -1, 2, n, 3, STEPS).castTo(DataType.FLOAT);
    INDArray labels = labels(seed, n * STEPS).reshape(n, STEPS, CLASSES).permute(0, 2, 1).dup();
    return new DataSet(features, labels, mask, mask);
  }
}
