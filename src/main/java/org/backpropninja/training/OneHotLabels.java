package org.backpropninja.training;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.backpropninja.internal.LabelledLogits;
import org.backpropninja.internal.Layout;
import org.backpropninja.internal.NdArrays;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Minibatches whose labels are class indices, with one-hot labels in their place: DL4J's {@code
 * Evaluation} compares rows.
 *
 * <pre>{@code
 * Evaluation evaluation = network.evaluate(new OneHotLabels(iterator, V));
 * }</pre>
 *
 * <p>Shapes: labels [n] or [n, 1] become [n, V], [n, 1, t] become [n, V, t] and [n, 1, h, w] become
 * [n, V, h, w], all of them FLOAT. Where a labels mask is 0 a label may be anything. Ignored labels
 * are masked out of the evaluation; images cannot have any, because {@code Evaluation} takes no
 * masks with them. DL4J takes the second axis for the classes whatever the network's format is, and
 * so the figures of a network whose output has the channels last are wrong: give its rows of
 * targets and an {@code Evaluation} with {@code setAxis} to {@code network.doEvaluation}, without
 * masks of labels. Everything else, a preprocessor included, is the wrapped iterator's, and its
 * minibatches stay as they are.
 *
 * <p>Refused with a {@link DL4JInvalidInputException}: labels of other shapes, a label that is not
 * a whole number from 0 to V−1, an ignored label of an image.
 */
public final class OneHotLabels implements DataSetIterator {

  private static final long serialVersionUID = 1;

  private static final String CHANNELS_LAST =
      "; network.evaluate takes the second axis for the classes, also of a network with the channels"
          + " last: give rows of targets, and an Evaluation with setAxis to network.doEvaluation";

  private final DataSetIterator iterator;
  private final int V;
  private final Integer ignoreIndex; // null for none

  /**
   * Wraps an iterator.
   *
   * @param iterator minibatches with class indices as labels
   * @param V number of classes, at least 1
   * @throws IllegalArgumentException if {@code V} is less than 1
   */
  public OneHotLabels(DataSetIterator iterator, int V) {
    this(iterator, V, null);
  }

  /**
   * Wraps an iterator some of whose labels do not count.
   *
   * @param iterator minibatches with class indices as labels
   * @param V number of classes, at least 1
   * @param ignoreIndex the label that does not count; it need not be a class
   * @throws IllegalArgumentException if {@code V} is less than 1
   */
  public OneHotLabels(DataSetIterator iterator, int V, int ignoreIndex) {
    this(iterator, V, (Integer) ignoreIndex);
  }

  private OneHotLabels(DataSetIterator iterator, int V, Integer ignoreIndex) {
    this.iterator = Objects.requireNonNull(iterator, "iterator must not be null");
    if (V < 1) {
      throw new IllegalArgumentException("V (%d) must be at least 1".formatted(V));
    }
    this.V = V;
    this.ignoreIndex = ignoreIndex;
  }

  @Override
  public DataSet next() {
    return oneHot(iterator.next());
  }

  @Override
  public DataSet next(int num) {
    return oneHot(iterator.next(num));
  }

  private DataSet oneHot(DataSet minibatch) {
    INDArray labels = minibatch.getLabels();
    if (labels == null) {
      return minibatch; // evaluation passes it over
    }
    Layout layout = layout(labels);
    INDArray mask = minibatch.getLabelsMaskArray();
    double[] kept = kept(mask, layout);
    double[] label = NdArrays.values(labels);
    boolean ignores = leaveOutIgnored(label, kept);
    INDArray rows = rows(label, labels.shape(), kept, layout);
    DataSet oneHot =
        new DataSet(
            minibatch.getFeatures(),
            rows,
            minibatch.getFeaturesMaskArray(),
            ignores ? mask(kept, layout, typeOfMask(minibatch)) : mask);
    oneHot.setLabelNames(minibatch.getLabelNamesList());
    oneHot.setExampleMetaData(minibatch.getExampleMetaData());
    return oneHot;
  }

