import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** A bar on a terminal, ten lines elsewhere; nothing for whoever wants it quiet. */
final class Progress implements AutoCloseable {
  private final ProgressBar bar; // null without a terminal
  private final boolean isQuiet;
  private final int steps;

  Progress(TrainingOptions options, int stepsTaken) {
    steps = options.steps();
    isQuiet = options.quiet();
    bar = isQuiet || System.console() == null ? null : bar(stepsTaken);
  }

  private ProgressBar bar(int stepsTaken) {
    return new ProgressBarBuilder()
        .setTaskName("training")
        .setInitialMax(steps)
        .startsFrom(stepsTaken, Duration.ZERO)
        .build();
  }

  /** Shows that a step was taken. */
  void step(int step, double loss) {
    if (bar != null) {
      bar.step();
      if (step % 100 == 0) {
        bar.setExtraMessage(String.format(Locale.ROOT, " loss %.4f", loss));
      }
    } else if (!isQuiet && step * 10L / steps > (step - 1) * 10L / steps) {
      System.out.println(
          String.format(Locale.ROOT, "step %d of %d, minibatch loss %.4f", step, steps, loss));
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
