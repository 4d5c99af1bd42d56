package org.backpropninja.networks;

import static org.backpropninja.testing.Networks.classes;
import static org.backpropninja.testing.Networks.disturb;
import static org.backpropninja.testing.Networks.oneHot;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Arrays;
import java.util.List;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.exception.DL4JInvalidConfigException;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/** Each of these is right, or refused with the way out. */
class WhatUsersRanIntoTest {

  private static final int V = 6;
  private static final int T = 3;

  /** The two kinds of network. */
  enum Kind {
    STACK {
      @Override
      Model network(InputType type, List<Layer> layers) {
        NeuralNetConfiguration.ListBuilder list = settings().list();
        layers.forEach(list::layer);
        return initialised(
            new MultiLayerNetwork((type == null ? list : list.setInputType(type)).build()));
      }
    },
    GRAPH {
      @Override
      Model network(InputType type, List<Layer> layers) {
        ComputationGraphConfiguration.GraphBuilder graph = settings().graphBuilder().addInputs("x");
        String below = "x";
        for (Layer layer : layers) {
          graph.addLayer(layer.getLayerName(), layer, below);
          below = layer.getLayerName();
        }
        graph.setOutputs(below);
        return initialised(
            new ComputationGraph((type == null ? graph : graph.setInputTypes(type)).build()));
      }
    };

    abstract Model network(InputType type, List<Layer> layers);

    Model network(InputType type, Layer... layers) {
      return network(type, List.of(layers));
    }

    private static NeuralNetConfiguration.Builder settings() {
      return new NeuralNetConfiguration.Builder()
          .seed(7)
          .dataType(DataType.DOUBLE)
          .updater(RealNetwork.UPDATER);
    }

    private static Model initialised(Model network) {
      network.init();
      disturb(network.paramTable(), 11);
      return network;
    }

    RealNetwork of(Sample sample) {
      return RealNetwork.all()
          .filter(kind -> kind.sample() == sample && kind.isGraph() == (this == GRAPH))
          .findFirst()
          .orElseThrow();
    }
  }

  private static ManualDense.Builder dense() {
    return new ManualDense.Builder().name("dense").nOut(5).activation(Activation.TANH);
  }

  private static BatchNormBessel.Builder norm() {
    return new BatchNormBessel.Builder().name("norm");
  }

  private static EmbeddingConcat.Builder embedding() {
    return new EmbeddingConcat.Builder().name("emb").nIn(V).nOut(2);
  }

  private static OutputLayer.Builder output() {
    return new OutputLayer.Builder(new ManualCrossEntropyLoss())
        .name("out")
        .nOut(Sample.CLASSES)
        .activation(Activation.SOFTMAX);
  }

  // Sizes

