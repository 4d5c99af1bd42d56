package org.backpropninja.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.Supplier;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A process that measures one side, so that no other code takes part in how the JVM compiles it.
 *
 * <p>It answers each line of its input by one line of output, microseconds or seconds: {@code
 * hello}, {@code load}, {@code step SIDE TASK MILLISECONDS}, {@code train SIDE STEPS}, {@code
 * sample COUNT}. The script {@code pytorch_char_mlp.py} understands the last three too.
 */
public final class Worker {

  private static volatile Object sink; // what the compiler must not leave out

  private String stepName; // of the last step asked for, which is kept
  private Supplier<?> step;
  private NamesRun run;

  private Worker() {}

  /**
   * Answers until its input ends.
   *
   * @param args none
   * @throws IOException if the other process is gone
   */
  public static void main(String[] args) throws IOException {
    PrintStream answers = System.out;
    System.setOut(System.err); // what libraries print is no answer
    Worker worker = new Worker();
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      answers.println(worker.answer(line.split(" ")));
      answers.flush();
    }
  }

  private Object answer(String[] request) {
    return switch (request[0]) {
      case "hello" -> "hello";
      case "load" -> Nd4j.zeros(1);
      case "step" -> step(request[1], request[2], Integer.parseInt(request[3]));
      case "train" -> {
        run = new NamesRun();
        yield run.train(side(request[1]), Integer.parseInt(request[2]));
      }
      case "sample" -> run.sample(Integer.parseInt(request[1]));
      default -> throw new IllegalArgumentException("no such request: " + request[0]);
    };
  }

  private double step(String side, String task, int milliseconds) {
    String name = side + " " + task;
    if (!name.equals(stepName)) {
      step = side(side).step(task);
      stepName = name;
    }
    return microseconds(step, milliseconds);
  }

  private static Side side(String name) {
    return Side.valueOf(name.toUpperCase(Locale.ROOT));
  }

  /** Repeats a step for that long, at least once; microseconds a step. */
  private static double microseconds(Supplier<?> step, int milliseconds) {
    long start = System.nanoTime();
    long end = start + milliseconds * 1_000_000L;
    long now;
    int steps = 0;
    do {
      sink = step.get();
      steps++;
      now = System.nanoTime();
    } while (now < end);
    return (now - start) / 1e3 / steps;
  }
}
