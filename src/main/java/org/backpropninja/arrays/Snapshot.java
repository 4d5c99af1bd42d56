package org.backpropninja.arrays;

import java.lang.ref.Reference;
import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A copy of a matrix, to see later whether another one is the same to the last bit. */
public final class Snapshot {

  private float[] floats = {}; // of a plain matrix, row by row; may be longer
  private double[] doubles = {}; // of any other
  private boolean plain; // which of the two
  private DataType type; // null before the first copy
  private long[] shape;

  /** Makes room for the first copy. */
  public Snapshot() {}

  /**
   * Copies a matrix, and forgets the one before.
   *
   * @param x matrix
   */
  public void take(INDArray x) {
    type = x.dataType();
    shape = x.shape();
    plain = Crossing.isPlainFloats(x);
    if (plain) {
      int length = (int) x.length();
      floats = floats.length >= length ? floats : new float[length];
      HostMemory.floats(x).get(floats, 0, length);
      Reference.reachabilityFence(x);
    } else {
      doubles = Crossing.read(x);
    }
  }

  /**
   * Compares.
   *
   * @param x matrix
   * @return whether it has the type, the shape and the elements of the copy
   */
  public boolean equalsMatrix(INDArray x) {
    if (x.dataType() != type || !Arrays.equals(x.shape(), shape)) {
      return false;
    }
    if (plain && Crossing.isPlainFloats(x)) {
      return equalsFloats(x);
    }
    double[] elements = Crossing.read(x);
    return Arrays.equals(plain ? widened(elements.length) : doubles, elements);
  }

  private double[] widened(int length) {
    double[] copy = new double[length];
    for (int k = 0; k < length; k++) {
      copy[k] = floats[k];
    }
    return copy;
  }

  private boolean equalsFloats(INDArray x) {
    int length = (int) x.length();
    FloatPointer memory = HostMemory.floats(x);
    float[] block = Crossing.FLOATS.get();
    for (int done = 0; done < length; done += Crossing.BLOCK) {
      int end = Math.min(done + Crossing.BLOCK, length);
      memory.position(done).get(block, 0, end - done);
      if (!Arrays.equals(floats, done, end, block, 0, end - done)) {
        return false;
      }
    }
    Reference.reachabilityFence(x);
    return true;
  }
}
