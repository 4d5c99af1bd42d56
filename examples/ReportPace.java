/**
 * How often a page is written while a network is trained: as often as takes a hundredth of the time
 * of the steps.
 */
final class ReportPace {
  private static final double SHARE = 0.01;
  private static final double FIRST = 1e6; // µs: what a first page takes, which loads its classes

  private final double share;
  private double last; // time of the steps at the last page, µs
  private double cost = FIRST; // of the last page, µs

  private ReportPace(double share, double now) {
    this.share = share;
    last = now;
  }

  /**
   * Starts.
   *
   * @param now time of the steps so far, µs
   */
  static ReportPace from(double now) {
    return new ReportPace(SHARE, now);
  }

  /** A page at each checkpoint, whatever it takes. */
  static ReportPace always() {
    return new ReportPace(Double.POSITIVE_INFINITY, 0);
  }

  /** Whether a page like the last takes no more than its share since that. */
  boolean isDue(double now) {
    return cost <= share * (now - last);
  }

  void written(double now, double cost) {
    last = now;
    this.cost = cost;
  }
}
