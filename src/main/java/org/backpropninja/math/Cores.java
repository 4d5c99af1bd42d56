package org.backpropninja.math;

/**
 * The operations of the network, each an object with a forward pass and its backward pass.
 *
 * <p>There are two implementations of each: the closed forms of this package, and the notebooks'
 * small steps. They know matrices and nothing of Deeplearning4j. An object serves one layer, and
 * goes back through the forward pass that ran last. A gradient {@code dX} has the shape of {@code
 * X} and is overwritten. Arrays of other shapes are refused with an {@link
 * IllegalArgumentException}.
 */
public interface Cores {

  /**
   * Makes a lookup.
   *
   * @param D length of one vector
   * @return its core
   */
  Embedding embedding(int D);

  /**
   * Makes an affine map.
   *
   * @param H columns of the result
   * @param activation what follows
   * @return its core
   */
  Dense dense(int H, Activation activation);

  /**
   * Makes a batch normalisation.
   *
   * @param H columns
   * @param epsilon ε, added to the variance
   * @param activation what follows
   * @return its core
   */
  BatchNorm batchNorm(int H, double epsilon, Activation activation);

  /**
   * Makes a loss.
   *
   * @param V classes
   * @return its core
   */
  CrossEntropy crossEntropy(int V);

  /** {@code embcat[i, t·D + d] = C[Xb[i, t], d]}. */
  interface Embedding {

    /**
     * Looks up.
     *
     * @param C table [V, D]
     * @param Xb indices [n·T], from 0 to V − 1
     * @param embcat result [n, T·D]
     */
    void forward(Matrix C, int[] Xb, Matrix embcat);

    /**
     * Sums the gradients of all places where an index stands.
     *
     * <pre>dC[v] = Σ over (i, t) with Xb[i, t] = v of dembcat[i, t·D … t·D + D−1]</pre>
     *
     * @param dembcat [n, T·D]
     * @param dC [V, D]
     */
    void backward(Matrix dembcat, Matrix dC);
  }

  /** {@code h = activation(x·W + b)}. */
  interface Dense {

    /**
     * Multiplies, adds and activates.
     *
     * @param x [n, I]
     * @param W [I, H]
     * @param b [1, H], null for none
     * @param h result [n, H]
     * @param keep whether a backward pass may follow
     */
    void forward(Matrix x, Matrix W, Matrix b, Matrix h, boolean keep);

    /**
     * Goes back.
     *
     * <pre>
     * dz = dh or (1 − h²)·dh
     * dx = dz·Wᵀ,   dx[i, k] = Σ_j dz[i, j]·W[k, j]
     * dW = xᵀ·dz,   dW[k, j] = Σ_i x[i, k]·dz[i, j]
     * db = Σ_rows dz
     * </pre>
     *
     * @param dh [n, H]
     * @param x as in the forward pass
     * @param W as in the forward pass
     * @param dx [n, I], null if it is not wanted
     * @param dW [I, H]
     * @param db [1, H], null where there is no bias
     * @throws IllegalStateException if the forward pass was not to keep what is needed
     */
    void backward(Matrix dh, Matrix x, Matrix W, Matrix dx, Matrix dW, Matrix db);
  }

  /** {@code h = activation(gain·(hprebn − mean)·(var + ε)^−½ + bias)}. */
  interface BatchNorm {

    /**
     * Takes the statistics of a minibatch.
     *
     * @param hprebn [n, H]
     * @return its moments, good until the next call
     */
    Moments measure(Matrix hprebn);

    /**
     * Normalises.
     *
     * @param hprebn [n, H]
     * @param statistics the minibatch's own in training, constants in inference
     * @param gain [1, H]
     * @param bias [1, H]
     * @param h result [n, H]
     * @param keep whether a backward pass may follow
     */
    void forward(
        Matrix hprebn, Statistics statistics, Matrix gain, Matrix bias, Matrix h, boolean keep);

    /**
     * Goes back.
     *
     * <pre>
     * dhpreact = dh or (1 − h²)·dh
     * dbias = Σ_rows dhpreact
     * dgain = Σ_rows dhpreact·bnraw
     * dhprebn = gain·bnvarInv·( dhpreact − dbias/n − bnraw·dgain/(n − 1) )
     * </pre>
     *
     * <p>with n for n − 1 where the variance is the biased one, and just {@code
     * gain·bnvarInv·dhpreact} where the statistics were constants.
     *
     * @param dh [n, H]
     * @param dhprebn [n, H]; may be {@code dh} itself
     * @param dgain [1, H]
     * @param dbias [1, H]
     * @throws IllegalStateException if the forward pass was not to keep what is needed
     */
    void backward(Matrix dh, Matrix dhprebn, Matrix dgain, Matrix dbias);
  }

  /**
   * {@code loss[i] = Σ_j y[i, j]·(logsumexp(logits[i]) − logits[i, j])}, and its gradient on the
   * way, because both have the same exponentials.
   */
  interface CrossEntropy {

    /**
     * Computes the loss of each example from class indices, and its gradient.
     *
     * <pre>
     * loss[i]    = weight[i]·(logsumexp(logits[i]) − logits[i, Yb[i]])
     * dlogits[i] = weight[i]·(softmax(logits[i]) − onehot(Yb[i]))
     * </pre>
     *
     * @param logits [n, V]
     * @param Yb class of each example [n]; not read where the weight is 0
     * @param weight of each example [n]; 0 gives loss 0 and a row of zeros, whatever its logits are
     * @param loss result [n]
     * @param dlogits result [n, V]; null if it is not wanted
     * @return whether all logits of examples that are not left out are finite; if not, the results
     *     have no meaning
     */
    boolean forwardAndBackward(
        Matrix logits, int[] Yb, double[] weight, double[] loss, Matrix dlogits);

    /**
     * Computes the loss of each example from rows of targets, and its gradient.
     *
     * <pre>
     * loss[i]    = Σ_j y[i, j]·(logsumexp(logits[i]) − logits[i, j])
     * dlogits[i] = softmax(logits[i])·Σ_j y[i, j] − y[i]
     * </pre>
     *
     * @param logits [n, V]
     * @param y targets [n, V], not negative; a row of zeros gives loss 0 and a row of zeros,
     *     whatever its logits are
     * @param loss result [n]
     * @param dlogits result [n, V]; null if it is not wanted
     * @return whether all logits of examples that are not left out are finite; if not, the results
     *     have no meaning
     */
    boolean forwardAndBackward(Matrix logits, Matrix y, double[] loss, Matrix dlogits);
  }
}
