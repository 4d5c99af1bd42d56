package org.backpropninja.check;

import java.util.List;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Bugs for the family {@code masks}. */
final class PlantedMasks {

  private PlantedMasks() {}

  static List<Planted> all() {
    return List.of(
        Planted.in(
            "masks.ones",
            "the mask is not cast to the network's type",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray mask() {
                    return maskArray == null ? null : maskArray.reshape(maskArray.length(), 1);
                  }
                }),
        Planted.in(
            "masks.ones",
            "a mask halves the gradient",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray db(INDArray dz) {
                    return super.db(dz).muli(mask == null ? 1 : 0.5);
                  }
                }),
        Planted.in(
            "masks.ones",
            "where no mask comes the last one is kept",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray last;

                  @Override
                  INDArray mask() {
                    INDArray now = super.mask();
                    last = now == null ? last : now;
                    return last != null && last.rows() == input.rows() ? last : null;
                  }
                }),
        Planted.in(
            "masks.rows",
            "rows that are left out move the running state",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void moveStates() {
                    getParam(Sound.EMA).muli(0.9).addi(x.mean(true, 0).muli(0.1));
                  }
                }),
        Planted.in(
            "masks.rows",
            "the mean of all rows is taken off, of those that are left out too",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray keep(INDArray input) {
                    return input.subRowVector(input.mean(true, 0));
                  }
                }),
        Planted.in(
            "masks.rows",
            "the mask is forgotten in the backward pass",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dz(INDArray dy) {
                    mask = null;
                    return super.dz(dy);
                  }
                }),
        Planted.in(
            "masks.gradients",
            "the gradient is that of the mean over the rows that are kept",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dz(INDArray dy) {
                    INDArray dz = super.dz(dy);
                    return mask == null ? dz : dz.divi(mask.meanNumber());
                  }
                }),
        Planted.in(
            "masks.gradients",
            "the mask is forgotten in the forward pass",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray mask() {
                    return null;
                  }

                  @Override
                  INDArray dz(INDArray dy) {
                    mask = super.mask();
                    return super.dz(dy);
                  }
                }),
        Planted.in(
            "masks.allZero",
            "states are divided by the number of rows that are kept",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void moveStates() {
                    double kept = mask == null ? x.rows() : mask.sumNumber().doubleValue();
                    getParam(Sound.EMA).muli(0.9).addi(x.sum(true, 0).muli(0.1).divi(kept));
                  }
                }),
        Planted.in(
            "masks.allZero",
            "where no row is kept the view is left as it was",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dw(INDArray dz) {
                    boolean none = mask != null && mask.sumNumber().doubleValue() == 0;
                    return none ? gradientViews.get("W").dup() : super.dw(dz);
                  }
                }),
        new Planted(
            "masks.allZero",
            "a mask of zeros is declared to be refused, but is not",
            () -> Sound.kit().refuses(Feature.FULLY_MASKED)),
        new Planted(
            "masks.refused",
            "masks are declared to be refused, but are not",
            () ->
                LayerConformance.of(Sound::new)
                    .input(InputType.feedForward(5))
                    .refuses(Feature.MASKS)));
  }
}
