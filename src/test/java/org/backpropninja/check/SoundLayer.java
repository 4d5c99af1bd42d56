package org.backpropninja.check;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** The runtime of {@link Sound}, in steps that a planted bug overrides. */
class SoundLayer extends BaseLayer<Sound> {

  private static final long serialVersionUID = 1;

  INDArray x; // [n, nIn], a copy
  INDArray w; // with noise, if there is any
  INDArray y; // [n, nOut], before the mask
  INDArray mask; // [n, 1] of the network's type, null if there is none
  boolean statesAreNew; // since the last training pass

  SoundLayer(NeuralNetConfiguration conf, DataType type) {
    super(conf, type);
  }

  @Override
  @SuppressWarnings("try") // the scope is closed, never named
  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
    requireShape(input);
    applyDropOutIfNecessary(training, workspaces);
    INDArray out;
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      x = keep(input.castTo(dataType));
      w = getParamWithNoise("W", training, LayerWorkspaceMgr.noWorkspaces()).dup();
      mask = mask();
      y = forward();
      statesAreNew = training;
      out = mask == null ? y : y.mulColumnVector(mask);
    }
    return out(out, workspaces);
  }

  void requireShape(INDArray input) {
    if (input.rank() != 2 || input.size(1) != layerConf().getNIn()) {
      throw new IllegalArgumentException(
          "%s: input must be [n, %d]".formatted(layerId(), layerConf().getNIn()));
    }
  }

  /** Others may change the input after this pass. */
  INDArray keep(INDArray input) {
    return input.dup('c');
  }

  INDArray mask() {
    return maskArray == null ? null : maskArray.castTo(dataType).reshape(maskArray.length(), 1);
  }

  INDArray forward() {
    return Transforms.tanh(x.mmul(w).addiRowVector(getParam("b")), false);
  }

  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
    return workspaces.dup(ArrayType.ACTIVATIONS, out, 'c');
  }

  @Override
  @SuppressWarnings("try") // the scope is closed, never named
  public Pair<Gradient, INDArray> backpropGradient(INDArray dy, LayerWorkspaceMgr workspaces) {
    INDArray dx;
    Gradient gradient = new DefaultGradient();
    try (MemoryWorkspace none = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      INDArray dz = dz(dy.castTo(dataType));
      gradient.setGradientFor("W", gradientViews.get("W").assign(dw(dz)));
      gradient.setGradientFor("b", gradientViews.get("b").assign(db(dz)));
      gradient.setGradientFor(Sound.EMA, gradientViews.get(Sound.EMA).assign(0));
      dx = dx(dz);
      if (statesAreNew) {
        moveStates();
        statesAreNew = false;
      }
    }
    weightNoiseParams.clear();
    return new Pair<>(gradient, down(dx, workspaces));
  }

  INDArray dz(INDArray dy) {
    INDArray dz = dy.mul(y.mul(y).rsubi(1));
    return mask == null ? dz : dz.muliColumnVector(mask);
  }

  INDArray dw(INDArray dz) {
    return x.transpose().mmul(dz);
  }

  INDArray db(INDArray dz) {
    return dz.sum(true, 0);
  }

  INDArray dx(INDArray dz) {
    return dz.mmul(w.transpose());
  }

  INDArray down(INDArray dx, LayerWorkspaceMgr workspaces) {
    return backpropDropOutIfPresent(workspaces.dup(ArrayType.ACTIVATION_GRAD, dx, 'c'));
  }

  /** The rows that the mask keeps move the state. */
  void moveStates() {
    double kept = mask == null ? x.rows() : mask.sumNumber().doubleValue();
    if (kept > 0) {
      INDArray sum = (mask == null ? x : x.mulColumnVector(mask)).sum(true, 0);
      getParam(Sound.EMA).muli(0.9).addi(sum.muli(0.1 / kept));
    }
  }

  @Override
  public boolean isPretrainLayer() {
    return false;
  }
}
