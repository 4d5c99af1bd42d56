package org.backpropninja.check;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.backpropninja.check.LossSubject.Case;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.Cnn3DLossLayer;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnLossLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** A dense layer and one of DL4J's output layers with the loss, in both kinds of network. */
final class LossRig {

  private final LossSubject subject;
  private final LossSite site;
  private final MultiLayerNetwork network;
  private final ComputationGraph graph;

  LossRig(LossSubject subject, LossSite site) {
    this.subject = subject;
    this.site = site;
    network = network(WorkspaceMode.NONE);
    graph =
        new ComputationGraph(
            Rig.settings(DataType.DOUBLE)
                .graphBuilder()
                .addInputs("x")
                .setInputTypes(inputType())
                .addLayer("below", new Below(), "x")
                .addLayer("loss", layer(), "below")
                .setOutputs("loss")
                .validateOutputLayerConfig(false)
                .build());
    graph.init();
    graph.params().assign(network.params());
  }

  private MultiLayerNetwork network(WorkspaceMode mode) {
    NeuralNetConfiguration.ListBuilder list =
        Rig.settings(DataType.DOUBLE)
            .trainingWorkspaceMode(mode)
            .list()
            .layer(new Below())
            .layer(layer());
    list.setInputType(inputType());
    MultiLayerNetwork made = new MultiLayerNetwork(list.validateOutputLayerConfig(false).build());
    made.init();
    made.params().assign(LayerSubject.normal(new Random(13), made.params().shape()).muli(0.5));
    return made;
  }

  private InputType inputType() {
    int V = subject.classes();
    boolean last = site.channelsLast();
    return switch (site.kind()) {
      case OUTPUT, LOSS -> InputType.feedForward(V);
      case RNN_OUTPUT, RNN_LOSS ->
          InputType.recurrent(V, site.positions().get(0), last ? RNNFormat.NWC : RNNFormat.NCW);
      case CNN_LOSS ->
          InputType.convolutional(
              site.positions().get(0),
              site.positions().get(1),
              V,
              last ? CNN2DFormat.NHWC : CNN2DFormat.NCHW);
      case CNN_3D_LOSS ->
          InputType.convolutional3D(
              volumeFormat(),
              site.positions().get(0),
              site.positions().get(1),
              site.positions().get(2),
              V);
    };
  }

  private Convolution3D.DataFormat volumeFormat() {
    return site.channelsLast() ? Convolution3D.DataFormat.NDHWC : Convolution3D.DataFormat.NCDHW;
  }

  private Layer layer() {
    ILossFunction loss = subject.loss();
    return switch (site.kind()) {
      case OUTPUT -> built(new OutputLayer.Builder(loss).nOut(subject.classes()));
      case LOSS -> built(new LossLayer.Builder(loss));
      case RNN_OUTPUT ->
          built(
              new RnnOutputLayer.Builder(loss)
                  .dataFormat(site.channelsLast() ? RNNFormat.NWC : RNNFormat.NCW)
                  .nOut(subject.classes()));
      case RNN_LOSS ->
          built(
              new RnnLossLayer.Builder(loss)
                  .dataFormat(site.channelsLast() ? RNNFormat.NWC : RNNFormat.NCW));
      case CNN_LOSS ->
          built(
              new CnnLossLayer.Builder(loss)
                  .format(site.channelsLast() ? CNN2DFormat.NHWC : CNN2DFormat.NCHW));
      case CNN_3D_LOSS -> built(new Cnn3DLossLayer.Builder(volumeFormat()).lossFunction(loss));
    };
  }

  private Layer built(BaseOutputLayer.Builder<?> builder) {
    return builder.activation(subject.activation()).build();
  }

  // A minibatch: one row for each example and position, all positions of an example in a row

  /**
   * Computes score and gradients, in the MultiLayerNetwork.
   *
   * @param in the network's input in the place of logits
   */
  void compute(LossInput in, int n) {
    network.setInput(shaped(in.logits(), n));
    network.setLabels(shaped(in.labels(), n));
    network.setLayerMaskArrays(null, mask(in.mask(), n));
    network.computeGradientAndScore();
  }

  /** The same in the ComputationGraph. */
  void computeInGraph(LossInput in, int n) {
    graph.setInputs(shaped(in.logits(), n));
    graph.setLabels(shaped(in.labels(), n));
    INDArray mask = mask(in.mask(), n);
    graph.setLayerMaskArrays(null, mask == null ? null : new INDArray[] {mask});
    graph.computeGradientAndScore();
  }

