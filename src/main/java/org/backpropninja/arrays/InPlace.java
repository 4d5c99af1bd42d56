package org.backpropninja.arrays;

import java.lang.ref.Reference;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Scales and subtracts dense FLOAT vectors in host memory where they lie, with the results of
 * ND4J's operations to the last bit and without what those cost before they compute anything.
 */
public final class InPlace {

  /** Per thread, because networks may be trained in several threads at once. */
  private static final ThreadLocal<float[]> SUBTRAHEND =
      ThreadLocal.withInitial(() -> new float[Crossing.BLOCK]);

  private InPlace() {}

  /**
   * Tells whether an array is one of those.
   *
   * @param x any array
   * @return whether it is a dense FLOAT vector, or matrix in 'c' order, in host memory
   */
  public static boolean handles(INDArray x) {
    return x.rank() <= 2 && Crossing.isPlainFloats(x);
  }

  /**
   * Multiplies each element.
   *
   * @param x one that this {@link #handles}
   * @param factor rounded to float
   */
  public static void multiply(INDArray x, double factor) {
    float by = (float) factor;
    forEachBlock(
        x,
        (done, block, length) -> {
          for (int k = 0; k < length; k++) {
            block[k] *= by;
          }
        });
  }

  /**
   * Divides each element.
   *
   * @param x one that this {@link #handles}
   * @param divisor rounded to float
   */
  public static void divide(INDArray x, double divisor) {
    float by = (float) divisor;
    forEachBlock(
        x,
        (done, block, length) -> {
          for (int k = 0; k < length; k++) {
            block[k] /= by;
          }
        });
  }

  /**
   * Subtracts from each element.
   *
   * @param x one that this {@link #handles}
   * @param y what to subtract, one of as many elements that this handles
   */
  public static void subtract(INDArray x, INDArray y) {
    FloatPointer elements = HostMemory.floats(y);
    float[] subtrahend = SUBTRAHEND.get();
    forEachBlock(
        x,
        (done, block, length) -> {
          elements.position(done).get(subtrahend, 0, length);
          for (int k = 0; k < length; k++) {
            block[k] -= subtrahend[k];
          }
        });
    Reference.reachabilityFence(y);
  }

  private interface Change {
    void of(long done, float[] block, int length);
  }

  private static void forEachBlock(INDArray x, Change change) {
    FloatPointer elements = HostMemory.floats(x);
    float[] block = Crossing.FLOATS.get();
    long length = x.length();
    for (long done = 0; done < length; done += Crossing.BLOCK) {
      int some = (int) Math.min(Crossing.BLOCK, length - done);
      elements.position(done).get(block, 0, some);
      change.of(done, block, some);
      elements.position(done).put(block, 0, some);
    }
    Reference.reachabilityFence(x);
  }
}
