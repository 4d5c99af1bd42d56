package org.backpropninja.internal;

import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * ND4J arrays of any type, order, stride, offset and backend as matrices: in place where {@link
 * NdMatrix} reaches them, otherwise by way of a copy.
 */
public final class NdArrays {

  private static final int SOME = 8192; // elements copied at a time

  private NdArrays() {}

  /**
   * Tells the type that a network of another type computes in.
   *
   * @param network the network's
   * @return DOUBLE for DOUBLE, FLOAT for all others
   */
  public static DataType workingType(DataType network) {
    return network == DataType.DOUBLE ? DataType.DOUBLE : DataType.FLOAT;
  }

  /**
   * Tells how the loops over elements of a network compute.
   *
   * @param network its type
   * @return in double for DOUBLE, otherwise in float
   */
  public static Precision precision(DataType network) {
    return network == DataType.DOUBLE ? Precision.DOUBLE : Precision.SINGLE;
  }

  /**
   * Makes a matrix to be read.
   *
   * @param x matrix or vector
   * @param type FLOAT or DOUBLE
   * @return its own elements if they are of that type and dense in host memory, otherwise a copy's
   */
  public static Matrix in(INDArray x, DataType type) {
    if (x.dataType() == type && NdMatrix.reaches(x)) {
      return NdMatrix.of(x);
    }
    return NdMatrix.isHostBackend()
        ? NdMatrix.of(copy(x, type))
        : Matrix.of(values(x), rows(x), (int) (x.length() / rows(x)));
  }

  private static int rows(INDArray x) {
    return x.rank() == 2 ? (int) x.size(0) : 1;
  }

  /** A dense copy in 'c' order that outlives the current workspace. */
  static INDArray copy(INDArray x, DataType type) {
    INDArray[] copy = new INDArray[1];
    Workspaces.outside(() -> copy[0] = x.castTo(type).dup('c'));
    return copy[0];
  }

  /**
   * A matrix to be written, and the array that its elements are for.
   *
   * @param matrix takes the elements
   * @param array where they belong
   * @param copy brings them there; does nothing if they are there already
   */
  public record Out(Matrix matrix, INDArray array, Runnable copy) {

    /** Copies the elements where they belong, if they are not there already. */
    public void done() {
      copy.run();
    }
  }

  /**
   * Makes a matrix to be written.
   *
   * @param x matrix or vector; it has the elements when {@link Out#done} has been called
   * @return its own elements if it is FLOAT or DOUBLE and dense in host memory, otherwise others
   */
  public static Out out(INDArray x) {
    if (NdMatrix.reaches(x)) {
      return new Out(NdMatrix.of(x), x, () -> {});
    }
    return elsewhere(work(rows(x), (int) (x.length() / rows(x)), x.dataType()), x);
  }

  /** A matrix whose elements are copied into an array. */
  static Out elsewhere(Matrix work, INDArray x) {
    return new Out(work, x, () -> x.assign(array(work, x.dataType()).reshape(x.shape())));
  }

  private static Matrix work(int rows, int columns, DataType type) {
    if (!NdMatrix.isHostBackend()) {
      return Matrix.of(new double[rows * columns], rows, columns);
    }
    INDArray[] work = new INDArray[1];
    Workspaces.outside(() -> work[0] = NewMatrix.of(workingType(type), rows, columns));
    return NdMatrix.of(work[0]);
  }

  /** The matrix as an array of that type, in the current workspace unless it is one already. */
  static INDArray array(Matrix x, DataType type) {
    if (x instanceof NdMatrix m) {
      return m.array().castTo(type);
    }
    double[] elements = new double[x.length()];
    x.read(0, elements.length, elements);
    return Nd4j.create(elements, new long[] {x.rows(), x.columns()}, 'c').castTo(type);
  }

  /**
   * Copies a matrix into a new array.
   *
   * @param x matrix
   * @param type FLOAT or DOUBLE
   * @return a dense array in 'c' order, in the current workspace if there is one
   */
  public static INDArray copy(Matrix x, DataType type) {
    INDArray copy = NewMatrix.of(type, x.rows(), x.columns());
    copy(x, out(copy).matrix());
    return copy;
  }

  /**
   * Copies a matrix into another of its shape.
   *
   * @param from matrix
   * @param to takes its elements, rounded if need be
   */
  public static void copy(Matrix from, Matrix to) {
    if (from.precision() == Precision.SINGLE) {
      float[] some = new float[Math.min(from.length(), SOME)];
      for (int k = 0; k < from.length(); k += SOME) {
        int length = Math.min(SOME, from.length() - k);
        from.read(k, length, some);
        to.write(some, k, length);
      }
    } else {
      double[] some = new double[Math.min(from.length(), SOME)];
      for (int k = 0; k < from.length(); k += SOME) {
        int length = Math.min(SOME, from.length() - k);
        from.read(k, length, some);
        to.write(some, k, length);
      }
    }
  }

  /**
   * Copies an array into a matrix.
   *
   * @param from matrix of any numeric type
   * @param to takes its elements
   */
  public static void assign(INDArray from, Matrix to) {
    copy(in(from, from.dataType() == DataType.FLOAT ? DataType.FLOAT : DataType.DOUBLE), to);
  }

  /**
   * Copies an array out.
   *
   * @param x of any numeric type and shape
   * @return its elements, in 'c' order
   */
  public static double[] values(INDArray x) {
    if (NdMatrix.reaches(x)) {
      double[] values = new double[(int) x.length()];
      NdMatrix.of(x).read(0, values.length, values);
      return values;
    }
    return x.dup('c').data().asDouble();
  }

  /**
   * Copies values into an array.
   *
   * @param values in 'c' order
   * @param x takes them, rounded to its type
   */
  public static void assign(double[] values, INDArray x) {
    if (NdMatrix.reaches(x)) {
      NdMatrix.of(x).write(values, 0, values.length);
    } else {
      x.assign(Nd4j.create(values, x.shape(), 'c'));
    }
  }

  /**
   * Copies values into an array.
   *
   * @param values in 'c' order
   * @param x takes them, rounded to its type
   */
  public static void assign(float[] values, INDArray x) {
    if (NdMatrix.reaches(x)) {
      NdMatrix.of(x).write(values, 0, values.length);
    } else {
      x.assign(Nd4j.create(values, x.shape(), 'c'));
    }
  }
}
