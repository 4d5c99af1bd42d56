import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;

/** The networks of {@link DropIn}: each is written once, of layers that are DL4J's or ours. */
final class DropInNetworks {

  /** Whose layers stand where both have one. */
  enum Layers {
    DL4JS {
      @Override
      Layer dense(int nOut) {
        return new DenseLayer.Builder().nOut(nOut).activation(Activation.IDENTITY).build();
      }

      @Override
      List<Layer> batchNorm(Activation activation) {
        return List.of(new BatchNormalization(), new ActivationLayer(activation));
      }

      @Override
      Layer embedding(int V, int D, int T) {
        return new EmbeddingSequenceLayer.Builder().nIn(V).nOut(D).inputLength(T).build();
      }

      @Override
      ILossFunction crossEntropy() {
        return new LossMCXENT(); // of rows of targets
      }
    },

    OURS {
      @Override
      Layer dense(int nOut) {
        return new ManualDense.Builder().nOut(nOut).activation(Activation.IDENTITY).build();
      }

      @Override
      List<Layer> batchNorm(Activation activation) {
        return List.of(
            new BatchNormBessel.Builder()
                .convention(BatchNormBessel.Convention.KERAS) // DL4J's
                .activation(activation)
                .build());
      }

      @Override
      Layer embedding(int V, int D, int T) {
        return new EmbeddingConcat.Builder().nIn(V).nOut(D).inputLength(T).concat(false).build();
      }

      @Override
      ILossFunction crossEntropy() {
        return new ManualCrossEntropyLoss(); // of rows of targets or class indices
      }
    };

    abstract Layer dense(int nOut);

    abstract List<Layer> batchNorm(Activation activation);

    abstract Layer embedding(int V, int D, int T);

    abstract ILossFunction crossEntropy();
  }

  private DropInNetworks() {}

  /** A classifier of rows of numbers. */
  static MultiLayerNetwork numbers(Layers whose, long seed) {
    List<Layer> layers = new ArrayList<>();
    layers.add(whose.dense(64));
    layers.addAll(whose.batchNorm(Activation.TANH));
    layers.add(whose.dense(64));
    layers.addAll(whose.batchNorm(Activation.TANH));
    layers.add(output(whose));
    return network(seed, InputType.feedForward(DropInData.COLUMNS), layers);
  }

  /**
   * A tagger of sequences. DL4J's DenseLayer brings a preprocessor that makes time steps rows, and
   * its RnnOutputLayer the one that makes them sequences again, so that its BatchNormalization,
   * which cannot train on sequences, stands between the two.
   */
  static MultiLayerNetwork sequences(Layers whose, long seed) {
    List<Layer> layers = new ArrayList<>();
    layers.add(whose.embedding(DropInData.TOKENS, 8, DropInData.LONGEST));
    layers.add(new LSTM.Builder().nOut(24).activation(Activation.TANH).build());
    layers.add(whose.dense(32));
    layers.addAll(whose.batchNorm(Activation.TANH));
    layers.add(
        new RnnOutputLayer.Builder(whose.crossEntropy())
            .nOut(DropInData.CLASSES)
            .activation(Activation.SOFTMAX)
            .build());
    return network(seed, InputType.recurrent(DropInData.TOKENS, DropInData.LONGEST), layers);
  }

  /** A classifier of images. */
  static MultiLayerNetwork images(Layers whose, long seed) {
    List<Layer> layers = new ArrayList<>();
    layers.add(convolution());
    layers.addAll(whose.batchNorm(Activation.RELU));
    layers.add(new SubsamplingLayer.Builder().kernelSize(2, 2).stride(2, 2).build());
    layers.add(whose.dense(32));
    layers.addAll(whose.batchNorm(Activation.RELU));
    layers.add(output(whose));
    InputType type = InputType.convolutional(DropInData.SIDE, DropInData.SIDE, 1);
    return network(seed, type, layers);
  }

  private static Layer convolution() {
    return new ConvolutionLayer.Builder(3, 3).nOut(8).activation(Activation.IDENTITY).build();
  }

  private static Layer output(Layers whose) {
    return new OutputLayer.Builder(whose.crossEntropy())
        .nOut(DropInData.CLASSES)
        .activation(Activation.SOFTMAX)
        .build();
  }

  private static MultiLayerNetwork network(long seed, InputType type, List<Layer> layers) {
    NeuralNetConfiguration.ListBuilder list =
        new NeuralNetConfiguration.Builder().seed(seed).updater(new Nesterovs(0.03, 0.9)).list();
    layers.forEach(list::layer);
    MultiLayerNetwork network = new MultiLayerNetwork(list.setInputType(type).build());
    network.init();
    return network;
  }

  /**
   * Starts a network from another's weights. Gain, bias and running statistics of batch norm are
   * called otherwise and start alike anyway.
   */
  static void copyWeights(MultiLayerNetwork from, MultiLayerNetwork to) {
    var sources = withParameters(from).iterator();
    for (var layer : withParameters(to)) {
      var source = sources.next().paramTable();
      layer.paramTable().forEach((key, array) -> array.assign(source.getOrDefault(key, array)));
    }
  }

  private static List<org.deeplearning4j.nn.api.Layer> withParameters(MultiLayerNetwork network) {
    return Stream.of(network.getLayers()).filter(layer -> layer.numParams() > 0).toList();
  }
}
