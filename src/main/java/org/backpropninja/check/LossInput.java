package org.backpropninja.check;

import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a loss is given.
 *
 * @param labels [n, …]
 * @param logits DL4J's preOutput, [n, classes]
 * @param mask null for none
 */
record LossInput(INDArray labels, INDArray logits, INDArray mask) {

  LossInput withLabels(INDArray labels) {
    return new LossInput(labels, logits, mask);
  }

  LossInput withLogits(INDArray logits) {
    return new LossInput(labels, logits, mask);
  }

  LossInput withMask(INDArray mask) {
    return new LossInput(labels, logits, mask);
  }

  LossInput copy() {
    return new LossInput(labels.dup(), logits.dup(), mask == null ? null : mask.dup());
  }
}
