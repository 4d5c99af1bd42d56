import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/** How far training is: a bar on a terminal, ten lines elsewhere; nothing if it is to be quiet. */
final class Progress implements AutoCloseable {
  /** Draws the bar over the line that the cursor is in. */
  private final ConsoleProgressBarConsumer terminal = new ConsoleProgressBarConsumer(System.err);

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
        .setConsumer(terminal)
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
      String over = "\r%-" + terminal.getMaxRenderedLength() + "s%n"; // the bar, to its end
      System.err.print(over.formatted(text)); // in one piece: a thread draws the bar
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
