package org.backpropninja.math;

/**
 * The step of gradient descent on flat parameters, in one pass over them.
 *
 * <pre>
 * update     = gradient/n·rate
 * parameters = parameters − update
 * </pre>
 *
 * <p>Each operation is rounded to the matrices' type, as DL4J's three operations are, so the
 * results are DL4J's to the last bit. A stretch is a number of elements from a first one on.
 */
public final class GradientDescent {

  /** Elements of a block: more than elsewhere, because only two blocks share the cache. */
  private static final int SOME = 4000;

  private final Precision precision;
  private final Threads threads;
  private final Scratch[] scratch; // one a thread

  private static final class Scratch {
    final Block update;
    final Block parameters;

    Scratch(Precision precision) {
      update = Block.of(precision, 1, SOME);
      parameters = Block.of(precision, 1, SOME);
    }
  }

  /**
   * Makes the buffers.
   *
   * @param precision the parameters' type
   */
  public GradientDescent(Precision precision) {
    this(precision, Threads.ofAll());
  }

  GradientDescent(Precision precision, Threads threads) {
    this.precision = precision;
    this.threads = threads;
    scratch = threads.each(Scratch[]::new, () -> new Scratch(precision));
  }

  /**
   * Returns the parameters' type.
   *
   * @return float or double
   */
  public Precision precision() {
    return precision;
  }

  /**
   * Makes a stretch of the gradient the update.
   *
   * @param gradient gradient of the sum over the minibatch, then the update
   * @param first of the stretch
   * @param length of the stretch
   * @param n what the gradient is divided by
   * @param rate the learning rate
   */
  public void update(Matrix gradient, int first, int length, double n, double rate) {
    forEachBlock(first, length, (s, from, some) -> update(s, gradient, from, some, n, rate));
  }

  private static void update(
      Scratch s, Matrix gradient, int from, int some, double n, double rate) {
    s.update.read(gradient, from, some);
    s.update.divideAndScale(n, rate);
    s.update.write(gradient, from);
  }

  /**
   * Subtracts a stretch of the update from the parameters.
   *
   * @param parameters the flat parameters
   * @param update the flat update, as long
   * @param first of the stretch
   * @param length of the stretch
   */
  public void step(Matrix parameters, Matrix update, int first, int length) {
    parameters.require("parameters", update.rows(), update.columns());
    forEachBlock(
        first,
        length,
        (s, from, some) -> {
          s.update.read(update, from, some);
          step(s, parameters, from, some);
        });
  }

  private static void step(Scratch s, Matrix parameters, int from, int some) {
    s.parameters.read(parameters, from, some);
    s.parameters.subtract(s.update);
    s.parameters.write(parameters, from);
  }

  /**
   * Does both to a stretch.
   *
   * @param parameters the flat parameters
   * @param gradient gradient of the sum over the minibatch, then the update; as long
   * @param first of the stretch
   * @param length of the stretch
   * @param n what the gradient is divided by
   * @param rate the learning rate
   */
  public void updateAndStep(
      Matrix parameters, Matrix gradient, int first, int length, double n, double rate) {
    parameters.require("parameters", gradient.rows(), gradient.columns());
    forEachBlock(
        first,
        length,
        (s, from, some) -> {
          s.update.read(gradient, from, some);
          s.parameters.read(parameters, from, some);
          s.update.divideAndScale(n, rate, s.parameters);
          s.update.write(gradient, from);
          s.parameters.write(parameters, from);
        });
  }

  private void forEachBlock(int first, int length, Stripes.Work<Scratch> work) {
    new Stripes(length, 1, SOME)
        .forEachBlock(threads, scratch, (s, from, some) -> work.run(s, first + from, some));
  }
}
