package org.backpropninja.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A floor is worth something only if it is the same step: C's side learns, by right gradients. */
class CProgramTest {

  private static Path program;
  private static Path inDouble;

  @BeforeAll
  static void compile() throws IOException {
    assumeTrue(CProgram.compiles(), "needs gcc and OpenBLAS (Debian: libopenblas-dev)");
    program = CProgram.compile("char_mlp");
    inDouble = CProgram.compile("char_mlp_double", "-DREAL=double", "-DGEMM=cblas_dgemm");
  }

  @Test
  void findsTheRule() throws IOException {
    String losses = ask(program, "learn 20000");
    assertTrue(Losses.of(losses).ruleFound(), "losses before and after: " + losses);
  }

  /**
   * Small n, so that n − 1 is not n; more rows than V and fewer, so that classes repeat and lack.
   */
  @ParameterizedTest
  @ValueSource(strings = {"6x7x11", "9x5x20", "32x16x3"})
  void gradientsAreCentralDifferences(String sizes) throws IOException {
    double largest = Double.parseDouble(ask(inDouble, "check " + sizes));
    assertTrue(largest < 1e-6, "difference relative to the largest gradient: " + largest);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "step c fit:32x64x27 100",
        "step c fit:512x100x40 100",
        "step c draw:32x64 100",
        "train c 2000"
      })
  void answersACostAndTwoLosses(String request) throws IOException {
    String answer = ask(program, request);
    String[] numbers = answer.split(" ");
    assertEquals(3, numbers.length, answer);
    assertTrue(Double.parseDouble(numbers[0]) > 0, answer);
    assertTrue(Losses.of(answer).fell(), answer);
  }

  @Test
  void anotherTaskIsAnotherNetwork() throws IOException {
    try (Peer peer = new Peer(List.of(program.toString()), 1)) {
      for (int V : new int[] {27, 900, 27}) {
        String answer = peer.ask("step c fit:32x64x%d 50".formatted(V));
        double excess = Double.parseDouble(answer.split(" ")[1]) - Math.log(V);
        assertTrue(
            excess > 0 && excess < 1, "it should know nothing of %d: %s".formatted(V, answer));
      }
    }
  }

  private static String ask(Path program, String request) throws IOException {
    try (Peer peer = new Peer(List.of(program.toString()), 1)) {
      return peer.ask(request);
    }
  }
}
