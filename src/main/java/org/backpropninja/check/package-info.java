/**
 * A conformance kit for custom DL4J layers and losses: it says whether one is right, case by case.
 *
 * <p>{@link org.backpropninja.check.LayerConformance} and {@link
 * org.backpropninja.check.LossConformance} are where to start. Each check is a test of its own, by
 * {@code checks()}, or one run of them makes a {@link org.backpropninja.check.ConformanceReport},
 * to be asserted, printed or kept as Markdown or JSON. A run on one layer takes a few seconds;
 * {@code only("gradients.input")} repeats a single check in less. What each check asks for is in
 * docs/conformance.md.
 *
 * <p>The kit uses DL4J's public API only and no test framework.
 */
package org.backpropninja.check;
