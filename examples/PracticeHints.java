import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** A hint for each method of {@link Practice}, in words. */
final class PracticeHints {

  /** Each method, and after the colon its hint; a line that is indented goes on. */
  private static final String HINTS =
      """
      dlogprobs: One log-probability of each row enters the loss, that of the right class, with the
        factor of the mean. The others have no influence.
      dprobs: Each element is the natural logarithm of one probability: multiply what comes back by
        the derivative of the logarithm there.
      dcountsSumInv: It was broadcast along its row. A value that is used several times gets the sum
        of what its uses send back.
      dcountsSum: A reciprocal is a power with the exponent minus one, so the power rule gives its
        derivative. Mind the sign.
      dcounts: It is used twice, in the product and in the row sum: add what both send back. What was
        summed over a row forward is broadcast to that row backward.
      dnormLogits: The exponential function is its own derivative, and its value is at hand.
      dlogitMaxes: It was broadcast along its row and subtracted there. All of the row comes back to
        it, with the sign of a subtraction.
      dlogits: It is used twice: directly, and through the maximum. Of each row the maximum depends on
        one logit only, the largest.
      dh: Look at the shapes: there is only one product of what comes back and W2, with one of them
        transposed, in the shape of h.
      dW2: Look at the shapes: there is only one product of h and what comes back, with one of them
        transposed, in the shape of W2.
      db2: It was broadcast to every row of the batch. What is spread out forward is summed up
        backward, and its shape says over which dimension.
      dhpreact: The derivative of the hyperbolic tangent can be written with the hyperbolic tangent
        itself, so h is all you need of the forward pass.
      dbngain: In a product each factor gets what comes back times the other factor. The gain also
        serves all rows, and its shape says what is left to do.
      dbnbias: It was added to every row of the batch. What is spread out forward is summed up
        backward.
      dbnraw: In a product each factor gets what comes back times the other factor. Broadcasting does
        the rest.
      dbnvarInv: It is a factor, like the gain, and one number serves a whole column. Its shape says
        what is left to do.
      dbnvar: Use the power rule, with an exponent of minus one half. The small constant stays where it
        was.
      dbndiff2: What was summed over a column forward is broadcast to that column backward. The factor
        in front of the sum, which has Bessel's correction in it, stays.
      dbndiff: It is used twice, as a factor and as a square: add what both send back. The square of a
        number changes twice as fast as the number itself, times that number.
      dbnmeani: It was broadcast to every row and subtracted there. The whole column comes back to it,
        with the sign of a subtraction.
      dhprebn: It is used twice: directly, and through the mean of its column, in which every row has
        the same small share.
      dembcat: It is to W1 what h is to W2. The shapes leave only one product.
      dW1: It is to embcat what W2 is to h. The shapes leave only one product.
      db1: It was broadcast to every row of the batch, like the other bias. Batch norm takes it out
        again, so do not be surprised by how small the numbers are.
      demb: Nothing was computed there, the same numbers only got another shape. Give them the old one
        back.
      dC: Each lookup copied a row of the table. A row that was looked up several times gets the sum of
        what its copies send back, and one that was not gets zeros.
      """;

  private PracticeHints() {}

  /** The hints under the methods' names, in their order. */
  static Map<String, String> all() {
    Map<String, String> hints = new LinkedHashMap<>();
    for (String line : HINTS.replaceAll("\n +", " ").split("\n")) {
      String[] parts = line.split(": ", 2);
      hints.put(parts[0], parts[1]);
    }
    return Collections.unmodifiableMap(hints);
  }
}