  /** That of the one-hot labels. */
  private Layout layout(INDArray labels) {
    int rank = labels.rank();
    if (rank < 1 || rank > 4 || rank > 1 && labels.size(1) != 1) {
      throw refusal(
          "labels must be class indices of shape [n], [n, 1], [n, 1, t] or [n, 1, h, w], was %s%s",
          Arrays.toString(labels.shape()),
          rank > 2 && labels.size(rank - 1) == 1 ? CHANNELS_LAST : "");
    }
    long[] column = rank == 1 ? new long[] {labels.length(), 1} : labels.shape();
    return Layout.of(column, false).withColumns(V);
  }

  /** One value for each row. */
  private static double[] kept(INDArray mask, Layout layout) {
    double[] kept = LabelledLogits.kept(mask, layout);
    if (kept == null) {
      throw refusal(
          "labels mask must be one value per example or position, of shape %s, was %s",
          Arrays.toString(layout.withColumns(1).shape()), Arrays.toString(mask.shape()));
    }
    return kept;
  }

  /** Whether there are any. */
  private boolean leaveOutIgnored(double[] label, double[] kept) {
    boolean some = false;
    for (int i = 0; i < label.length && ignoreIndex != null; i++) {
      if (kept[i] != 0 && label[i] == ignoreIndex) {
        some = true;
        kept[i] = 0;
      }
    }
    return some;
  }

  private INDArray rows(double[] label, long[] shape, double[] kept, Layout layout) {
    int positions = (int) layout.positions();
    float[] rows = new float[label.length * V];
    for (int i = 0; i < label.length; i++) {
      if (kept[i] != 0) {
        int k = LabelledLogits.requireClass("OneHotLabels", label, i, shape, V);
        rows[(i / positions * V + k) * positions + i % positions] = 1;
      }
    }
    return Nd4j.createFromArray(rows).reshape('c', layout.shape());
  }

  /** DL4J's LossLayer multiplies its output by the mask, which must be of the same type. */
  private static DataType typeOfMask(DataSet minibatch) {
    INDArray mask = minibatch.getLabelsMaskArray();
    DataType type = (mask == null ? minibatch.getFeatures() : mask).dataType();
    return type.isFPType() ? type : DataType.FLOAT;
  }

  /** In the shape that DL4J's evaluation wants. */
  private static INDArray mask(double[] kept, Layout layout, DataType type) {
    long[] shape = layout.withoutColumns();
    if (shape.length > 2) {
      throw refusal(
          "labels of images must not be ignored, because Evaluation takes no masks there");
    }
    boolean isColumn = shape.length == 1 && shape[0] > 1; // a single example's mask is a vector
    return Nd4j.create(kept, isColumn ? new long[] {shape[0], 1} : shape, 'c').castTo(type);
  }

  private static DL4JInvalidInputException refusal(String message, Object... values) {
    return new DL4JInvalidInputException("OneHotLabels: " + message.formatted(values));
  }

  @Override
  public boolean hasNext() {
    return iterator.hasNext();
  }

  @Override
  public int inputColumns() {
    return iterator.inputColumns();
  }

  @Override
  public int totalOutcomes() {
    return V;
  }

  @Override
  public boolean resetSupported() {
    return iterator.resetSupported();
  }

  @Override
  public boolean asyncSupported() {
    return iterator.asyncSupported();
  }

  @Override
  public void reset() {
    iterator.reset();
  }

  @Override
  public int batch() {
    return iterator.batch();
  }

  @Override
  public void setPreProcessor(DataSetPreProcessor preProcessor) {
    iterator.setPreProcessor(preProcessor);
  }

  @Override
  public DataSetPreProcessor getPreProcessor() {
    return iterator.getPreProcessor();
  }

  @Override
  public List<String> getLabels() {
    return iterator.getLabels();
  }
}
