/**
 * The loss for {@code .lossFunction(...)}: {@link org.backpropninja.loss.ManualCrossEntropyLoss}.
 */
package org.backpropninja.loss;
