package org.backpropninja.check;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** How the elements of an array may lie in memory. */
enum Layout {
  ROW_MAJOR("in 'c' order"),
  COLUMN_MAJOR("in 'f' order"),
  MIDDLE("as a view in the middle of a larger array"),
  STRIDED("as a view of every second element"),
  PERMUTED("with its last axis second in memory");

  private static final double AROUND = 777; // nobody's value

  private final String words;

  Layout(String words) {
    this.words = words;
  }

  /**
   * An array in such a layout.
   *
   * @param view the array
   * @param whole the memory that it is a view of, full of 777 elsewhere
   */
  record Placed(INDArray view, INDArray whole) {

    /** Whether all elements that are none of the array's are what they were. */
    boolean isUntouchedAround() {
      long untouched = Arrays.stream(Slopes.elements(whole)).filter(each -> each == AROUND).count();
      return untouched == whole.length() - view.length();
    }
  }

  /** The same values in this layout. */
  Placed place(INDArray x) {
    Placed placed = empty(x);
    placed.view.assign(x);
    return placed;
  }

  private Placed empty(INDArray x) {
    long[] shape = x.shape();
    int last = shape.length - 1;
    return switch (this) {
      case ROW_MAJOR -> whole(x, 'c', shape);
      case COLUMN_MAJOR -> whole(x, 'f', shape);
      case MIDDLE -> {
        INDArray whole = full(x, 'c', LongStream.of(shape).map(size -> size + 2).toArray());
        yield new Placed(
            whole.get(indices(shape, size -> NDArrayIndex.interval(1, size + 1))), whole);
      }
      case STRIDED -> {
        INDArray whole = full(x, 'c', LongStream.of(shape).map(size -> 2 * size).toArray());
        yield new Placed(
            whole.get(indices(shape, size -> NDArrayIndex.interval(0, 2, 2 * size))), whole);
      }
      case PERMUTED -> {
        int[] inMemory =
            IntStream.rangeClosed(0, last).map(k -> k == 0 ? 0 : k == 1 ? last : k - 1).toArray();
        INDArray whole =
            full(x, 'c', IntStream.of(inMemory).mapToLong(axis -> shape[axis]).toArray());
        int[] back =
            IntStream.rangeClosed(0, last).map(k -> k == 0 ? 0 : k == last ? 1 : k + 1).toArray();
        yield new Placed(whole.permute(back), whole);
      }
    };
  }

  private static Placed whole(INDArray x, char order, long[] shape) {
    INDArray whole = full(x, order, shape);
    return new Placed(whole, whole);
  }

  private static INDArray full(INDArray x, char order, long[] shape) {
    return Nd4j.createUninitialized(x.dataType(), shape, order).assign(AROUND);
  }

  private interface Index {
    INDArrayIndex of(long size);
  }

  private static INDArrayIndex[] indices(long[] shape, Index index) {
    return LongStream.of(shape).mapToObj(index::of).toArray(INDArrayIndex[]::new);
  }

  @Override
  public String toString() {
    return words;
  }
}
