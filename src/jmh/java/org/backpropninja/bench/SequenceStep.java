package org.backpropninja.bench;

import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.preprocessor.FeedForwardToRnnPreProcessor;
import org.deeplearning4j.nn.conf.preprocessor.RnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The step of a layer of rows on sequences [n, c, t], between the preprocessors that Deeplearning4j
 * needs there. The sequences are column-major, as its recurrent layers make them, because the
 * preprocessors copy all others first.
 */
final class SequenceStep extends LayerStep {

  private final RnnToFeedForwardPreProcessor toRows = new RnnToFeedForwardPreProcessor();
  private final FeedForwardToRnnPreProcessor toSequences = new FeedForwardToRnnPreProcessor();
  private final int n;

  SequenceStep(Layer configuration, INDArray x, INDArray epsilon) {
    super(configuration, x.dup('f'), epsilon.dup('f'));
    n = (int) x.size(0);
  }

  @Override
  INDArray activate(INDArray x, LayerWorkspaceMgr workspaces) {
    INDArray rows = super.activate(toRows.preProcess(x, n, workspaces), workspaces);
    return toSequences.preProcess(rows, n, workspaces);
  }

  @Override
  INDArray backprop(INDArray epsilon, LayerWorkspaceMgr workspaces) {
    INDArray rows = super.backprop(toSequences.backprop(epsilon, n, workspaces), workspaces);
    return toRows.backprop(rows, n, workspaces);
  }
}
