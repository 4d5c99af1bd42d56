package org.backpropninja.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import org.backpropninja.check.Copied.Kind;
import org.backpropninja.check.Rig.Gradients;
import org.backpropninja.check.Rig.Site;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The same numbers from one run to the next, between threads, and nearly the same in FLOAT. */
final class LayerRepeats {

  private static final double FLOAT_TOLERANCE = 1e-4;
  private static final int DRAWS = 3; // of input: near a kink FLOAT may be on its other side
  private static final int EXAMPLES = 8;
  private static final int MOST_ROUNDS = 20; // of two threads
  private static final long ALONE_NANOS = 300_000_000;

  static final List<Definition<LayerSubject>> CHECKS =
      List.of(
          Definition.check(
              "persistence.floatCloseToDouble",
              "A FLOAT network computes what a DOUBLE one does, to rounding.",
              "numbers of another type in between, a constant that is too small for FLOAT, a"
                  + " difference of nearly equal numbers, or a state that a forward pass moves (see"
                  + " training.state)",
              LayerRepeats::floatCloseToDouble),
          Definition.check(
              "persistence.seed",
              "The same seed gives the same parameters and the same training.",
              "random numbers from elsewhere than Nd4j.getRandom(), or a static field that one"
                  + " network leaves to the next",
              (subject, trial) -> {
                for (Kind kind : Kind.values()) {
                  trial.at("%s", kind);
                  seed(subject, trial, kind);
                }
              }),
          Definition.check(
              "persistence.threads",
              "Two networks that work in turn or on two threads do not disturb each other.",
              "a static field, or an object that clones share",
              (subject, trial) -> {
                inTurn(subject, trial);
                onTwoThreads(subject, trial);
              }));

  private LayerRepeats() {}

  private static Rig rig(LayerSubject subject, DataType type) {
    Site site = subject.takesIndices() ? Site.FIRST : Site.ABOVE;
    return Rig.of(subject, site, type, layer -> layer, settings -> {});
  }

  /** What a pass forward and back gives. */
  private record Pass(INDArray output, Gradients gradients) {}

  private static INDArray input(LayerSubject subject, Trial trial, int draw) {
    return subject.input(EXAMPLES, trial.random("input", draw));
  }

  private static Pass pass(Rig rig, INDArray x, Random random) {
    INDArray output = rig.forward(x, null, true);
    return new Pass(output, rig.backward(epsilon(output, random)));
  }

  private static INDArray epsilon(INDArray output, Random random) {
    return LayerSubject.cast(LayerSubject.normal(random, output.shape()), output.dataType());
  }

  /** All arrays of a pass, by name. */
  private static Map<String, INDArray> arrays(LayerSubject subject, Pass pass) {
    Map<String, INDArray> arrays = new LinkedHashMap<>();
    arrays.put("output", pass.output);
    subject
        .trainedKeys()
        .forEach(key -> arrays.put("gradient of " + key, pass.gradients.checked().get(key)));
    pass.gradients
        .below()
        .forEach((key, array) -> arrays.put("gradient of %s below".formatted(key), array));
    if (!subject.takesIndices()) {
      arrays.put("gradient of the input", pass.gradients.input());
    }
    return arrays;
  }

  // FLOAT

  private static void floatCloseToDouble(LayerSubject subject, Trial trial) {
    if (subject.refuses(Feature.FLOAT)) {
      trial.requireRefusal(
          Feature.FLOAT,
          "a FLOAT network",
          () -> {
            INDArray x = input(subject, trial, 0);
            pass(rig(subject, DataType.FLOAT), x.castTo(DataType.FLOAT), trial.random());
          });
      return;
    }
    Rig reference = rig(subject, DataType.DOUBLE);
    trial.at("in a DOUBLE network");
    requireDigits(subject, trial, reference);
    Rig single = rig(subject, DataType.FLOAT);
    trial.at("in a FLOAT network");
    requireCloseSomewhere(subject, trial, reference, single);
    reference.train(subject, 5, EXAMPLES, false, trial);
    trial.at("in a FLOAT network, with parameters of 5 steps");
    requireCloseSomewhere(subject, trial, reference, single);
  }

