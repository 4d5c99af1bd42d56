import java.io.IOException;
import org.deeplearning4j.optimize.api.TrainingListener;

/**
 * DL4J's dashboard, which shows a training in a browser while it goes on.
 *
 * <p>It needs libraries that nothing else does, so they and what implements this are left to the
 * Maven profile {@code ui}.
 */
interface Dashboard extends AutoCloseable {

  /**
   * Serves the dashboard on this machine until it is closed.
   *
   * @throws UnusableInputException without the profile
   * @throws IOException if it cannot be served, because the port is in use say
   */
  static Dashboard open() throws IOException {
    Dashboard dashboard = ofProfile();
    try {
      dashboard.serve();
      return dashboard;
    } catch (IOException e) {
      dashboard.close();
      throw e;
    }
  }

  private static Dashboard ofProfile() {
    try {
      return (Dashboard) Class.forName("LoopbackDashboard").getDeclaredConstructor().newInstance();
    } catch (ReflectiveOperationException | LinkageError e) { // an older build may have left it
      throw new UnusableInputException(
          "--ui needs the Maven profile ui: mvn -q -Pui test-compile exec:exec -Dargs=--ui");
    }
  }

  void serve() throws IOException;

  /** Where a browser finds it. */
  String address();

  /**
   * Shows the network that it listens to.
   *
   * @param every how many steps lie between two of which parameters and gradients are shown
   */
  TrainingListener listener(int every);

  @Override
  void close();
}
