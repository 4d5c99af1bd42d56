package org.backpropninja.bench;

import static org.backpropninja.bench.OurWorkloads.D;
import static org.backpropninja.bench.OurWorkloads.LEARNING_RATE;
import static org.backpropninja.bench.OurWorkloads.T;

import java.util.Random;
import java.util.function.Supplier;
import org.backpropninja.training.FlatGradientUpdater;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** Deeplearning4j's own layers, each set up as cheaply as it allows. */
final class StockWorkloads implements Workloads {

  private final boolean flatUpdater;

  StockWorkloads(boolean flatUpdater) {
    this.flatUpdater = flatUpdater;
  }

  @Override
  public Supplier<?> batchNorm(long... shape) {
    BatchNormalization layer =
        new BatchNormalization.Builder().nIn(shape[1]).nOut(shape[1]).build();
    INDArray x = Data.normal(shape);
    INDArray epsilon = Data.normal(shape);
    return shape.length == 3
        ? new SequenceStep(layer, x, epsilon)
        : new LayerStep(layer, x, epsilon);
  }

  @Override
  public Supplier<?> embedding(int V, int D, int T, int n) {
    return new LayerStep(
        embeddingLayer(V, D, T), Data.indices(new Random(1), V, n, T), Data.normal(n, T, D));
  }

  /** With output [n, T, D]: the default, [n, D, T], costs a permutation each way. */
  private static EmbeddingSequenceLayer embeddingLayer(int V, int D, int T) {
    return new EmbeddingSequenceLayer.Builder()
        .nIn(V)
        .nOut(D)
        .inputLength(T)
        .outputDataFormat(RNNFormat.NWC)
        .build();
  }

  @Override
  public Supplier<?> crossEntropy(int V, int n) {
    return new LossStep(
        new LossMCXENT(), Data.oneHot(Data.indices(new Random(1), V, n, 1), V), Data.normal(n, V));
  }

  @Override
  public Supplier<?> dense(int n, int I, int H) {
    return new LayerStep(denseLayer(I, H), Data.normal(n, I), Data.normal(n, H));
  }

  private static DenseLayer denseLayer(int I, int H) {
    return new DenseLayer.Builder().nIn(I).nOut(H).activation(Activation.IDENTITY).build();
  }

  @Override
  public Supplier<?> fit(int n, int H, int V) {
    MultiLayerNetwork network = new MultiLayerNetwork(charMlp(H, V));
    network.init();
    if (flatUpdater) {
      FlatGradientUpdater.install(network);
    }
    return new FitStep(network::fit, Data.minibatches(n, V, indices -> Data.oneHot(indices, V)));
  }

  private static MultiLayerConfiguration charMlp(int H, int V) {
    return new NeuralNetConfiguration.Builder()
        .updater(new Sgd(LEARNING_RATE))
        .list()
        .layer(embeddingLayer(V, D, T))
        .layer(denseLayer(T * D, H))
        .layer(new BatchNormalization.Builder().nIn(H).nOut(H).build())
        .layer(new ActivationLayer(Activation.TANH))
        .layer(
            new OutputLayer.Builder(LossFunction.MCXENT)
                .nIn(H)
                .nOut(V)
                .activation(Activation.SOFTMAX)
                .build())
        .inputPreProcessor(1, new SideBySide())
        .build();
  }
}
