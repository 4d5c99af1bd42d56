package org.backpropninja.names;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.FlatGradientUpdater;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * The character MLP of makemore part 4 as an ordinary MultiLayerNetwork.
 *
 * <pre>
 * Xb [n, T] → 0 EmbeddingConcat embcat [n, T·D] → 1 ManualDense hprebn [n, H]
 *   → 2 BatchNormBessel with tanh h [n, H] → 3 ManualDense logits [n, V] → 4 LossLayer, cross entropy
 * </pre>
 *
 * @param vocabularySize V, at least 2
 * @param contextLength T, at least 1
 * @param embeddingSize D, at least 1
 * @param hiddenSize H, at least 1
 */
public record CharMlp(int vocabularySize, int contextLength, int embeddingSize, int hiddenSize) {

  private static final int CHUNK = 4096; // examples at a time where a whole set goes through
  private static final int CHUNK_ELEMENTS = 1 << 24; // of its widest array at most: 64 MiB

  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if one is too small
   */
  public CharMlp {
    requireAtLeast(2, "vocabularySize", vocabularySize);
    requireAtLeast(1, "contextLength", contextLength);
    requireAtLeast(1, "embeddingSize", embeddingSize);
    requireAtLeast(1, "hiddenSize", hiddenSize);
    long most = Integer.MAX_VALUE;
    if (count(vocabularySize, contextLength, embeddingSize, hiddenSize) > most) {
      throw new IllegalArgumentException(
          "sizes (V=%d T=%d D=%d H=%d) must give at most %d parameters"
              .formatted(vocabularySize, contextLength, embeddingSize, hiddenSize, most));
    }
  }

  private static void requireAtLeast(int least, String name, int value) {
    if (value < least) {
      throw new IllegalArgumentException(
          "%s (%d) must be at least %d".formatted(name, value, least));
    }
  }

  /**
   * Counts the trained parameters, without the running statistics.
   *
   * @return V·D + T·D·H + H + H·V + V + 2·H
   */
  public long parameters() {
    return (long) count(vocabularySize, contextLength, embeddingSize, hiddenSize);
  }

  /** In double, which cannot overflow and is exact up to 2⁵³. */
  private static double count(double V, double T, double D, double H) {
    return V * D + T * D * H + H + H * V + V + 2 * H;
  }

  /**
   * Returns the notebook's updater: gradient descent, learning rate 0.1 for the first half of the
   * steps, then 0.01.
   *
   * @param steps how many steps will be trained, at least 1
   * @return the updater
   */
  public static IUpdater notebookSgd(int steps) {
    requireAtLeast(1, "steps", steps);
    int half = Math.max(1, steps / 2); // a single step has no second half
    return new Sgd(new MapSchedule(ScheduleType.ITERATION, Map.of(0, 0.1, half, 0.01)));
  }

  /**
   * Makes the network with the notebook's initial weights.
   *
   * <pre>
   * C ~ N(0, 1)   W1 ~ N(0, 1)·(5/3)/√(T·D)   b1, W2, b2 ~ 0.1·N(0, 1)
   * gain ~ 1 + 0.1·N(0, 1)   bias ~ 0.1·N(0, 1)
   * </pre>
   *
   * @param updater for all layers
   * @param type FLOAT or DOUBLE
   * @param weights draws C, W1, b1, W2, b2, in this order
   * @param batchNorm draws gain and bias; may be {@code weights} itself
   * @return the network, initialised
   */
  public MultiLayerNetwork network(
      IUpdater updater, DataType type, TorchRandom weights, TorchRandom batchNorm) {
    return network(updater, 0, type, weights, batchNorm);
  }

