import java.util.Locale;
import java.util.function.Supplier;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ISchedule;

/** DL4J's updaters, with the learning rate and the weight decay that each usually starts from. */
enum UpdaterKind {
  SGD(Sgd::new, 0.1, 0),
  NESTEROVS(Nesterovs::new, 0.01, 0),
  ADAGRAD(AdaGrad::new, 0.1, 0),
  ADADELTA(AdaDelta::new, 1, 0), // has no learning rate
  RMSPROP(RmsProp::new, 0.001, 0),
  ADAM(Adam::new, 0.001, 0),
  ADAMW(Adam::new, 0.001, 0.01),
  ADAMAX(AdaMax::new, 0.002, 0),
  NADAM(Nadam::new, 0.001, 0),
  AMSGRAD(AMSGrad::new, 0.001, 0);

  private final Supplier<IUpdater> updater;
  final double learningRate;
  final double weightDecay;

  UpdaterKind(Supplier<IUpdater> updater, double learningRate, double weightDecay) {
    this.updater = updater;
    this.learningRate = learningRate;
    this.weightDecay = weightDecay;
  }

  IUpdater with(ISchedule schedule) {
    IUpdater made = updater.get();
    if (made.hasLearningRate()) {
      made.setLrAndSchedule(Double.NaN, schedule);
    }
    return made;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
