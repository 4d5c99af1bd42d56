package org.backpropninja.testing;

import java.util.Arrays;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * How an array of sequences, images or volumes lies in memory: its values are the same, the bytes
 * are elsewhere.
 */
public enum Memory {
  /** One after the other, in the order of the indices. */
  C(shape -> shape, (all, shape) -> all),
  /** One after the other, the first index fastest. */
  F(shape -> new long[] {length(shape)}, (all, shape) -> all.reshape('f', shape)),
  /** From the middle of a larger array along each axis: an offset, and gaps everywhere. */
  GAPS(Memory::largerAlongAll, Memory::middle),
  /** Whole examples from the middle of more of them: an offset, but no gaps. */
  EXAMPLES(shape -> larger(shape, 0), Memory::middle),
  /** Some of a second axis, as DL4J's MergeVertex hands them back. */
  SOME_OF_SECOND(shape -> larger(shape, 1), Memory::middle),
  /** Some of a last axis. */
  SOME_OF_LAST(shape -> larger(shape, shape.length - 1), Memory::middle),
  /** The second axis lies innermost, as in NHWC turned into NCHW. */
  SECOND_INNERMOST(
      shape -> in(secondToLast(shape.length), shape),
      (all, shape) -> all.permute(lastToSecond(shape.length))),
  /** The last axis lies second, as in NCHW turned into NHWC. */
  LAST_SECOND(
      shape -> in(lastToSecond(shape.length), shape),
      (all, shape) -> all.permute(secondToLast(shape.length)));

  private static final int BEFORE = 2; // of what lies around
  private static final int AFTER = 1;

  private final UnaryOperator<long[]> around;
  private final View view;

  private interface View {
    INDArray of(INDArray all, long[] shape);
  }

  Memory(UnaryOperator<long[]> around, View view) {
    this.around = around;
    this.view = view;
  }

  /** An array full of 7 that holds one of that shape, and more if that is a view. */
  public INDArray surroundings(DataType type, long... shape) {
    return Nd4j.valueArrayOf(around.apply(shape), 7.0, type);
  }

  /** The array in its surroundings. */
  public INDArray within(INDArray surroundings, long... shape) {
    return view.of(surroundings, shape);
  }

  /** A copy that lies like this. */
  public INDArray of(INDArray x) {
    return within(surroundings(x.dataType(), x.shape()), x.shape()).assign(x);
  }

  private static long length(long[] shape) {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  private static long[] larger(long[] shape, int axis) {
    long[] larger = shape.clone();
    larger[axis] += BEFORE + AFTER;
    return larger;
  }

  private static long[] largerAlongAll(long[] shape) {
    return Arrays.stream(shape).map(size -> size + BEFORE + AFTER).toArray();
  }

  private static INDArray middle(INDArray all, long[] shape) {
    INDArrayIndex[] indices =
        IntStream.range(0, shape.length)
            .mapToObj(
                k ->
                    all.size(k) == shape[k]
                        ? NDArrayIndex.all()
                        : NDArrayIndex.interval(BEFORE, BEFORE + shape[k]))
            .toArray(INDArrayIndex[]::new);
    return all.get(indices);
  }

  private static int[] secondToLast(int rank) {
    return IntStream.range(0, rank).map(k -> k == 0 ? 0 : k == rank - 1 ? 1 : k + 1).toArray();
  }

  private static int[] lastToSecond(int rank) {
    return IntStream.range(0, rank).map(k -> k == 0 ? 0 : k == 1 ? rank - 1 : k - 1).toArray();
  }

  private static long[] in(int[] order, long[] shape) {
    return Arrays.stream(order).mapToLong(axis -> shape[axis]).toArray();
  }

  /** The same values with the channels at the end instead of second. */
  public static INDArray channelsLast(INDArray channelsFirst) {
    return channelsFirst.permute(secondToLast(channelsFirst.rank()));
  }

  /** The same values with the channels second instead of at the end. */
  public static INDArray channelsFirst(INDArray channelsLast) {
    return channelsLast.permute(lastToSecond(channelsLast.rank()));
  }
}
