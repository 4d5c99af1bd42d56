/**
 * A conformance kit for custom DL4J layers and losses: it says whether one is right, case by case.
 *
 * <p>{@link org.backpropninja.check.LayerConformance} and {@link
 * org.backpropninja.check.LossConformance} are where to start. The kit uses DL4J's public API only
 * and no test framework.
 */
package org.backpropninja.check;
