/** Trains. */
public final class TrainNames {
  private TrainNames() {}

  /**
   * Runs.
   *
   * @param args options
   */
  public static void main(String[] args) {
    System.out.println(org.nd4j.linalg.factory.Nd4j.ones(2, 2) + " " + System.console());
  }
}
