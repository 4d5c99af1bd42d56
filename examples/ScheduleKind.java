import java.util.Locale;
import java.util.Map;
import org.backpropninja.training.CosineSchedule;
import org.nd4j.linalg.schedule.FixedSchedule;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/** How the learning rate goes on from where it starts. */
enum ScheduleKind {
  /** A tenth in the second half. */
  NOTEBOOK,
  CONSTANT,
  /** A tenth from the half on, and a hundredth from three quarters on. */
  STEP,
  /** Along a cosine, after a warm-up. */
  COSINE;

  ISchedule of(double rate, int warmUp, int steps) {
    return switch (this) {
      case CONSTANT -> new FixedSchedule(rate);
      case COSINE -> new CosineSchedule(rate, warmUp, steps);
      case NOTEBOOK ->
          new MapSchedule(ScheduleType.ITERATION, Map.of(0, rate, at(steps, 2), rate / 10));
      case STEP ->
          new MapSchedule(
              ScheduleType.ITERATION,
              Map.of(0, rate, at(steps, 2), rate / 10, at(steps, 2) + at(steps, 4), rate / 100));
    };
  }

  /** A part of the steps: at least one, because a single step has no second half. */
  private static int at(int steps, int parts) {
    return Math.max(1, steps / parts);
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
