/**
 * The crossing between ND4J's arrays and plain Java arrays, the one place that knows how ND4J lays
 * out memory. For the layers and the loss; no promise is made to anyone else.
 */
package org.backpropninja.internal;
