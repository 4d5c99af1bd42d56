package org.backpropninja.math;

/** What may follow the normalisation without the matrix being copied out once more. */
public enum Nonlinearity {
  /** h = hpreact. */
  IDENTITY {
    @Override
    void forward(Block h) {}

    @Override
    void backward(Block h, Block dh) {}
  },
  /** h = tanh(hpreact), see {@link Tanh}. */
  TANH {
    @Override
    void forward(Block h) {
      h.tanh();
    }

    @Override
    void backward(Block h, Block dh) {
      dh.tanhBackward(h);
    }
  };

  /** Replaces hpreact by h. */
  abstract void forward(Block h);

  /** Replaces dh by dhpreact. */
  abstract void backward(Block h, Block dh);
}
