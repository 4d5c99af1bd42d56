package org.backpropninja.internal;

import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Where an array's first element is.
 *
 * <p>ND4J's {@code data().addressPointer()} tells it too, but makes five objects and two native
 * calls for it. A buffer's {@code pointer()} is that of the memory a view is cut from, and its
 * {@code offset()} counts from there, however often it was cut.
 */
final class HostMemory {

  private HostMemory() {}

  static FloatPointer floats(INDArray x) {
    return new FloatPointer(x.data().pointer()).getPointer(x.data().offset());
  }

  static DoublePointer doubles(INDArray x) {
    return new DoublePointer(x.data().pointer()).getPointer(x.data().offset());
  }
}
