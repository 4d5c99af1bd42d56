import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;

/** How far training is: a bar on a terminal, ten lines elsewhere. */
final class Progress extends BaseTrainingListener implements AutoCloseable {

  private final ProgressBar bar;
  private final int steps;
  private int done;

  Progress(int steps) {
    this.steps = steps;
    bar = System.console() == null ? null : new ProgressBar("training", steps);
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    advance(1, model.score());
  }

  /** Shows that some more steps are done, the last with this minibatch loss. */
  void advance(int more, double loss) {
    int before = done;
    done += more;
    if (bar != null) {
      bar.stepBy(more);
    } else if (done * 10L / steps > before * 10L / steps) {
      System.out.printf(Locale.ROOT, "step %d of %d, minibatch loss %.4f%n", done, steps, loss);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
