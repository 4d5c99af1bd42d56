package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.networks.FreshJvm.Account;
import org.backpropninja.testing.Jvm;
import org.deeplearning4j.nn.api.Model;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** A serialised configuration says the same in a JVM that has never seen it. */
class FreshJvmTest {

  @TempDir private static Path folder;

  static Stream<RealNetwork> networks() {
    return RealNetwork.all();
  }

  private static Path folder(RealNetwork kind) {
    return folder.resolve(kind.toString());
  }

  private static Serializable configuration(RealNetwork kind) {
    return kind.isGraph() ? kind.graph() : kind.stack();
  }

  private static DataSet minibatch(RealNetwork kind) {
    return kind.sample().minibatch(1, 9);
  }

  /** One JVM for all, because it takes seconds to start. */
  @BeforeAll
  static void sendToAnotherJvm() throws Exception {
    List<RealNetwork> kinds = networks().toList();
    for (RealNetwork kind : kinds) {
      Path its = Files.createDirectory(folder(kind));
      FreshJvm.write(configuration(kind), its.resolve("configuration"));
      Nd4j.saveBinary(kind.network().params(), its.resolve("parameters").toFile());
      minibatch(kind).save(its.resolve("minibatch").toFile());
    }
    List<String> folders = kinds.stream().map(kind -> folder(kind).toString()).toList();
    Jvm.Outcome outcome = Jvm.run(folder.resolve("log"), FreshJvm.class, List.of(), folders);
    assertEquals(0, outcome.status(), outcome.said());
  }

  @ParameterizedTest
  @MethodSource("networks")
  void configurationsAreTheSame(RealNetwork kind) throws IOException, ClassNotFoundException {
    Account theirs = (Account) FreshJvm.read(folder(kind).resolve("account"));
    Model network = kind.network();
    Account ours = Account.of(configuration(kind), network, minibatch(kind));
    assertEquals(ours.configuration(), theirs.configuration());
    assertEquals(ours.texts(), theirs.texts());
    assertEquals(ours.hashes(), theirs.hashes());
    assertArrayEquals(ours.output(), theirs.output());
  }
}
