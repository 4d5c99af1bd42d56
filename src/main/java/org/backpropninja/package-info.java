/**
 * Deeplearning4j layers and a loss whose backward passes are written by hand.
 *
 * <p>The network of makemore part 4 in forward order, and who owns each step:
 *
 * <table>
 * <caption>From names to loss</caption>
 * <tr><th>step</th><th>what</th><th>layer</th><th>mathematics</th></tr>
 * <tr><td>Xb, Yb</td><td>minibatch of indices</td><td>{@link org.backpropninja.names.NamesDataset}</td>
 * <td></td></tr>
 * <tr><td>emb, embcat</td><td>C[Xb], side by side</td>
 * <td>{@link org.backpropninja.layers.EmbeddingConcat}</td>
 * <td>{@link org.backpropninja.math.Cores.Embedding}</td></tr>
 * <tr><td>hprebn, logits</td><td>x·W + b</td><td>{@link org.backpropninja.layers.ManualDense}</td>
 * <td>{@link org.backpropninja.math.Cores.Dense}</td></tr>
 * <tr><td>bnmeani … hpreact</td><td>gain·(x − mean)/σ + bias</td>
 * <td>{@link org.backpropninja.layers.BatchNormBessel}</td>
 * <td>{@link org.backpropninja.math.Cores.BatchNorm}, {@link org.backpropninja.math.MomentsAccumulator}</td></tr>
 * <tr><td>h</td><td>tanh, inside the layer before it</td><td></td>
 * <td>{@link org.backpropninja.math.Activation}</td></tr>
 * <tr><td>logit_maxes … loss</td><td>softmax and cross entropy</td>
 * <td>{@link org.backpropninja.loss.ManualCrossEntropyLoss}</td>
 * <td>{@link org.backpropninja.math.Cores.CrossEntropy}</td></tr>
 * </table>
 *
 * <p>Users write types of {@code layers}, {@code loss} and {@code training}; the examples add
 * {@code names}, {@code random} and {@code stepwise}. {@code math} may be called by anyone. {@code
 * internal} is for this library alone. docs/architecture.md lists every public type.
 */
package org.backpropninja;
