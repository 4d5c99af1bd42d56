package org.backpropninja.bench;

import java.util.Arrays;
import java.util.function.Supplier;
import org.backpropninja.training.CompiledNetwork;

/** Whose layers are measured. */
public enum Side {
  /** Deeplearning4j's. */
  STOCK(new StockWorkloads(false)),
  /** Deeplearning4j's, with this library's updater; for whole steps. */
  FLAT(new StockWorkloads(true)),
  /** This library's, in DL4J's {@code network.fit}. */
  OURS(new OurWorkloads(network -> network::fit)),
  /** This library's, in its own training loop; for whole steps. */
  COMPILED(new OurWorkloads(network -> CompiledNetwork.of(network)::fit)),
  /** Nobody's: only the matrix products of the same step. */
  PRODUCTS(new BareProducts());

  private final Workloads workloads;

  Side(Workloads workloads) {
    this.workloads = workloads;
  }

  /**
   * Makes the step to measure.
   *
   * @param task the workload and its sizes: {@code batchNorm:NxHx…}, {@code embedding:VxDxTxN},
   *     {@code crossEntropy:VxN}, {@code dense:NxIxH}, {@code fit:NxHxV} or {@code draw:NxH}
   * @return one step
   */
  public Supplier<?> step(String task) {
    String[] parts = task.split(":");
    int[] s = Arrays.stream(parts[1].split("x")).mapToInt(Integer::parseInt).toArray();
    return switch (parts[0]) {
      case "batchNorm" -> workloads.batchNorm(Arrays.stream(s).asLongStream().toArray());
      case "embedding" -> workloads.embedding(s[0], s[1], s[2], s[3]);
      case "crossEntropy" -> workloads.crossEntropy(s[0], s[1]);
      case "dense" -> workloads.dense(s[0], s[1], s[2]);
      case "fit" -> workloads.fit(s[0], s[1], s[2]);
      case "draw" -> workloads.draw(s[0], s[1]);
      default -> throw new IllegalArgumentException("no such task: " + task);
    };
  }
}