  /** Numbers that are all those of a float come out of a calculation in FLOAT. */
  private static void requireDigits(LayerSubject subject, Trial trial, Rig rig) {
    Pass pass = pass(rig, input(subject, trial, 0), trial.random("epsilon"));
    arrays(subject, pass)
        .forEach(
            (name, array) ->
                trial.require(
                    array == null || !isRounded(array),
                    "%s: every element is a float's, such as %s",
                    name,
                    array == null ? null : array.maxNumber()));
  }

  private static boolean isRounded(INDArray array) {
    double[] values = Slopes.elements(array);
    return Arrays.stream(values).allMatch(each -> each == (float) each)
        && Arrays.stream(values).filter(LayerRepeats::isLong).count() > 1;
  }

  /** Whether a number has more than the few digits of one that was counted or chosen. */
  private static boolean isLong(double value) {
    return Long.numberOfTrailingZeros(Double.doubleToLongBits(value)) < 52 - 16;
  }

  /** In one of a few draws: near a kink FLOAT may be on its other side. */
  private static void requireCloseSomewhere(
      LayerSubject subject, Trial trial, Rig reference, Rig single) {
    Finding last = null;
    for (int draw = 0; draw < DRAWS; draw++) {
      try {
        requireClose(subject, trial, reference, single, draw);
        return;
      } catch (Finding finding) {
        last = finding;
      }
    }
    throw last;
  }

  private static void requireClose(
      LayerSubject subject, Trial trial, Rig reference, Rig single, int draw) {
    share(reference.parameters(), single.parameters());
    share(reference.below(), single.below());
    INDArray x = input(subject, trial, draw).castTo(DataType.FLOAT);
    INDArray wide = x.castTo(DataType.DOUBLE);
    if (hasChance(reference, wide)) {
      trial.note("compared in inference, because training has chance");
      INDArray expected = reference.forward(wide, null, false);
      requireClose(trial, "output", expected, single.forward(x, null, false));
      return;
    }
    Map<String, INDArray> expected =
        arrays(subject, pass(reference, wide, trial.random("epsilon", draw)));
    Map<String, INDArray> got = arrays(subject, pass(single, x, trial.random("epsilon", draw)));
    expected.forEach((name, array) -> requireClose(trial, name, array, got.get(name)));
    subject
        .states()
        .keySet()
        .forEach(
            key ->
                requireClose(
                    trial, key, reference.parameters().get(key), single.parameters().get(key)));
  }

  /** Gives both networks the same parameters, which a float can hold. */
  private static void share(Map<String, INDArray> reference, Map<String, INDArray> single) {
    single.forEach(
        (key, array) -> {
          array.assign(reference.get(key).castTo(DataType.FLOAT));
          reference.get(key).assign(array.castTo(DataType.DOUBLE));
        });
  }

  private static boolean hasChance(Rig rig, INDArray x) {
    INDArray first = rig.activate(x, null, true).dup();
    return !first.equalsWithEps(rig.activate(x, null, true), 0);
  }

  private static void requireClose(Trial trial, String name, INDArray expected, INDArray got) {
    if (expected == null || got == null) {
      trial.require(expected == got, "%s is missing in FLOAT or DOUBLE only", name);
      return;
    }
    Same.require(trial, name + " in FLOAT", got, "expected", expected, FLOAT_TOLERANCE);
  }

  // Seed

  private static void seed(LayerSubject subject, Trial trial, Kind kind) {
    Copied first = Copied.of(subject, kind);
    INDArray start = first.parameters().dup();
    first.fit(subject, trial, 0, 5);
    Copied.of(subject, kind, layer -> layer, settings -> settings.seed(8))
        .fit(subject, trial, 100, 2);
    Copied second = Copied.of(subject, kind);
    String whose = "of the same seed, after another network was trained";
    Same.exactly(trial, "parameters " + whose, second.parameters(), start);
    second.fit(subject, trial, 0, 5);
    Same.exactly(
        trial, "parameters " + whose + ", and 5 steps", second.parameters(), first.parameters());
    INDArray x = Copied.input(subject, trial);
    Same.exactly(trial, "output " + whose + ", and 5 steps", second.output(x), first.output(x));
  }

