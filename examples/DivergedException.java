/** The minibatch loss, or a parameter, is no longer a finite number. */
final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  DivergedException(String message) {
    super(message);
  }
}
