package org.backpropninja.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.backpropninja.internal.LabelledLogits;
import org.backpropninja.internal.Layout;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.NdMatrix;
import org.backpropninja.internal.Pass;
import org.backpropninja.internal.Stage;
import org.backpropninja.internal.Ways;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.math.Cores;
import org.backpropninja.math.GradientDescent;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.layers.LossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.AsyncDataSetIterator;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.indexing.NDArrayIndex;

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

  /** Larger matrices are left to network.fit, which knows how large they may be. */
  private static final long MOST_ELEMENTS = 1L << 30;

  private static final TrainingListener[] NO_LISTENERS = {};

  private final MultiLayerNetwork network;
  private final DataType type;
  private final boolean takesIndices;
  private final Matrix parameters;
  private final GradientDescent descent;
  private final Cores.CrossEntropy crossEntropy;
  private final boolean isRegularised;
  private final boolean isConstrained;
  private final boolean dividesScore; // by the number of examples

  private INDArray gradients; // the network's own that the stages write into, null for none
  private List<Stage> stages;
  private long widest; // columns of the widest matrix
  private FlatGradientUpdater updater; // with the state of the network's own
  private Updater networksOwn; // the one that the network had then
  private INDArray features; // of the minibatch that was last
  private Matrix x; // the same
  private Buffers buffers; // null before the first minibatch

  /** The matrices between the stages. */
  private static final class Buffers {
    private final NdMatrix[] hRoom; // what each stage gives, for so many examples or more
    private final NdMatrix[] dhRoom; // its gradient
    private NdMatrix[] h; // those for n examples
    private NdMatrix[] dh;

    Buffers(int n, List<Stage> stages, Matrix like) {
      hRoom = stages.stream().map(s -> like.another(n, s.outputs())).toArray(NdMatrix[]::new);
      dhRoom = stages.stream().map(s -> like.another(n, s.outputs())).toArray(NdMatrix[]::new);
      h = hRoom;
      dh = dhRoom;
    }

    /** Not if they are too small, or four times too large. */
    boolean suit(int n) {
      int room = hRoom[0].rows();
      return n <= room && room / 4 < n;
    }

    void take(int n) {
      if (n != h[0].rows()) {
        h = first(n, hRoom);
        dh = first(n, dhRoom);
      }
    }

    private static NdMatrix[] first(int n, NdMatrix[] room) {
      return Arrays.stream(room)
          .map(m -> m.array().get(NDArrayIndex.interval(0, n), NDArrayIndex.all()))
          .map(NdMatrix::of)
          .toArray(NdMatrix[]::new);
    }
  }

  private CompiledNetwork(MultiLayerNetwork network) {
    this.network = network;
    type = network.params().dataType();
    takesIndices = network.getLayer(0).conf().getLayer() instanceof EmbeddingConcat;
    parameters = NdMatrix.of(network.params());
    descent = new GradientDescent(parameters.precision());
    Layer[] layers = network.getLayers();
    isRegularised = Arrays.stream(layers).anyMatch(CompiledNetwork::isRegularised);
    isConstrained = Arrays.stream(layers).anyMatch(CompiledNetwork::isConstrained);
    Layer last = layers[layers.length - 1];
    dividesScore = last instanceof LossLayer || last.conf().isMiniBatch();
    takeGradients();
    int V = stages.get(stages.size() - 1).outputs();
    crossEntropy = Ways.cores(Compilable.loss(network).getBackward(), type).crossEntropy(V);
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

  /** Takes the arrays that the network has its gradients in now. */
  private void takeGradients() {
    INDArray all = network.getGradientsViewArray();
    boolean isNetworksGradient =
        network.gradient() != null
            && network.gradient().gradient().data().address() == all.data().address();
    gradients = isNetworksGradient ? all : null;
    stages = Compilable.stages(network);
    widest = stages.stream().mapToInt(s -> Math.max(s.inputs(), s.outputs())).max().getAsInt();
    networksOwn = null;
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
   * @throws IllegalArgumentException as {@link #of}, if the network has been given since something
   *     that is not taken
   * @throws DL4JInvalidInputException as {@code network.fit}, and for a minibatch with masks
   */
  public void fit(DataSetIterator iterator) {
    Compilable.require(network);
    synchronized (network) {
      DataSetIterator minibatches =
          iterator.asyncSupported() ? new AsyncDataSetIterator(iterator, 2, true) : iterator;
      try {
        tellListeners(listener -> listener.onEpochStart(network));
        network.clearLayersStates();
        fitAll(minibatches);
        tellListeners(listener -> listener.onEpochEnd(network));
        network.clearLayersStates();
      } finally {
        if (minibatches instanceof AsyncDataSetIterator async) {
          async.shutdown(); // which frees the last minibatch
        }
      }
      network.incrementEpochCount();
    }
  }

  /** Until there are none left, or one without features or labels. */
  private void fitAll(DataSetIterator minibatches) {
    if (!minibatches.hasNext() && minibatches.resetSupported()) {
      minibatches.reset();
    }
    long start = System.currentTimeMillis();
    while (minibatches.hasNext()) { // where an asynchronous one waits
      DataSet minibatch = minibatches.next();
      network.setLastEtlTime(System.currentTimeMillis() - start);
      if (minibatch.getFeatures() == null || minibatch.getLabels() == null) {
        return;
      }
      step(minibatch);
      start = System.currentTimeMillis();
    }
  }

  /**
   * Trains for several epochs.
   *
   * @param iterator minibatches without masks
   * @param epochs how often to go through them, at least 1
   * @throws IllegalArgumentException if {@code epochs} is less than 1, or more than 1 with an
   *     iterator that cannot be reset; and as {@link #fit(DataSetIterator)}
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
      throw new DL4JInvalidInputException(
          "CompiledNetwork: minibatch must have no masks; train with network.fit");
    }
    INDArray labels = minibatch.getLabels();
    if (!isTaken(minibatch.getFeatures()) || labels == null || labels.rank() > 2) {
      network.fit(minibatch); // says in its own words what is wrong
      return;
    }
    if (gradients == null || gradients != network.getGradientsViewArray()) {
      network.fit(minibatch); // makes network.gradient(), of views that stay
      takeGradients();
      return;
    }
    takeFeatures(minibatch.getFeatures());
    network.setLabels(labels);
    synchroniseCounts();
    forward();
    double loss = backward(labels);
    network.setScore(
        (dividesScore ? loss / x.rows() : loss)
            + (isRegularised ? network.calcRegularizationScore(true) : 0));
    update();
  }

  private boolean isTaken(INDArray features) {
    return features != null
        && features.rank() == 2
        && features.size(1) == stages.get(0).inputs()
        && features.size(0) * widest <= MOST_ELEMENTS;
  }

  private void takeFeatures(INDArray given) {
    network.setInput(given);
    if (given != features || !(x instanceof NdMatrix m && m.array() == given)) {
      features = given;
      x = NdArrays.in(given, typeOf(given));
    }
    int n = x.rows();
    if (buffers == null || !buffers.suit(n)) {
      buffers = new Buffers(n, stages, parameters);
    }
    buffers.take(n);
  }

  /** A float does not hold every index. */
  private DataType typeOf(INDArray given) {
    if (takesIndices) {
      return given.dataType() == DataType.FLOAT ? DataType.FLOAT : DataType.DOUBLE;
    }
    return type;
  }

  private void forward() {
    Matrix below = x;
    for (int k = 0; k < stages.size(); k++) {
      stages.get(k).forward(below, Pass.TRAINING, buffers.h[k]);
      below = buffers.h[k];
    }
    if (!network.getListeners().isEmpty()) {
      List<INDArray> activations = activations();
      tellListeners(listener -> listener.onForwardPass(network, activations));
    }
  }

  /** The features and what each layer gives, but for the last one, as DL4J has it. */
  private List<INDArray> activations() {
    List<INDArray> all = new ArrayList<>();
    all.add(features);
    for (int k = 0; k < network.getnLayers() - 1; k++) {
      all.add(buffers.h[k].array());
    }
    return all;
  }

  /** The sum of the examples' losses. */
  private double backward(INDArray labels) {
    int last = stages.size() - 1;
    Layout layout = Layout.of(buffers.h[last].array().shape(), false);
    LabelledLogits logits =
        LabelledLogits.of(labels, layout, buffers.h[last], null, Compilable.mixture(network));
    double loss = Arrays.stream(logits.evaluate(crossEntropy, buffers.dh[last])).sum();
    for (int k = last; k >= 0; k--) {
      Matrix below = k == 0 ? x : buffers.h[k - 1];
      stages.get(k).backward(buffers.dh[k], below, k == 0 ? null : buffers.dh[k - 1]);
    }
    return loss;
  }

  /** What DL4J's optimiser does with a gradient, in its order. */
  private void update() {
    tellListeners(listener -> listener.onBackwardPass(network));
    tellListeners(listener -> listener.onGradientCalculation(network));
    MultiLayerConfiguration counts = network.getLayerWiseConfigurations();
    updateAndStep(counts.getIterationCount(), counts.getEpochCount());
    int iteration = counts.getIterationCount();
    int epoch = counts.getEpochCount();
    tellListeners(listener -> listener.iterationDone(network, iteration, epoch));
    counts.setIterationCount(counts.getIterationCount() + 1);
    if (isConstrained) {
      network.applyConstraints(counts.getIterationCount(), counts.getEpochCount());
    }
    synchroniseCounts();
  }

  /** By our updater in place of DL4J's; one that the user wrote is left to do its work. */
  private void updateAndStep(int iteration, int epoch) {
    Updater present = network.getUpdater();
    if (present.getClass() != MultiLayerUpdater.class
        && !(present instanceof FlatGradientUpdater)) {
      LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
      present.update(network, network.gradient(), iteration, epoch, x.rows(), workspaces);
      descent.step(parameters, NdMatrix.of(gradients), 0, parameters.length());
      return;
    }
    if (present != networksOwn) { // as it is after a new learning rate
      networksOwn = present;
      updater = new FlatGradientUpdater(network, present.getStateViewArray());
    }
    updater.updateAndStep(parameters, iteration, epoch, x.rows());
  }

  private void synchroniseCounts() {
    MultiLayerConfiguration counts = network.getLayerWiseConfigurations();
    for (Layer layer : network.getLayers()) {
      layer.setIterationCount(counts.getIterationCount());
      layer.setEpochCount(counts.getEpochCount());
    }
  }

  /** A listener may set other listeners meanwhile. */
  private void tellListeners(Consumer<TrainingListener> what) {
    for (TrainingListener listener : network.getListeners().toArray(NO_LISTENERS)) {
      what.accept(listener);
    }
  }
}
