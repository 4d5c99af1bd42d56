package org.backpropninja.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.backpropninja.internal.LabelledLogits;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.NdMatrix;
import org.backpropninja.internal.Pass;
import org.backpropninja.internal.Stage;
import org.backpropninja.internal.Ways;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.layers.LossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.AsyncDataSetIterator;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Trains a MultiLayerNetwork of this library's layers without DL4J's bookkeeping between them.
 *
 * <p>The network's own layers run in a row on arrays that are made once, and read and write its own
 * parameter and gradient arrays. Afterwards, and in listeners, the network is what {@code
 * network.fit} would have made of it on the same minibatches: to the last bit, but for DL4J's
 * OutputLayer, whose products ND4J rounds in another way.
 *
 * <pre>{@code
 * CompiledNetwork.of(network).fit(iterator);
 * }</pre>
 *
 * <p>Taken are {@link org.backpropninja.layers.EmbeddingConcat}, {@link
 * org.backpropninja.layers.ManualDense} and {@link org.backpropninja.layers.BatchNormBessel} with
 * any activation, and at the end an OutputLayer or LossLayer with {@link
 * org.backpropninja.loss.ManualCrossEntropyLoss}; FLOAT or DOUBLE; every updater, schedule,
 * regularisation, gradient normalisation, constraint and listener. Not taken are other layers,
 * preprocessors, dropout, weight noise and masks: {@code network.fit} trains such a network.
 */
public final class CompiledNetwork {

  private final MultiLayerNetwork network;
  private final List<Stage> stages;
  private final Cores.CrossEntropy crossEntropy;
  private final DataType type;
  private final Matrix parameters;
  private final boolean isRegularised;
  private final boolean isConstrained;
  private final boolean dividesScore; // by the number of examples
  private FlatGradientUpdater updater; // with the state of the network's own
  private Updater networksOwn; // the one that the network had then
  private INDArray features; // of the minibatch that was last
  private Matrix x; // the same
  private Buffers buffers; // for as many examples, null before the first

  /** The arrays between the stages, for n examples. */
  private static final class Buffers {
    final NdMatrix[] h; // what each stage gives
    final NdMatrix[] dh; // its gradient

    Buffers(int n, List<Stage> stages, Matrix like) {
      h = stages.stream().map(s -> like.another(n, s.outputs())).toArray(NdMatrix[]::new);
      dh = stages.stream().map(s -> like.another(n, s.outputs())).toArray(NdMatrix[]::new);
    }

    int examples() {
      return h[0].rows();
    }

    List<INDArray> activations(INDArray features) {
      List<INDArray> all = new ArrayList<>();
      all.add(features);
      Arrays.stream(h).map(NdMatrix::array).forEach(all::add);
      return all;
    }
  }

  private CompiledNetwork(MultiLayerNetwork network) {
    this.network = network;
    type = network.params().dataType();
    parameters = NdMatrix.of(network.params());
    stages = Compilable.stages(network);
    ManualCrossEntropyLoss loss = Compilable.loss(network);
    int V = stages.get(stages.size() - 1).outputs();
    crossEntropy = Ways.cores(loss.getBackward(), type).crossEntropy(V);
    Layer[] layers = network.getLayers();
    isRegularised = Arrays.stream(layers).anyMatch(CompiledNetwork::isRegularised);
    isConstrained = Arrays.stream(layers).anyMatch(CompiledNetwork::isConstrained);
    Layer last = layers[layers.length - 1];
    dividesScore = last instanceof LossLayer || last.conf().isMiniBatch();
  }

  private static boolean isRegularised(Layer layer) {
    return layer.paramTable().keySet().stream()
        .map(key -> layer.getConfig().getRegularizationByParam(key))
        .anyMatch(all -> all != null && !all.isEmpty());
  }

  private static boolean isConstrained(Layer layer) {
    List<LayerConstraint> constraints = layer.conf().getLayer().getConstraints();
    return constraints != null && !constraints.isEmpty();
  }

  /**
   * Compiles a network.
   *
   * @param network initialised; it stays the network that is trained
   * @return what trains it
   * @throws IllegalArgumentException if it has something that is not taken; the message names the
   *     layer and says what to do
   */
  public static CompiledNetwork of(MultiLayerNetwork network) {
    Compilable.require(network);
    if (network.getGradientsViewArray() == null) {
      network.initGradientsView();
    }
    return new CompiledNetwork(network);
  }

  /**
   * Trains on all minibatches, as {@code network.fit(iterator)}: for one epoch.
   *
   * @param iterator minibatches without masks; it is reset first if it has none left
   * @throws DL4JInvalidInputException as {@code network.fit}, and for a minibatch with masks
   */
  public void fit(DataSetIterator iterator) {
    synchronized (network) {
      DataSetIterator minibatches =
          iterator.asyncSupported() ? new AsyncDataSetIterator(iterator, 2, true) : iterator;
      try {
        network.getListeners().forEach(listener -> listener.onEpochStart(network));
        if (!minibatches.hasNext() && minibatches.resetSupported()) {
          minibatches.reset();
        }
        network.clearLayersStates();
        while (minibatches.hasNext()) {
          long start = System.currentTimeMillis();
          DataSet minibatch = minibatches.next();
          network.setLastEtlTime(System.currentTimeMillis() - start);
          step(minibatch);
        }
      } finally {
        if (minibatches instanceof AsyncDataSetIterator async) {
          async.shutdown();
        }
      }
      network.getListeners().forEach(listener -> listener.onEpochEnd(network));
      network.clearLayersStates();
      network.incrementEpochCount();
    }
  }

