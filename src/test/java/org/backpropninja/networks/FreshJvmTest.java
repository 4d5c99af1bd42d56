package org.backpropninja.networks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.backpropninja.networks.FreshJvm.Account;
import org.deeplearning4j.nn.api.Model;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** A serialised configuration says the same in a JVM that has never seen it. */
class FreshJvmTest {

  static Stream<RealNetwork> networks() {
    return RealNetwork.all();
  }

  @ParameterizedTest
  @MethodSource("networks")
  void configurationsAreTheSame(RealNetwork kind, @TempDir Path folder) throws Exception {
    Serializable configuration = kind.isGraph() ? kind.graph() : kind.stack();
    Model network = kind.network();
    DataSet minibatch = kind.sample().minibatch(1, 9);
    FreshJvm.write(configuration, folder.resolve("configuration"));
    Nd4j.saveBinary(network.params(), folder.resolve("parameters").toFile());
    minibatch.save(folder.resolve("minibatch").toFile());

    run(folder);
    Account theirs = (Account) FreshJvm.read(folder.resolve("account"));

    Account ours = Account.of(configuration, network, minibatch);
    assertEquals(configuration, theirs.configuration());
    assertEquals(ours.texts(), theirs.texts());
    assertEquals(ours.hashes(), theirs.hashes());
    assertArrayEquals(ours.output(), theirs.output());
  }

  private static void run(Path folder) throws Exception {
    Path log = folder.resolve("log");
    int status =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                FreshJvm.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start()
            .waitFor();
    assertEquals(0, status, () -> read(log));
  }

  private static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
