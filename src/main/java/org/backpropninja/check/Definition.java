package org.backpropninja.check;

import java.util.function.Function;

/**
 * A check, before it knows whom it is to check.
 *
 * @param name family and name, such as {@code gradients.input}
 * @param about what is right, as a sentence
 * @param cause what is likely wrong where it fails
 * @param notApplicable why there is nothing to check, or null if there is
 * @param body the check
 * @param <S> whom it checks
 */
record Definition<S>(
    String name, String about, String cause, Function<S, String> notApplicable, Body<S> body) {

  /** The check of one subject; what it has against the subject it tells the trial. */
  interface Body<S> {
    void run(S subject, Trial trial) throws Exception;
  }

  /** The same check where a condition holds, with the reason why it does not apply elsewhere. */
  Definition<S> unless(Function<S, String> reason) {
    return new Definition<>(
        name,
        about,
        cause,
        subject -> {
          String first = notApplicable.apply(subject);
          return first != null ? first : reason.apply(subject);
        },
        body);
  }

  static <S> Definition<S> check(String name, String about, String cause, Body<S> body) {
    return new Definition<>(name, about, cause, subject -> null, body);
  }
}