  // Threads

  private static void inTurn(LayerSubject subject, Trial trial) {
    List<INDArray> inputs = List.of(input(subject, trial, 0), input(subject, trial, 1));
    List<Pass> alone = new ArrayList<>();
    List<Rig> rigs = new ArrayList<>();
    List<INDArray> outputs = new ArrayList<>();
    for (INDArray x : inputs) {
      alone.add(pass(rig(subject, DataType.DOUBLE), x, trial.random("epsilon")));
      rigs.add(rig(subject, DataType.DOUBLE));
    }
    for (int k = 0; k < rigs.size(); k++) {
      outputs.add(rigs.get(k).forward(inputs.get(k), null, true));
    }
    trial.at("two networks, forward passes of both and then backward passes of both");
    for (int k = 0; k < rigs.size(); k++) {
      INDArray output = outputs.get(k);
      Gradients gradients = rigs.get(k).backward(epsilon(output, trial.random("epsilon")));
      Map<String, INDArray> got = arrays(subject, new Pass(output, gradients));
      arrays(subject, alone.get(k))
          .forEach(
              (name, array) -> {
                if (array != null) {
                  Same.exactly(trial, name + " of one beside another", got.get(name), array);
                }
              });
    }
  }

  /**
   * As many rounds as take a third of a second alone, because one layer is quicker than another.
   */
  private static void onTwoThreads(LayerSubject subject, Trial trial) throws Exception {
    Copied base = Copied.of(subject, Kind.MULTI_LAYER).fit(subject, trial, 0, 3);
    List<INDArray> first =
        new Job(subject, trial, base.copy(), 0).run(MOST_ROUNDS, ALONE_NANOS, new Phaser(1));
    int rounds = first.size() / Job.RESULTS;
    List<INDArray> second =
        new Job(subject, trial, base.copy(), 1).run(rounds, Long.MAX_VALUE, new Phaser(1));
    trial.at("two clones on two threads");
    Phaser together = new Phaser(2);
    List<Callable<List<INDArray>>> jobs = new ArrayList<>();
    for (int which = 0; which < 2; which++) {
      Job job = new Job(subject, trial, base.copy(), which);
      jobs.add(() -> job.run(rounds, Long.MAX_VALUE, together));
    }
    List<List<INDArray>> got = onThreads(jobs);
    Job.requireSame(trial, first, got.get(0));
    Job.requireSame(trial, second, got.get(1));
  }

  /** What one thread does with its network. */
  private record Job(LayerSubject subject, Trial trial, Copied network, int which) {

    private static final int OUTPUTS = 10;
    private static final int RESULTS = OUTPUTS + 1; // of a round

    /** Outputs and a step in each round, which starts together with that of the other thread. */
    List<INDArray> run(int rounds, long nanos, Phaser together) {
      List<INDArray> results = new ArrayList<>();
      INDArray x = input(subject, trial, which);
      long start = System.nanoTime();
      try {
        for (int round = 0; round < rounds && System.nanoTime() - start < nanos; round++) {
          together.arriveAndAwaitAdvance();
          for (int each = 0; each < OUTPUTS; each++) {
            results.add(network.output(x));
          }
          network.fit(subject, trial, 1000 * (which + 1) + round, 1);
          results.add(network.parameters().dup());
        }
        return results;
      } finally {
        together.arriveAndDeregister();
      }
    }

    static void requireSame(Trial trial, List<INDArray> expected, List<INDArray> got) {
      for (int each = 0; each < got.size(); each++) {
        String name = each % RESULTS == OUTPUTS ? "parameters" : "output";
        String whose = "in round %d".formatted(each / RESULTS + 1);
        Same.exactly(trial, name + " " + whose, got.get(each), expected.get(each));
      }
    }
  }

  private static <T> List<T> onThreads(List<Callable<T>> jobs) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(jobs.size());
    try {
      List<T> results = new ArrayList<>();
      for (Future<T> each : threads.invokeAll(jobs)) {
        results.add(each.get());
      }
      return results;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception thrown ? thrown : e;
    } finally {
      threads.shutdown();
    }
  }
}