  /**
   * Trains for several epochs.
   *
   * @param iterator minibatches without masks
   * @param epochs how often to go through them, at least 1
   * @throws IllegalArgumentException if {@code epochs} is less than 1, or more than 1 with an
   *     iterator that cannot be reset
   * @throws DL4JInvalidInputException as {@code network.fit}, and for a minibatch with masks
   */
  public void fit(DataSetIterator iterator, int epochs) {
    if (epochs < 1 || epochs > 1 && !iterator.resetSupported()) {
      throw new IllegalArgumentException(
          "epochs (%d) must be at least 1, and 1 for an iterator that cannot be reset"
              .formatted(epochs));
    }
    for (int epoch = 0; epoch < epochs; epoch++) {
      fit(iterator);
    }
  }

  /**
   * Trains on one minibatch.
   *
   * @param minibatch without masks
   * @throws DL4JInvalidInputException as {@code network.fit}, and for a minibatch with masks
   */
  public void fit(DataSet minibatch) {
    synchronized (network) {
      network.clearLayersStates();
      step(minibatch);
    }
  }

  private void step(DataSet minibatch) {
    if (minibatch.hasMaskArrays()) {
      throw refusal("minibatch must have no masks; train with network.fit");
    }
    INDArray labels = minibatch.getLabels();
    takeFeatures(minibatch.getFeatures());
    if (network.gradient() == null) { // made by DL4J at its first step, of views that stay
      network.fit(minibatch);
      return;
    }
    network.setInput(features);
    network.setLabels(labels);
    if (buffers == null || buffers.examples() != x.rows()) {
      buffers = new Buffers(x.rows(), stages, parameters);
    }
    forward();
    double loss = backward(labels);
    network.setScore(
        (dividesScore ? loss / x.rows() : loss)
            + (isRegularised ? network.calcRegularizationScore(true) : 0));
    update();
  }

  private void takeFeatures(INDArray given) {
    int width = stages.get(0).inputs();
    if (given.rank() != 2 || given.size(1) != width) {
      throw refusal(
          "features must be a matrix [n, %d], was of shape %s"
              .formatted(width, Arrays.toString(given.shape())));
    }
    if (given != features || !(x instanceof NdMatrix m && m.array() == given)) {
      features = given;
      x = NdArrays.in(given, given.dataType() == DataType.FLOAT ? type : DataType.DOUBLE);
    }
  }

  private void forward() {
    Matrix below = x;
    for (int k = 0; k < stages.size(); k++) {
      stages.get(k).forward(below, Pass.TRAINING, buffers.h[k]);
      below = buffers.h[k];
    }
    if (!network.getListeners().isEmpty()) {
      List<INDArray> activations = buffers.activations(features);
      network.getListeners().forEach(l -> l.onForwardPass(network, activations));
    }
  }

  /** The sum of the examples' losses. */
  private double backward(INDArray labels) {
    int last = stages.size() - 1;
    LabelledLogits logits = LabelledLogits.of(labels, buffers.h[last], null);
    double loss = Arrays.stream(logits.evaluate(crossEntropy, buffers.dh[last])).sum();
    for (int k = last; k >= 0; k--) {
      Matrix below = k == 0 ? x : buffers.h[k - 1];
      stages.get(k).backward(buffers.dh[k], below, k == 0 ? null : buffers.dh[k - 1]);
    }
    return loss;
  }

  /** What DL4J's optimiser does with a gradient, in its order. */
  private void update() {
    for (TrainingListener listener : network.getListeners()) {
      listener.onBackwardPass(network);
    }
    for (TrainingListener listener : network.getListeners()) {
      listener.onGradientCalculation(network);
    }
    MultiLayerConfiguration counts = network.getLayerWiseConfigurations();
    int iteration = counts.getIterationCount();
    int epoch = counts.getEpochCount();
    updater().updateAndStep(parameters, iteration, epoch, x.rows());
    for (TrainingListener listener : network.getListeners()) {
      listener.iterationDone(network, iteration, epoch);
    }
    counts.setIterationCount(counts.getIterationCount() + 1);
    if (isConstrained) {
      network.applyConstraints(counts.getIterationCount(), counts.getEpochCount());
    }
    for (Layer layer : network.getLayers()) {
      layer.setIterationCount(counts.getIterationCount());
      layer.setEpochCount(counts.getEpochCount());
    }
  }

  /** Made anew when the network has another one, as after a new learning rate. */
  private FlatGradientUpdater updater() {
    Updater present = network.getUpdater();
    if (present != networksOwn) {
      networksOwn = present;
      updater = new FlatGradientUpdater(network, present.getStateViewArray());
    }
    return updater;
  }

  private static DL4JInvalidInputException refusal(String message) {
    return new DL4JInvalidInputException("CompiledNetwork: " + message);
  }
}
