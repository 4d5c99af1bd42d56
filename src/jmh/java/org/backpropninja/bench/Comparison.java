package org.backpropninja.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Measures Deeplearning4j's layers, this library's, C's, the bare matrix products and PyTorch in
 * turn, each in a process of its own, round by round, so that whatever else the machine does meets
 * all of them.
 */
public final class Comparison implements AutoCloseable {

  private static final int WARM_UP = 3; // rounds before those that count
  private static final int FIRST_WARM_UP = 20; // of a new process, which has compiled nothing yet

  /**
   * How long it may take.
   *
   * @param rounds of each step
   * @param milliseconds of a round; three times as long goes before, to warm up
   * @param longRounds of the training run and of the start
   * @param steps of the training run
   * @param names to sample
   */
  public record Effort(int rounds, int milliseconds, int longRounds, int steps, int names) {
    /** A minute or two, to see that all works. */
    public static final Effort QUICK = new Effort(3, 100, 1, 2000, 50);

    /** What the targets are about: half an hour or so. */
    public static final Effort FULL = new Effort(5, 600, 1, 200_000, 10_000);
  }

  private final Effort effort;
  private final Consumer<String> progress;
  private final Figures figures = new Figures();
  private final Peers peers;

  /**
   * Looks who is there to be measured.
   *
   * @param effort how long it may take
   * @param python the interpreter that has PyTorch, if one has
   * @param libtorch whether LibTorch takes part, which Maven fetches
   * @param progress is told what comes next, and what is not measured and why
   * @throws IOException if C's side does not compile though gcc and OpenBLAS are there
   */
  public Comparison(Effort effort, String python, boolean libtorch, Consumer<String> progress)
      throws IOException {
    this.effort = effort;
    this.progress = progress;
    peers = new Peers(python, libtorch, progress);
  }

  /**
   * Measures whole steps, single layers, the training run and the start.
   *
   * @param only a part of the titles of the rows to measure
   * @return the table in Markdown
   * @throws IOException if a process fails
   */
  public String table(String only) throws IOException {
    List<Row> rows = Rows.all(effort).stream().filter(row -> row.what().contains(only)).toList();
    for (String task : tasks(rows)) {
      measure(task, contenders(task, rows));
    }
    if (rows.stream().anyMatch(Rows.runs(effort)::contains)) {
      measureRuns();
    }
    if (rows.stream().anyMatch(Rows.start()::contains)) {
      new StartUp(figures, progress).measure(effort.longRounds());
    }
    StringBuilder table = new StringBuilder(Row.HEAD).append('\n');
    rows.forEach(row -> table.append(row.print(figures)).append('\n'));
    return table.toString();
  }

  /**
   * Measures whole steps of growing n, H and V.
   *
   * @param picture the PNG file to write
   * @return the figures as a table in Markdown
   * @throws IOException if a process fails or the file cannot be written
   */
  public String growth(Path picture) throws IOException {
    Growth growth = new Growth(figures);
    for (String task : growth.tasks()) {
      measure(task, growth.contenders());
    }
    growth.draw(picture);
    return growth.table();
  }

  /** What comes after the contender in the keys of steps, in the order of the rows. */
  private static Set<String> tasks(List<Row> rows) {
    Set<String> tasks = new LinkedHashSet<>();
    rows.stream()
        .flatMap(Row::keys)
        .filter(key -> key.contains(":"))
        .forEach(key -> tasks.add(key.split(" ")[1]));
    return tasks;
  }

  private static List<String> contenders(String task, List<Row> rows) {
    return rows.stream()
        .flatMap(Row::keys)
        .filter(key -> key.endsWith(" " + task))
        .map(key -> key.split(" ")[0])
        .distinct()
        .toList();
  }

  /** Warms all contenders up that were not measured at this yet, and then goes round them. */
  private void measure(String task, List<String> contenders) throws IOException {
    progress.accept(task);
    List<String> present =
        contenders.stream()
            .filter(peers::has)
            .filter(contender -> !figures.has(contender + " " + task))
            .toList();
    for (String contender : present) {
      step(contender, task, WARM_UP * effort.milliseconds());
    }
    for (int round = 0; round < effort.rounds(); round++) {
      for (String contender : present) {
        String answer = step(contender, task, effort.milliseconds());
        add(contender, task, answer);
      }
    }
  }

  private String step(String contender, String task, int milliseconds) throws IOException {
    if (!peers.isRunning(contender)) {
      ask(contender, task, FIRST_WARM_UP * effort.milliseconds());
    }
    return ask(contender, task, milliseconds);
  }

  private String ask(String contender, String task, int milliseconds) throws IOException {
    return peers.ask(
        contender, "step %s %s %d".formatted(Peers.name(contender), task, milliseconds));
  }

  /** The first number of the answer; none of a peer that reports losses and did not learn. */
  private void add(String contender, String task, String answer) {
    if (Peers.reportsLosses(contender) && !Losses.of(answer).fell()) {
      progress.accept("%s %s is left out: it did not learn, %s".formatted(contender, task, answer));
    } else {
      figures.add(contender + " " + task, Double.parseDouble(answer.split(" ")[0]));
    }
  }

  /** Each run in a new process, as a user's is. */
  private void measureRuns() throws IOException {
    List<String> contenders =
        Stream.of("ours", "compiled", "manual", Peers.C).filter(peers::has).toList();
    for (int round = 0; round < effort.longRounds(); round++) {
      for (String contender : contenders) {
        progress.accept("%s: %,d steps".formatted(contender, effort.steps()));
        try (Peer peer = peers.start(contender)) {
          measureRun(contender, peer);
        }
      }
    }
  }

  private void measureRun(String contender, Peer peer) throws IOException {
    String answer = peer.ask("train %s %d".formatted(contender, effort.steps()));
    add(contender, "train", answer);
    if (contender.equals("ours")) {
      String[] kilobytes = answer.split(" ");
      figures.add("ours memory-1", Double.parseDouble(kilobytes[1]) / 1024);
      figures.add("ours memory-2", Double.parseDouble(kilobytes[2]) / 1024);
    }
    if (List.of("ours", "manual").contains(contender)) {
      String seconds = peer.ask("sample " + effort.names());
      figures.add(contender + " sample", Double.parseDouble(seconds));
    }
  }

  /**
   * Says what this was measured on.
   *
   * @return a list in Markdown
   * @throws IOException if a process fails
   */
  public String machine() throws IOException {
    return Machine.describe() + peers.describe();
  }

  @Override
  public void close() throws IOException {
    peers.close();
  }
}
