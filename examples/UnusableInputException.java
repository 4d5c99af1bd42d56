/** What the user gave cannot be used; the message says why in one line. */
final class UnusableInputException extends RuntimeException {
  private static final long serialVersionUID = 1;

  UnusableInputException(String message) {
    super(message);
  }
}
