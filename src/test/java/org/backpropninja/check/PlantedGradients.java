package org.backpropninja.check;

import java.util.List;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Bugs for the family {@code gradients}. */
final class PlantedGradients {

  private PlantedGradients() {}

  static List<Planted> all() {
    return List.of(
        Planted.in(
            "gradients.parameters",
            "the gradient of W is twice as large",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dw(INDArray dz) {
                    return super.dw(dz).muli(2);
                  }
                }),
        Planted.in(
            "gradients.parameters",
            "the gradient of b leaves out the last example",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray db(INDArray dz) {
                    return super.db(dz).subi(dz.getRow(dz.rows() - 1));
                  }
                }),
        Planted.in(
            "gradients.input",
            "the error misses the last column of W",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    dz.getColumn(dz.columns() - 1).muli(0);
                    return super.dx(dz);
                  }
                }),
        Planted.in(
            "gradients.layerBelow",
            "above another layer no error is passed down",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    return super.dx(dz).muli(getIndex() == 0 ? 1 : 0);
                  }
                }),
        Planted.in(
            "gradients.computationGraph",
            "the input is kept by activate(input, …), which a graph does not call",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray given;

                  @Override
                  public INDArray activate(
                      INDArray input, boolean training, LayerWorkspaceMgr workspaces) {
                    given = input.dup();
                    return super.activate(input, training, workspaces);
                  }

                  @Override
                  INDArray dw(INDArray dz) {
                    return given.transpose().mmul(dz);
                  }
                }),
        Planted.in(
            "gradients.minibatchSizes",
            "rows of a larger minibatch before take part in the sum of b",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray buffer; // never shrinks

                  @Override
                  INDArray db(INDArray dz) {
                    if (buffer == null || buffer.rows() < dz.rows()) {
                      buffer = dz.dup();
                    } else {
                      buffer
                          .get(NDArrayIndex.interval(0, dz.rows()), NDArrayIndex.all())
                          .assign(dz);
                    }
                    return buffer.sum(true, 0);
                  }
                }),
        Planted.in(
            "gradients.afterTraining",
            "the transpose of W is computed once",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray transposed;

                  @Override
                  INDArray dx(INDArray dz) {
                    transposed = transposed == null ? w.transpose().dup() : transposed;
                    return dz.mmul(transposed);
                  }
                }));
  }
}
