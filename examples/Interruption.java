import java.util.concurrent.CountDownLatch;

/**
 * Ctrl-C, TERM or HUP while a run is trained: the process ends once the run has been saved.
 *
 * <p>The Java runtime runs shutdown hooks on these signals, and ends when all have returned. Ours
 * returns when this is closed.
 */
final class Interruption implements AutoCloseable {
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread hook = new Thread(this::request, "saving the run");
  private volatile boolean isRequested;

  Interruption() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  boolean isRequested() {
    return isRequested;
  }

  /** Asks for the end and waits for it. */
  private void request() {
    isRequested = true;
    letTheNextOneKill();
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody does so; then the process ends at once
    }
  }

  /**
   * The runtime ignores further signals while it shuts down. A user who presses Ctrl-C once more
   * does not want to wait, for a step of a large network say.
   *
   * <p>By reflection because javac warns of sun.misc.Signal, which every JDK has and nothing
   * replaces.
   */
  private static void letTheNextOneKill() {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object interrupt = signal.getConstructor(String.class).newInstance("INT");
      signal
          .getMethod("handle", signal, handler)
          .invoke(null, interrupt, handler.getField("SIG_DFL").get(null));
    } catch (ReflectiveOperationException e) {
      // Then it does not kill, and the run is saved.
    }
  }

  /** Until it is closed. */
  interface Notice extends AutoCloseable {
    @Override
    void close();
  }

  /** For what follows training and is not worth waiting for: the process ends, but says this. */
  static Notice saying(String text) {
    Thread hook = new Thread(() -> System.err.println(text), "how to go on");
    Runtime.getRuntime().addShutdownHook(hook);
    return () -> remove(hook);
  }

  @Override
  public void close() {
    closed.countDown();
    remove(hook);
  }

  private static void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // it is running
    }
  }
}