  /**
   * The gradients alone, layer by layer: the loss might refuse what DL4J's layer hands over for the
   * score.
   */
  void computeGradient(LossInput in, int n) {
    LayerWorkspaceMgr none = LayerWorkspaceMgr.noWorkspaces();
    network.initGradientsView();
    org.deeplearning4j.nn.api.Layer below = network.getLayer(0);
    IOutputLayer last = (IOutputLayer) network.getOutputLayer();
    last.setInput(below.activate(shaped(in.logits(), n), true, none), none);
    last.setLabels(shaped(in.labels(), n));
    last.setMaskArray(mask(in.mask(), n));
    below.backpropGradient(last.backpropGradient(null, none).getSecond(), none);
  }

  /** The parameters of a new network after a step of training with each minibatch. */
  INDArray trained(WorkspaceMode mode, List<Case> cases, List<LossInput> inputs) {
    MultiLayerNetwork trained = network(mode);
    for (int step = 0; step < inputs.size(); step++) {
      int n = cases.get(step).n();
      LossInput in = inputs.get(step);
      trained.fit(new DataSet(shaped(in.logits(), n), shaped(in.labels(), n)));
    }
    return trained.params();
  }

  /** The network's score, which is divided by the examples. */
  double score() {
    return network.score();
  }

  double scoreInGraph() {
    return graph.score();
  }

  /** All parameters in a row, the network's own array. */
  INDArray parameters() {
    return network.params();
  }

  /** Their gradient for the last minibatch, copied. */
  INDArray gradient() {
    return network.getFlattenedGradients().dup().reshape(parameters().shape());
  }

  INDArray gradientInGraph() {
    return graph.getFlattenedGradients().dup().reshape(parameters().shape());
  }

  /** What the loss is for the logits that the layers below give, summed over rows. */
  double documented(ILossFunction loss, LossInput in) {
    Map<String, INDArray> p = network.paramTable();
    INDArray logits = affine(in.logits(), p.get("0_W"), p.get("0_b"));
    if (p.containsKey("1_W")) {
      logits = affine(logits, p.get("1_W"), p.get("1_b"));
    }
    return LossValues.sum(subject, loss, in.withLogits(logits));
  }

  /** x·W + b in plain loops: threads of a BLAS may wait long for each other on a busy machine. */
  private static INDArray affine(INDArray x, INDArray w, INDArray b) {
    int width = b.columns();
    double[] in = Slopes.elements(x);
    double[] weights = Slopes.elements(w);
    double[] bias = Slopes.elements(b);
    int[] k = {0};
    return LossSubject.matrix(
        x.rows(), width, () -> dot(in, weights, bias, k[0] / width, k[0]++ % width));
  }

  /** Element [i, j] of it. */
  private static double dot(double[] x, double[] w, double[] b, int i, int j) {
    int inner = w.length / b.length;
    double sum = b[j];
    for (int each = 0; each < inner; each++) {
      sum += x[i * inner + each] * w[each * b.length + j];
    }
    return sum;
  }

  /** Rows as an array of the layer's rank and format. */
  private INDArray shaped(INDArray rows, int n) {
    INDArray last = rows.dup('c').reshape('c', shape(n, rows.size(1)));
    return site.channelsLast() || last.rank() == 2 ? last : channelsSecond(last);
  }

  private static INDArray channelsSecond(INDArray x) {
    int[] order = IntStream.range(0, x.rank()).map(axis -> axis - 1).toArray();
    order[0] = 0;
    order[1] = x.rank() - 1;
    return x.permute(order).dup('c');
  }

  /** A mask as DL4J documents it: [n, t] and [n, h, w]; of outputs and of volumes, like labels. */
  private INDArray mask(INDArray rows, int n) {
    if (rows == null) {
      return null;
    }
    int axes = site.positions().size();
    boolean perPosition = rows.columns() == 1 && (axes == 1 || axes == 2);
    return perPosition ? rows.dup('c').reshape('c', shape(n)) : shaped(rows, n);
  }

  /** Examples, positions, and what else there is. */
  private long[] shape(long n, long... last) {
    return Stream.of(
            LongStream.of(n),
            site.positions().stream().mapToLong(each -> each),
            LongStream.of(last))
        .flatMapToLong(each -> each)
        .toArray();
  }
}
