package org.backpropninja.training;

import java.util.List;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Takes its time for each minibatch. */
record SlowIterator(DataSetIterator of, int milliseconds) implements DataSetIterator {

  private static final long serialVersionUID = 1;

  @Override
  public DataSet next() {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return of.next();
  }

  @Override
  public DataSet next(int examples) {
    return of.next(examples);
  }

  @Override
  public boolean hasNext() {
    return of.hasNext();
  }

  @Override
  public void reset() {
    of.reset();
  }

  @Override
  public boolean resetSupported() {
    return of.resetSupported();
  }

  @Override
  public boolean asyncSupported() {
    return true;
  }

  @Override
  public int batch() {
    return of.batch();
  }

  @Override
  public int inputColumns() {
    return of.inputColumns();
  }

  @Override
  public int totalOutcomes() {
    return of.totalOutcomes();
  }

  @Override
  public List<String> getLabels() {
    return of.getLabels();
  }

  @Override
  public DataSetPreProcessor getPreProcessor() {
    return of.getPreProcessor();
  }

  @Override
  public void setPreProcessor(DataSetPreProcessor preProcessor) {
    of.setPreProcessor(preProcessor);
  }
}