  /** DL4J knows by name behind which first layers it may infer sizes without an input type. */
  @ParameterizedTest
  @EnumSource
  void noInputTypeBehindOurLayers(Kind kind) {
    List<Layer> firsts =
        List.of(
            new ManualDense.Builder().name("first").nIn(4).nOut(5).build(),
            norm().name("first").nIn(4).build(),
            embedding().name("first").inputLength(T).build());
    List<Layer> behind = List.of(dense().build(), norm().build());
    for (Layer first : firsts) {
      for (Layer second : behind) {
        assertRefused(
            DL4JInvalidConfigException.class,
            () -> kind.network(null, first.clone(), second.clone(), output().nIn(5).build()),
            second.getClass().getSimpleName() + " (layer ",
            "\"" + second.getLayerName() + "\"",
            "nIn (0)",
            "setInputType");
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theWaysOut(Kind kind) {
    Layer first = new ManualDense.Builder().name("first").nIn(4).nOut(3).build();
    Model told =
        kind.network(
            null,
            first.clone(),
            dense().nIn(3).build(),
            norm().nIn(5).build(),
            output().nIn(5).build());
    Model inferred =
        kind.network(
            InputType.feedForward(4),
            first.clone(),
            dense().build(),
            norm().build(),
            output().build());
    assertArrayEquals(Nets.params(told), Nets.params(inferred));
  }

  @ParameterizedTest
  @EnumSource(names = "STACK") // in a graph it infers nothing
  void noInputTypeBehindDl4jsLayer(Kind kind) {
    Layer first = new DenseLayer.Builder().name("first").nIn(4).nOut(3).build();
    Model network = kind.network(null, first, dense().build(), norm().build(), output().build());
    assertEquals(3, ((FeedForwardLayer) Nets.layer(network, "dense").conf().getLayer()).getNIn());
    assertEquals(5, ((FeedForwardLayer) Nets.layer(network, "out").conf().getLayer()).getNIn());
  }

  /** Where the layer behind is not told of a new width, it says what to do. */
  @ParameterizedTest
  @EnumSource
  void aWidthThatTheLayerBehindDoesNotKnow(Kind kind) {
    RealNetwork table = kind.of(Sample.TABLE);
    for (String changed : List.of("emb", "wide")) {
      Model network = new Transfer(table, table.network()).nOut(changed, 7).build();
      assertRefused(
          () -> Nets.train(network, Sample.TABLE, 1, 1),
          changed.equals("emb") ? "\"wide\"" : "\"next\"",
          changed.equals("emb") ? "[7, 21]" : "[7, 7]",
          "nInReplace",
          "setInputTypes");
    }
  }

  /** An added layer cannot take the format from an input type, because DL4J hands it none. */
  @ParameterizedTest
  @EnumSource
  void anAddedLayerOfTheOtherFormat(Kind kind) {
    RealNetwork words = kind.of(Sample.WORDS);
    Model network =
        new Transfer(words, words.network())
            .removeOutput()
            .add(dense().nIn(5).build())
            .add(Sample.WORDS.otherHead().get(2))
            .build();
    assertRefused(
        () -> Nets.train(network, Sample.WORDS, 1, 1),
        "\"dense\"",
        "[7, 6, 5]",
        "last axis",
        "dataFormat");
  }

  // Indices

  private static INDArray indices() {
    return Sample.TABLE.minibatch(1, 9).getFeatures();
  }

  @ParameterizedTest
  @EnumSource
  void indicesAsSequences(Kind kind) {
    INDArray expected = embedded(kind, InputType.feedForward(T), indices());
    INDArray sequence = indices().reshape(9, 1, T);
    assertEquals(expected, embedded(kind, InputType.recurrent(1, T), indices()));
    assertEquals(expected, embedded(kind, InputType.recurrent(1, T), sequence));
  }

  private static INDArray embedded(Kind kind, InputType type, INDArray indices) {
    Model network = kind.network(type, embedding().build(), dense().build(), output().build());
    return Nd4j.create(Nets.output(network, new DataSet(indices, null)));
  }

  @ParameterizedTest
  @EnumSource
  void sequencesOfVectorsAreNoIndices(Kind kind) {
    assertRefused(
        IllegalStateException.class,
        () -> embedded(kind, InputType.recurrent(2, T), indices()),
        "EmbeddingConcat",
        "\"emb\"",
        "InputType.recurrent(1, T)");
  }

  /** A position that is left out counts as a vector of zeros, and its row of C is not trained. */
  @ParameterizedTest
  @EnumSource
  void aMaskForEachPosition(Kind kind) {
    INDArray present = Nd4j.ones(9, T);
    INDArray indices = indices().fmod(V - 1); // the last index is for those that are left out
    for (int i = 0; i < 9; i++) {
      present.putScalar(i, i % T, 0);
      indices.putScalar(i, i % T, V - 1);
    }
    DataSet labelled = new DataSet(indices, Sample.TABLE.minibatch(1, 9).getLabels());
    Model zeros = maskable(kind);
    zeros.getParam((kind == Kind.GRAPH ? "emb" : "0") + "_W").getRow(V - 1).assign(0);
    Model masked = maskable(kind);
    double[] row = lastRow(kind, masked);
    DataSet data = new DataSet(indices.dup(), labelled.getLabels(), present, null);
    for (int i = 0; i < 9; i++) {
      data.getFeatures().putScalar(i, i % T, Double.NaN); // nobody looks at it
    }
    assertArrayEquals(Nets.output(zeros, labelled), Nets.output(masked, data));
    Nets.fit(masked, data);
    assertFalse(Arrays.equals(Nets.params(maskable(kind)), Nets.params(masked)));
    assertArrayEquals(row, lastRow(kind, masked));
  }

  private static Model maskable(Kind kind) {
    return kind.network(
        InputType.feedForward(T),
        embedding().build(),
        dense().build(),
        norm().build(),
        output().build());
  }

  private static double[] lastRow(Kind kind, Model network) {
    String key = (kind == Kind.GRAPH ? "emb" : "0") + "_W";
    return NdArrays.values(network.getParam(key).getRow(V - 1));
  }

  // Labels

  /** {@code argMax(1)} gives a vector. */
  @ParameterizedTest
  @EnumSource
  void labelsOfRankOne(Kind kind) {
    INDArray rows = oneHot(DataType.FLOAT, Sample.CLASSES, classes(3, 9, Sample.CLASSES));
    INDArray classes = rows.argMax(1);
    assertEquals(1, classes.rank());
    Model byRows = maskable(kind);
    Nets.fit(byRows, new DataSet(indices(), rows));
    for (INDArray labels :
        List.of(classes, classes.castTo(DataType.DOUBLE), classes.reshape(9, 1))) {
      Model byClasses = maskable(kind);
      Nets.fit(byClasses, new DataSet(indices(), labels));
      assertEquals(byRows.score(), byClasses.score());
      assertArrayEquals(Nets.params(byRows), Nets.params(byClasses));
    }
  }

  // The last minibatch

  /** 8 examples in minibatches of 7. */
  private static DataSetIterator oneLeft() {
    return new ListDataSetIterator<>(Sample.TABLE.minibatch(1, 8).asList(), 7);
  }

  private static Model ending(Kind kind, BatchNormBessel norm) {
    return kind.network(
        InputType.feedForward(T), embedding().build(), dense().build(), norm, output().build());
  }

  private static void fit(Model network, DataSetIterator epoch) {
    if (network instanceof ComputationGraph graph) {
      graph.fit(epoch);
    } else {
      ((MultiLayerNetwork) network).fit(epoch);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLastMinibatchOfOneIsRefused(Kind kind) {
    assertRefused(
        () -> fit(ending(kind, norm().build()), oneLeft()),
        "BatchNormBessel",
        "\"norm\"",
        "at least 2 values",
        "leave it out",
        "join it",
        "onSingleValue(USE_RUNNING)");
  }

  @ParameterizedTest
  @EnumSource
  void orNormalisedByTheRunningStatistics(Kind kind) {
    BatchNormBessel norm = norm().onSingleValue(BatchNormBessel.OnSingleValue.USE_RUNNING).build();
    Model whole = ending(kind, norm);
    fit(whole, oneLeft());
    Model withoutTheLast = ending(kind, norm);
    Nets.fit(withoutTheLast, oneLeft().next());
    for (String key : List.of("mean", "var")) {
      assertEquals(
          Nets.layer(withoutTheLast, "norm").getParam(key),
          Nets.layer(whole, "norm").getParam(key));
    }
    assertFalse(Arrays.equals(Nets.params(withoutTheLast), Nets.params(whole)));
  }
}
