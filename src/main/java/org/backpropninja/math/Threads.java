package org.backpropninja.math;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/**
 * The threads that loops over large matrices run on: as many as OpenBLAS takes for products.
 *
 * <p>Their number is the environment's {@code OMP_NUM_THREADS}, which ND4J and OpenBLAS read too;
 * where that is not set, it is the number of processors. What is computed never depends on it,
 * because the tasks are cut beforehand.
 */
public final class Threads {

  private static final int COUNT =
      count(System.getenv("OMP_NUM_THREADS"), Runtime.getRuntime().availableProcessors());

  private static final Threads OF_ALL = new Threads(COUNT);

  private final int count;
  private final ExecutorService helpers;

  /** A task of several, run by one of several threads. */
  interface Body {
    /**
     * Does one task.
     *
     * @param task its number
     * @param thread the number of the thread, for scratch space of its own
     */
    void run(int task, int thread);
  }

  Threads(int count) {
    this.count = count;
    helpers =
        count == 1
            ? null
            : Executors.newFixedThreadPool(
                count - 1,
                work -> {
                  Thread thread = new Thread(work, "backprop-ninja");
                  thread.setDaemon(true);
                  return thread;
                });
  }

  /**
   * Runs tasks that may run side by side, and returns when the last one is done.
   *
   * @param tasks how many
   * @param body does the task of a number from 0
   * @throws IllegalStateException if a task fails on another thread
   */
  public static void run(int tasks, IntConsumer body) {
    OF_ALL.run(tasks, (task, thread) -> body.accept(task));
  }

  static Threads ofAll() {
    return OF_ALL;
  }

  /** The first of OMP_NUM_THREADS's numbers, one a level; what is no number counts for nothing. */
  static int count(String setting, int processors) {
    try {
      return setting == null
          ? processors
          : Math.max(1, Integer.parseInt(setting.split(",", 2)[0].trim()));
    } catch (NumberFormatException e) {
      return processors;
    }
  }

  int count() {
    return count;
  }

  /** Makes something for each thread, such as its scratch space. */
  <T> T[] each(IntFunction<T[]> array, Supplier<T> one) {
    T[] all = array.apply(count);
    for (int k = 0; k < count; k++) {
      all[k] = one.get();
    }
    return all;
  }

  /** Runs all tasks and returns when the last one is done; throws what one of them threw. */
  void run(int tasks, Body body) {
    int threads = Math.min(count, tasks);
    if (threads <= 1) {
      for (int task = 0; task < tasks; task++) {
        body.run(task, 0);
      }
      return;
    }
    AtomicInteger next = new AtomicInteger();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    CountDownLatch done = new CountDownLatch(threads - 1);
    for (int t = 1; t < threads; t++) {
      int thread = t;
      helpers.execute(
          () -> {
            work(tasks, thread, next, failure, body);
            done.countDown();
          });
    }
    work(tasks, 0, next, failure, body);
    await(done);
    if (failure.get() != null) {
      throw new IllegalStateException("a loop over a matrix failed", failure.get());
    }
  }

  private static void work(
      int tasks, int thread, AtomicInteger next, AtomicReference<Throwable> failure, Body body) {
    try {
      for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
        body.run(task, thread);
      }
    } catch (RuntimeException | Error e) {
      failure.compareAndSet(null, e);
      next.set(tasks);
    }
  }

  /** Without an end before the last task's: the arrays are the caller's again when this returns. */
  private static void await(CountDownLatch done) {
    boolean interrupted = false;
    while (true) {
      try {
        done.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
