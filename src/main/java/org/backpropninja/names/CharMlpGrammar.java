package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.CosineSchedule;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.CycleSchedule;
import org.nd4j.linalg.schedule.ExponentialSchedule;
import org.nd4j.linalg.schedule.FixedSchedule;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.InverseSchedule;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.PolySchedule;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.linalg.schedule.SigmoidSchedule;
import org.nd4j.linalg.schedule.StepSchedule;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * What the configuration of a {@link CharMlp} may hold: what DL4J writes of one, with any of its
 * updaters, schedules and regularisations.
 *
 * <p>Two are left out because DL4J itself cannot restore or train with them: {@code RampSchedule}
 * and {@code AdaBelief}.
 */
final class CharMlpGrammar {
  private static final JsonGrammar GRAMMAR = new JsonGrammar();

  static {
    samples().forEach(GRAMMAR::learn);
  }

  private CharMlpGrammar() {}

  /**
   * Checks a configuration.
   *
   * @throws InvalidModelException if it holds something else
   */
  static void check(String entry, JsonNode configuration) {
    GRAMMAR.check(entry, configuration);
  }

  private static Stream<JsonNode> samples() {
    MultiLayerNetwork network =
        new CharMlp(2, 1, 1, 1)
            .network(new NoOp(), DataType.FLOAT, new TorchRandom(0), new TorchRandom(0));
    return schedules()
        .flatMap(schedule -> updaters(schedule).map(updater -> sample(network, updater, schedule)));
  }

  private static JsonNode sample(MultiLayerNetwork network, IUpdater updater, ISchedule schedule) {
    for (NeuralNetConfiguration conf : network.getLayerWiseConfigurations().getConfs()) {
      BaseLayer layer = (BaseLayer) conf.getLayer();
      layer.setIUpdater(updater);
      layer.setRegularization(regularizations(schedule));
      layer.setRegularizationBias(regularizations(schedule));
    }
    String json = network.getLayerWiseConfigurations().toJson();
    return StrictJson.read("a sample", json.getBytes(UTF_8));
  }

  private static List<Regularization> regularizations(ISchedule schedule) {
    return List.of(
        new L1Regularization(schedule),
        new L2Regularization(schedule),
        new WeightDecay(schedule, true),
        new WeightDecay(schedule, false));
  }

  /** Each with its own learning rate and, if it takes one, with a schedule. */
  private static Stream<IUpdater> updaters(ISchedule schedule) {
    List<IUpdater> updaters =
        List.of(
            new Sgd(),
            new Nesterovs(),
            Nesterovs.builder().momentumISchedule(schedule).build(),
            new AdaGrad(),
            new RmsProp(),
            new Adam(),
            new AdaMax(),
            new Nadam(),
            new AMSGrad(),
            new AdaDelta(),
            new NoOp());
    return updaters.stream()
        .flatMap(u -> u.hasLearningRate() ? Stream.of(u, scheduled(u, schedule)) : Stream.of(u));
  }

  private static IUpdater scheduled(IUpdater updater, ISchedule schedule) {
    IUpdater scheduled = updater.clone();
    scheduled.setLrAndSchedule(Double.NaN, schedule);
    return scheduled;
  }

  private static Stream<ISchedule> schedules() {
    ScheduleType type = ScheduleType.ITERATION;
    return Stream.of(
        new FixedSchedule(0.1),
        new MapSchedule(type, Map.of(0, 0.1)),
        new StepSchedule(type, 0.1, 0.5, 10),
        new ExponentialSchedule(type, 0.1, 0.9),
        new InverseSchedule(type, 0.1, 0.9, 2),
        new PolySchedule(type, 0.1, 2, 100),
        new SigmoidSchedule(type, 0.1, 0.9, 10),
        new CycleSchedule(type, 0.1, 100),
        new CosineSchedule(0.1, 10, 100));
  }
}
