import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** How far training is: a bar on a terminal, ten lines elsewhere; nothing if it is to be quiet. */
final class Progress implements AutoCloseable {
  private static final int BAR_WIDTH = 80;

  private final ProgressBar bar; // null without a terminal
  private final boolean isQuiet;
  private final int steps;
  private int done;

  Progress(int steps, int done, boolean isQuiet) {
    this.steps = steps;
    this.done = done;
    this.isQuiet = isQuiet;
    bar = isQuiet || System.console() == null ? null : bar();
  }

  private ProgressBar bar() {
    return new ProgressBarBuilder()
        .setTaskName("training")
        .setInitialMax(steps)
        .startsFrom(done, Duration.ZERO)
        .setMaxRenderedLength(BAR_WIDTH)
        .build();
  }

  /** Shows that some more steps are done, the last with this minibatch loss. */
  void advance(int more, double loss) {
    int before = done;
    done += more;
    if (bar != null) {
      bar.stepBy(more);
      if (done / 100 > before / 100) {
        bar.setExtraMessage(String.format(Locale.ROOT, " loss %.4f", loss));
      }
    } else if (!isQuiet && done * 10L / steps > before * 10L / steps) {
      System.out.println(
          String.format(Locale.ROOT, "step %d of %d, minibatch loss %.4f", done, steps, loss));
    }
  }

  /** Says something on the error stream, above the bar. */
  void say(String text) {
    if (bar != null) {
      System.err.printf("\r%-" + BAR_WIDTH + "s%n", text); // in one piece, as the bar is drawn
      bar.refresh();
    } else if (!isQuiet) {
      System.err.println(text);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
