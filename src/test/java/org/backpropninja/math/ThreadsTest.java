package org.backpropninja.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every task is done once, on a thread whose number is its own, and failures reach the caller. */
@Timeout(60)
class ThreadsTest {

  @ParameterizedTest
  @CsvSource({"1, 0", "1, 1", "1, 9", "2, 0", "2, 1", "2, 2", "2, 100", "7, 3", "7, 1000"})
  void everyTaskIsDoneOnce(int count, int tasks) {
    Threads threads = new Threads(count);
    assertEquals(count, threads.count());
    AtomicIntegerArray done = new AtomicIntegerArray(tasks);
    Map<Integer, Thread> ran = new ConcurrentHashMap<>();
    threads.run(
        tasks,
        (task, thread) -> {
          done.incrementAndGet(task);
          Thread before = ran.put(thread, Thread.currentThread());
          assertTrue(before == null || before == Thread.currentThread(), "two have one number");
          assertTrue(thread >= 0 && thread < count);
        });
    for (int task = 0; task < tasks; task++) {
      assertEquals(1, done.get(task));
    }
  }

  /** Each waits for the other: they would never end on one thread. */
  @Test
  void tasksRunAtTheSameTime() {
    CyclicBarrier together = new CyclicBarrier(3);
    Map<Integer, Thread> ran = new ConcurrentHashMap<>();
    new Threads(3)
        .run(
            3,
            (task, thread) -> {
              ran.put(thread, Thread.currentThread());
              await(together);
            });
    assertEquals(3, ran.size());
    assertSame(Thread.currentThread(), ran.get(0));
    for (int thread = 1; thread < 3; thread++) {
      assertTrue(ran.get(thread).isDaemon(), "it would keep the JVM alive");
      assertEquals("backprop-ninja", ran.get(thread).getName());
    }
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(30, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void oneTaskStaysOnTheThreadThatCalls() {
    AtomicReference<Thread> ran = new AtomicReference<>();
    new Threads(3).run(1, (task, thread) -> ran.set(Thread.currentThread()));
    assertSame(Thread.currentThread(), ran.get());
  }

  /** Whichever thread it was, and the run after it is complete. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void whatATaskThrowsReachesTheCaller(int failing) {
    Threads threads = new Threads(2);
    RuntimeException cause = new IndexOutOfBoundsException("as planned");
    CyclicBarrier together = new CyclicBarrier(2);
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () ->
                threads.run(
                    2,
                    (task, thread) -> {
                      await(together); // one on each thread
                      if (thread == failing) {
                        throw cause;
                      }
                    }));
    assertSame(cause, e.getCause());
    AtomicIntegerArray done = new AtomicIntegerArray(50);
    threads.run(50, (task, thread) -> done.incrementAndGet(task));
    for (int task = 0; task < 50; task++) {
      assertEquals(1, done.get(task));
    }
  }

  @Test
  void anErrorReachesTheCallerToo() {
    Error cause = new StackOverflowError("as planned");
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () ->
                new Threads(2)
                    .run(
                        2,
                        (task, thread) -> {
                          throw cause;
                        }));
    assertSame(cause, e.getCause());
  }

  /** Arrays must not be handed back while another thread still writes to them. */
  @Test
  void anInterruptDoesNotEndTheWait() {
    AtomicIntegerArray done = new AtomicIntegerArray(2);
    CyclicBarrier together = new CyclicBarrier(2);
    new Threads(2)
        .run(
            2,
            (task, thread) -> {
              await(together);
              if (thread == 0) {
                Thread.currentThread().interrupt();
              } else {
                sleep();
              }
              done.incrementAndGet(task);
            });
    assertTrue(Thread.interrupted(), "the interrupt is lost");
    assertEquals(1, done.get(0));
    assertEquals(1, done.get(1));
  }

  private static void sleep() {
    try {
      Thread.sleep(200);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As two networks that train at once do. */
  @Test
  void severalCallersShareThem() throws InterruptedException {
    Threads threads = new Threads(3);
    AtomicIntegerArray done = new AtomicIntegerArray(4);
    Thread[] callers = new Thread[4];
    for (int c = 0; c < 4; c++) {
      int caller = c;
      callers[c] =
          new Thread(
              () -> {
                for (int run = 0; run < 200; run++) {
                  threads.run(5, (task, thread) -> done.incrementAndGet(caller));
                }
              });
      callers[c].start();
    }
    for (int c = 0; c < 4; c++) {
      callers[c].join();
      assertEquals(1000, done.get(c));
    }
  }

  @Test
  void eachThreadHasScratchSpaceOfItsOwn() {
    StringBuilder[] all = new Threads(3).each(StringBuilder[]::new, StringBuilder::new);
    assertEquals(3, all.length);
    assertNotSame(all[0], all[1]);
    assertNotSame(all[1], all[2]);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "null",
      value = {
        "null, 6",
        "1, 1",
        "3, 3",
        "'4,2', 4",
        "' 5 ', 5",
        "x, 6",
        "'', 6",
        "',', 6",
        "',3', 6",
        "0, 1",
        "-2, 1",
        "99999999999, 6"
      })
  void countIsTheFirstOfTheSettingsNumbers(String setting, int expected) {
    assertEquals(expected, Threads.count(setting, 6));
  }
}
