package org.backpropninja.arrays;

import java.lang.ref.Reference;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Scales dense FLOAT vectors in host memory where they lie, with the results of ND4J's operations
 * to the last bit and without what those cost before they compute anything.
 */
public final class InPlace {

  private InPlace() {}

  /**
   * Tells whether an array is one of those.
   *
   * @param x any array
   * @return whether it is a dense FLOAT vector in host memory
   */
  public static boolean handles(INDArray x) {
    return x.rank() == 1 && Crossing.isInHost(x, DataType.FLOAT) && Crossing.isDense(x, 'c');
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
        (block, length) -> {
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
        (block, length) -> {
          for (int k = 0; k < length; k++) {
            block[k] /= by;
          }
        });
  }

  private interface Change {
    void of(float[] block, int length);
  }

  private static void forEachBlock(INDArray x, Change change) {
    FloatPointer elements = new FloatPointer(x.data().addressPointer());
    float[] block = Crossing.FLOATS.get();
    long length = x.length();
    for (long done = 0; done < length; done += Crossing.BLOCK) {
      int some = (int) Math.min(Crossing.BLOCK, length - done);
      FloatPointer at = elements.getPointer(done);
      at.get(block, 0, some);
      change.of(block, some);
      at.put(block, 0, some);
    }
    Reference.reachabilityFence(x);
  }
}
