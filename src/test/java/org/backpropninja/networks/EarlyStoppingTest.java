package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingModelSaver;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.saver.LocalFileGraphSaver;
import org.deeplearning4j.earlystopping.saver.LocalFileModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingGraphTrainer;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Nesterovs;

/** Early stopping gives back the network of the best epoch, running statistics included. */
class EarlyStoppingTest {

  private static final int EPOCHS = 8;

  static Stream<RealNetwork> networks() {
    return RealNetwork.all();
  }

  /** What a network held at the end of each epoch. */
  private static final class Epochs extends BaseTrainingListener {

    private final List<double[]> params = new ArrayList<>();

    @Override
    public void onEpochEnd(Model network) {
      params.add(Nets.params(network));
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void theBestEpochIsRestored(RealNetwork kind, @TempDir Path folder) {
    Model network = kind.with(new Nesterovs(0.2, 0.8)).network();
    Epochs epochs = new Epochs();
    network.setListeners(epochs);
    EarlyStoppingResult<? extends Model> result =
        network instanceof ComputationGraph graph
            ? fit(kind, graph, new LocalFileGraphSaver(folder.toString()))
            : fit(kind, (MultiLayerNetwork) network, new LocalFileModelSaver(folder.toString()));
    int best = result.getBestModelEpoch();
    assertEquals(EPOCHS, result.getTotalEpochs());
    assertTrue(best < EPOCHS - 1, "the last epoch is the best, so nothing was restored");
    assertArrayEquals(epochs.params.get(best), Nets.params(result.getBestModel()));
    double score = heldOut(kind).calculateScore(result.getBestModel());
    assertEquals(result.getScoreVsEpoch().get(best), score);
    result.getScoreVsEpoch().values().forEach(other -> assertTrue(score <= other));
  }

  private static EarlyStoppingResult<MultiLayerNetwork> fit(
      RealNetwork kind, MultiLayerNetwork network, LocalFileModelSaver saver) {
    return new EarlyStoppingTrainer(configuration(kind, saver), network, data(kind)).fit();
  }

  private static EarlyStoppingResult<ComputationGraph> fit(
      RealNetwork kind, ComputationGraph network, LocalFileGraphSaver saver) {
    return new EarlyStoppingGraphTrainer(configuration(kind, saver), network, data(kind)).fit();
  }

  private static <T extends Model> EarlyStoppingConfiguration<T> configuration(
      RealNetwork kind, EarlyStoppingModelSaver<T> saver) {
    return new EarlyStoppingConfiguration.Builder<T>()
        .modelSaver(saver)
        .scoreCalculator(heldOut(kind))
        .epochTerminationConditions(new MaxEpochsTerminationCondition(EPOCHS))
        .build();
  }

  private static DataSetIterator data(RealNetwork kind) {
    return new ExistingDataSetIterator(
        List.of(kind.sample().minibatch(1, 7), kind.sample().minibatch(2, 7)));
  }

  /** What is learnt, with labels that contradict it, so that training soon makes it worse. */
  private static DataSetLossCalculator heldOut(RealNetwork kind) {
    DataSet others = kind.sample().minibatch(1, 7);
    others.setLabels(kind.sample().minibatch(99, 7).getLabels());
    return new DataSetLossCalculator(new ExistingDataSetIterator(List.of(others)), true);
  }
}
