import java.util.List;
import java.util.stream.IntStream;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.EigenDecompositionSymmetric;
import org.hipparchus.linear.RealMatrix;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The letters' vectors as points in the plane.
 *
 * @param characters the first of the vocabulary, as many as a picture holds
 * @param firstTwo the first two dimensions of each vector
 * @param principal its first two principal components
 * @param shares the parts of the variance along these
 */
record Letters(
    List<String> characters, double[][] firstTwo, double[][] principal, double[] shares) {
  private static final int MOST = 200;

  /** Projects the rows of the table C, [V, D]. */
  static Letters of(List<String> characters, INDArray table) {
    int count = Math.min(MOST, characters.size());
    double[][] vectors =
        table.get(NDArrayIndex.interval(0, count), NDArrayIndex.all()).toDoubleMatrix();
    double[][] firstTwo = new double[count][2];
    for (int i = 0; i < count; i++) {
      System.arraycopy(vectors[i], 0, firstTwo[i], 0, Math.min(2, vectors[i].length));
    }
    double[] shares = new double[2];
    double[][] principal = principal(vectors, shares);
    return new Letters(characters.subList(0, count), firstTwo, principal, shares);
  }

  /**
   * X = U·S·Vᵀ, the vectors less their mean, so the components are U·S. X·Xᵀ = U·S²·Uᵀ gives both:
   * it is small however many dimensions there are.
   */
  private static double[][] principal(double[][] vectors, double[] shares) {
    RealMatrix centred = centred(vectors);
    EigenDecompositionSymmetric squares =
        new EigenDecompositionSymmetric(centred.multiplyTransposed(centred));
    double total = IntStream.range(0, vectors.length).mapToDouble(squares::getEigenvalue).sum();
    double[][] components = new double[vectors.length][2];
    for (int k = 0; k < 2; k++) {
      double square = Math.max(0, squares.getEigenvalue(k)); // descending; zero may come out below
      shares[k] = square / total;
      double[] direction = squares.getEigenvector(k).toArray();
      double length = Math.sqrt(square) * sign(direction);
      for (int i = 0; i < vectors.length; i++) {
        components[i][k] = length * direction[i];
      }
    }
    return components;
  }

  private static RealMatrix centred(double[][] vectors) {
    RealMatrix centred = new Array2DRowRealMatrix(vectors, true);
    for (int j = 0; j < centred.getColumnDimension(); j++) {
      double[] column = centred.getColumn(j);
      double mean =
          IntStream.range(0, column.length).mapToDouble(i -> column[i]).sum() / column.length;
      centred.setColumn(
          j, IntStream.range(0, column.length).mapToDouble(i -> column[i] - mean).toArray());
    }
    return centred;
  }

  /**
   * Makes the element farthest from 0 positive: the picture keeps its side from one to the next.
   */
  private static double sign(double[] direction) {
    double farthest = 0;
    for (double element : direction) {
      farthest = Math.abs(element) > Math.abs(farthest) ? element : farthest;
    }
    return farthest < 0 ? -1 : 1;
  }
}
