package org.backpropninja.math;

/** The activations that are computed by hand, block by block, inside the layer before them. */
public enum Activation {
  /** h = z. */
  IDENTITY {
    @Override
    void forward(Block z) {}

    @Override
    void backward(Block h, Block dh) {}
  },
  /** h = tanh(z), dz = (1 − h²)·dh; see {@link Tanh}. */
  TANH {
    @Override
    void forward(Block z) {
      z.tanh();
    }

    @Override
    void backward(Block h, Block dh) {
      dh.tanhBackward(h);
    }
  };

  /** Replaces z by h. */
  abstract void forward(Block z);

  /** Replaces dh by dz. */
  abstract void backward(Block h, Block dh);
}
