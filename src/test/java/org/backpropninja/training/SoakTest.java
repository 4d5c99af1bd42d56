package org.backpropninja.training;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.backpropninja.names.CharMlp;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Long training does not fill the memory.
 *
 * <p>As one of the tests it takes seconds and finds what loses 3 KB a step or more, less than one
 * activation. The long one, in which the resident memory may grow by 2 % from step 10,000 to step
 * 200,000, is
 *
 * <pre>mvn -q test -Dtest=SoakTest -Dsoak.steps=200000</pre>
 *
 * <p>It is on Linux only, because it reads {@code /proc/self/status}, and has the garbage collected
 * now and then: with a large heap the JVM would rather touch new pages of it, at 50 bytes a step
 * and more, and that would hide what is lost.
 */
@EnabledOnOs(OS.LINUX)
class SoakTest {

  private static final int SHORT = 20_000;
  private static final int STEPS = Integer.getInteger("soak.steps", SHORT);
  private static final int WARM_UP = STEPS > SHORT ? 10_000 : 5_000;
  private static final int COLLECT_EVERY = 2_500;

  /** kB that the JIT compiler and the JVM's own structures may still take after the warm-up. */
  private static final long SLACK = 40 * 1024;

  @Test
  void residentMemoryStaysWhereItIs() throws IOException {
    MultiLayerNetwork network =
        new CharMlp(27, 3, 10, 64)
            .network(
                CharMlp.notebookSgd(STEPS), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
    Minibatches minibatches = new Minibatches(27, 3, 32);
    train(network, minibatches, WARM_UP);
    long before = residentKilobytes();
    train(network, minibatches, STEPS - WARM_UP);
    long after = residentKilobytes();
    String what =
        "resident %d kB at step %d, %d kB at step %d".formatted(before, WARM_UP, after, STEPS);
    System.out.println("soak: " + what);
    assertTrue(after <= before + (STEPS > SHORT ? before / 50 : SLACK), what);
  }

  private static void train(MultiLayerNetwork network, Minibatches minibatches, int steps) {
    for (int step = 1; step <= steps; step++) {
      network.fit(minibatches.next());
      if (step % COLLECT_EVERY == 0) {
        System.gc();
      }
    }
  }

  private static long residentKilobytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("/proc/self/status has no VmRSS");
  }
}