  /**
   * Makes the same network with weight decay, which makes AdamW of Adam.
   *
   * @param updater for all layers
   * @param weightDecay λ: a step takes λ times the learning rate times C, W1 and W2 from them; 0
   *     for none
   * @param type FLOAT or DOUBLE
   * @param weights draws C, W1, b1, W2, b2, in this order
   * @param batchNorm draws gain and bias; may be {@code weights} itself
   * @return the network, initialised
   */
  public MultiLayerNetwork network(
      IUpdater updater,
      double weightDecay,
      DataType type,
      TorchRandom weights,
      TorchRandom batchNorm) {
    MultiLayerNetwork network = new MultiLayerNetwork(configuration(updater, weightDecay, type));
    network.init();
    FlatGradientUpdater.install(network);
    int I = contextLength * embeddingSize;
    draw(network, "0_W", weights, 1, 0); // C
    draw(network, "1_W", weights, 5.0 / 3 / Math.sqrt(I), 0); // W1
    draw(network, "1_b", weights, 0.1, 0); // b1
    draw(network, "3_W", weights, 0.1, 0); // W2
    draw(network, "3_b", weights, 0.1, 0); // b2
    draw(network, "2_gain", batchNorm, 0.1, 1);
    draw(network, "2_bias", batchNorm, 0.1, 0);
    return network;
  }

  private MultiLayerConfiguration configuration(
      IUpdater updater, double weightDecay, DataType type) {
    LossLayer crossEntropy =
        new LossLayer.Builder(new ManualCrossEntropyLoss()).activation(Activation.SOFTMAX).build();
    crossEntropy.setNOut(vocabularySize); // its builder cannot, and DL4J warns of a size of zero
    return new NeuralNetConfiguration.Builder()
        .dataType(type)
        .seed(0) // of no use here; DL4J's default, the time, would make every file another
        .updater(updater)
        .list()
        .layer(
            new EmbeddingConcat.Builder()
                .nIn(vocabularySize)
                .nOut(embeddingSize)
                .weightDecay(weightDecay) // DL4J 1.0.0-M2.1 doubles that of a whole network
                .build())
        .layer(dense(hiddenSize, weightDecay))
        .layer(new BatchNormBessel.Builder().activation(Activation.TANH).build())
        .layer(dense(vocabularySize, weightDecay))
        .layer(crossEntropy)
        .setInputType(InputType.feedForward(contextLength))
        .build();
  }

  private static Layer dense(int nOut, double weightDecay) {
    return new ManualDense.Builder()
        .nOut(nOut)
        .activation(Activation.IDENTITY)
        .weightDecay(weightDecay)
        .build();
  }

  private static void draw(
      MultiLayerNetwork network, String key, TorchRandom random, double scale, double shift) {
    INDArray parameter = network.getParam(key);
    float[] normal = random.randn((int) parameter.length());
    double[] values = new double[normal.length];
    for (int k = 0; k < normal.length; k++) {
      values[k] = shift + scale * normal[k];
    }
    NdArrays.assign(values, parameter);
  }

  /**
   * Returns how many examples may go through a network at a time where a whole set does.
   *
   * <p>As many as keep its widest array within 64 MiB.
   *
   * @param network of this class
   * @return 1 to 4096
   */
  public static int chunk(MultiLayerNetwork network) {
    long widest =
        network.paramTable().values().stream()
            .flatMapToLong(parameter -> Arrays.stream(parameter.shape()))
            .max()
            .getAsLong();
    return (int) Math.max(1, Math.min(CHUNK, CHUNK_ELEMENTS / widest));
  }

  /**
   * Computes the mean loss over a whole set, in inference, chunk by chunk.
   *
   * @param network with a loss at its end
   * @param data what to predict
   * @return mean cross entropy of an example, in nats, without what weight decay adds to a score
   */
  public static double loss(MultiLayerNetwork network, NamesDataset data) {
    double sum = 0;
    DataSetIterator chunks = data.chunks(chunk(network));
    while (chunks.hasNext()) {
      sum += sumOfLosses(network, chunks.next());
    }
    return sum / data.size();
  }

  /** As {@code network.score}, of which the arrays would wait for a garbage collection. */
  private static double sumOfLosses(MultiLayerNetwork network, DataSet chunk) {
    int last = network.getnLayers() - 1;
    List<INDArray> activations = network.feedForwardToLayer(last - 1, chunk.getFeatures(), false);
    IOutputLayer output = (IOutputLayer) network.getOutputLayer();
    LayerWorkspaceMgr none = LayerWorkspaceMgr.noWorkspaces();
    output.setInput(activations.get(last), none);
    output.setLabels(chunk.getLabels());
    double loss = output.computeScore(0, false, none);
    network.clearLayersStates(); // not clear(), which drops the updater
    activations.forEach(INDArray::close); // the first is the features
    return loss * chunk.numExamples();
  }
}
