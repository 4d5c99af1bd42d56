package org.backpropninja.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.Calibration;
import org.backpropninja.training.CompiledNetwork;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** The notebook's training run on names.txt, in seconds and in memory, and then its sampling. */
final class NamesRun {

  private static final int BATCH = 32;
  private static final int H = 200;
  private static final int BEFORE = 20; // memory is first read after this part of the steps

  private final NamesSplit split = NamesSplit.of(NamesFile.read(Path.of("names.txt")), 3);
  private MultiLayerNetwork network;

  /**
   * Trains.
   *
   * @param side OURS or COMPILED
   * @param steps how many
   * @return the loop's seconds, the resident kilobytes after a twentieth of the steps and after all
   */
  String train(Side side, int steps) {
    TorchRandom random = new TorchRandom(2147483647);
    network =
        new CharMlp(split.train().vocabulary().size(), 3, 10, H)
            .network(CharMlp.notebookSgd(steps), DataType.FLOAT, random, new TorchRandom(42));
    ResidentMemory memory = new ResidentMemory(steps / BEFORE, steps);
    network.setListeners(memory);
    DataSetIterator minibatches =
        new MinibatchIterator(split.train(), random, BATCH, steps).overwriting();
    long start = System.nanoTime();
    if (side == Side.COMPILED) {
      CompiledNetwork.of(network).fit(minibatches);
    } else {
      network.fit(minibatches);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    network.setListeners();
    Calibration.calibrate(network, split.train().chunks(4096));
    return seconds + " " + memory.before + " " + memory.after;
  }

  /**
   * Draws names from the trained network.
   *
   * @return seconds
   */
  double sample(int count) {
    NameSampler sampler = new NameSampler(network, split.train().vocabulary(), 3);
    long start = System.nanoTime();
    int drawn = sampler.sample(count, new TorchRandom(2147483657L)).size();
    if (drawn != count) {
      throw new IllegalStateException("names (%d) must be %d".formatted(drawn, count));
    }
    return (System.nanoTime() - start) / 1e9;
  }

  /** Reads the process's resident memory after two of the steps. */
  private static final class ResidentMemory extends BaseTrainingListener {
    private final int first;
    private final int last;
    private int step;
    private long before;
    private long after;

    ResidentMemory(int first, int last) {
      this.first = first;
      this.last = last;
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      step++;
      if (step == first) {
        before = residentKilobytes();
      }
      if (step == last) {
        after = residentKilobytes();
      }
    }

    /** From Linux's process table; 0 on other systems, where the row is left out. */
    private static long residentKilobytes() {
      try {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("VmRSS:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
            .sum();
      } catch (IOException e) {
        return 0;
      }
    }
  }
}
