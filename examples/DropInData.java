import java.util.Random;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** The data of {@link DropIn}, made from a seed: three classes each, labels as class indices. */
final class DropInData {

  static final int CLASSES = 3;
  static final int COLUMNS = 20;
  static final int TOKENS = 12;
  static final int LONGEST = 10; // steps of a sequence
  static final int SIDE = 16; // pixels of an image

  private DropInData() {}

  /**
   * A table of numbers: features [n, 20], labels [n, 1]. Every third column is a little larger for
   * one class than for the others, and the columns have different scales.
   */
  static DataSet numbers(Random random, int n) {
    float[] features = new float[n * COLUMNS];
    float[] labels = new float[n];
    for (int i = 0; i < n; i++) {
      int label = random.nextInt(CLASSES);
      labels[i] = label;
      for (int j = 0; j < COLUMNS; j++) {
        double signal = j % CLASSES == label ? 1.2 : 0;
        features[i * COLUMNS + j] = (float) ((signal + random.nextGaussian()) * (1 + j % 5));
      }
    }
    return new DataSet(array(features, n, COLUMNS), array(labels, n, 1));
  }

  /**
   * Sequences of different lengths: features and labels [n, 1, T], masks [n, T]. Tokens 0 to 2
   * switch to the tag of their number, all others leave the tag as it is.
   */
  static DataSet sequences(Random random, int n, int shortest) {
    float[] features = new float[n * LONGEST];
    float[] labels = new float[n * LONGEST];
    float[] mask = new float[n * LONGEST];
    for (int i = 0; i < n; i++) {
      int length = shortest + random.nextInt(LONGEST - shortest + 1);
      int tag = 0;
      for (int k = i * LONGEST; k < i * LONGEST + length; k++) {
        int token = random.nextInt(TOKENS);
        tag = token < CLASSES ? token : tag;
        features[k] = token;
        labels[k] = tag;
        mask[k] = 1;
      }
    }
    return new DataSet(
        array(features, n, 1, LONGEST),
        array(labels, n, 1, LONGEST),
        array(mask, n, LONGEST),
        array(mask, n, LONGEST));
  }

  /** Noisy images of a cross, a circle or stripes: features [n, 1, 16, 16], labels [n, 1]. */
  static DataSet images(Random random, int n) {
    float[] features = new float[n * SIDE * SIDE];
    float[] labels = new float[n];
    for (int i = 0; i < n; i++) {
      int label = random.nextInt(CLASSES);
      labels[i] = label;
      int middleY = 5 + random.nextInt(6);
      int middleX = 5 + random.nextInt(6);
      for (int k = 0; k < SIDE * SIDE; k++) {
        boolean ink = isInk(label, k / SIDE - middleY, k % SIDE - middleX);
        features[i * SIDE * SIDE + k] = (float) ((ink ? 1 : 0) + 0.7 * random.nextGaussian());
      }
    }
    return new DataSet(array(features, n, 1, SIDE, SIDE), array(labels, n, 1));
  }

  private static boolean isInk(int label, int down, int right) {
    return switch (label) {
      case 0 -> Math.abs(down) == Math.abs(right) && Math.abs(down) < 5;
      case 1 -> Math.abs(Math.hypot(down, right) - 4) < 0.7;
      default -> Math.floorMod(down + right, 4) == 0;
    };
  }

  private static INDArray array(float[] values, long... shape) {
    return Nd4j.create(values, shape, 'c');
  }
}
