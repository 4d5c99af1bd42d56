package org.backpropninja.math;

/**
 * The elements of a matrix, row by row, wherever they are: they are copied out and in a stretch at
 * a time, so that a matrix larger than the cache never has to be in an array as a whole.
 */
public interface Elements {

  /**
   * Copies a stretch out.
   *
   * @param first number of the first element, counted row by row
   * @param length how many
   * @param into takes them from its start
   */
  void read(int first, int length, double[] into);

  /**
   * Copies a stretch out, rounded.
   *
   * @param first number of the first element, counted row by row
   * @param length how many
   * @param into takes them from its start
   */
  void read(int first, int length, float[] into);

  /**
   * Copies a stretch in.
   *
   * @param from what to copy, from its start
   * @param first number of the first element, counted row by row
   * @param length how many
   */
  void write(double[] from, int first, int length);

  /**
   * Copies a stretch in.
   *
   * @param from what to copy, from its start
   * @param first number of the first element, counted row by row
   * @param length how many
   */
  void write(float[] from, int first, int length);

  /**
   * Makes the elements of a plain array.
   *
   * @param values row by row; may be longer than the matrix
   * @return the array itself, not a copy
   */
  static Elements of(double[] values) {
    return new Elements() {
      @Override
      public void read(int first, int length, double[] into) {
        System.arraycopy(values, first, into, 0, length);
      }

      @Override
      public void read(int first, int length, float[] into) {
        for (int k = 0; k < length; k++) {
          into[k] = (float) values[first + k];
        }
      }

      @Override
      public void write(double[] from, int first, int length) {
        System.arraycopy(from, 0, values, first, length);
      }

      @Override
      public void write(float[] from, int first, int length) {
        for (int k = 0; k < length; k++) {
          values[first + k] = from[k];
        }
      }
    };
  }

  /**
   * Makes the elements of a plain array.
   *
   * @param values row by row; may be longer than the matrix
   * @return the array itself, not a copy
   */
  static Elements of(float[] values) {
    return new Elements() {
      @Override
      public void read(int first, int length, double[] into) {
        for (int k = 0; k < length; k++) {
          into[k] = values[first + k];
        }
      }

      @Override
      public void read(int first, int length, float[] into) {
        System.arraycopy(values, first, into, 0, length);
      }

      @Override
      public void write(double[] from, int first, int length) {
        for (int k = 0; k < length; k++) {
          values[first + k] = (float) from[k];
        }
      }

      @Override
      public void write(float[] from, int first, int length) {
        System.arraycopy(from, 0, values, first, length);
      }
    };
  }
}
