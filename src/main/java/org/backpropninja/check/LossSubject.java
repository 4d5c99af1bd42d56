package org.backpropninja.check;

import java.util.function.Supplier;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/** The loss that is checked. */
record LossSubject(Supplier<? extends ILossFunction> supplier) {}
