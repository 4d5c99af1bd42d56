package org.backpropninja.internal;

import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.cpu.nativecpu.NDArray;
import org.nd4j.linalg.cpu.nativecpu.buffer.LongBuffer;
import org.nd4j.linalg.factory.Nd4j;

/** The one class that needs ND4J's CPU backend, loaded only where it is there. */
final class OnCpu {

  private OnCpu() {}

  static INDArray matrix(DataType type, long length, Pair<DataBuffer, long[]> description) {
    DataBuffer elements = Nd4j.createBuffer(type, length, false);
    return new NDArray(elements, (LongBuffer) description.getFirst(), description.getSecond());
  }
}
