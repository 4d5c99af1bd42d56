package org.backpropninja.names;

import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** What the iterators over a dataset of names share: all but the choice of the next examples. */
abstract class NamesIterator implements DataSetIterator {
  private final NamesDataset data;
  private final int batch;
  private DataSetPreProcessor preProcessor;

  NamesIterator(NamesDataset data, int batch) {
    this.data = data;
    this.batch = batch;
  }

  /** Chooses the next examples, at most {@code num} and at least 1; called if there is a next. */
  abstract int[] choose(int num);

  DataSet make(int[] examples) {
    return data.examples(examples);
  }

  final NamesDataset data() {
    return data;
  }

  @Override
  public final DataSet next() {
    return next(batch);
  }

  @Override
  public final DataSet next(int num) {
    requirePositive("num", num);
    if (!hasNext()) {
      throw new NoSuchElementException("the iterator is at its end; reset() starts it again");
    }
    DataSet minibatch = make(choose(num));
    if (preProcessor != null) {
      preProcessor.preProcess(minibatch);
    }
    return minibatch;
  }

  @Override
  public final int batch() {
    return batch;
  }

  @Override
  public final int inputColumns() {
    return data.contextLength();
  }

  @Override
  public final int totalOutcomes() {
    return data.vocabulary().size();
  }

  @Override
  public final List<String> getLabels() {
    Vocabulary vocabulary = data.vocabulary();
    return IntStream.range(0, vocabulary.size()).mapToObj(vocabulary::character).toList();
  }

  @Override
  public final boolean resetSupported() {
    return true;
  }

  @Override
  public final DataSetPreProcessor getPreProcessor() {
    return preProcessor;
  }

  @Override
  public final void setPreProcessor(DataSetPreProcessor preProcessor) {
    this.preProcessor = preProcessor;
  }

  static int requirePositive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException("%s (%d) must be at least 1".formatted(name, value));
    }
    return value;
  }
}
