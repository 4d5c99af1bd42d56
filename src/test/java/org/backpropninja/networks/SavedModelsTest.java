package org.backpropninja.networks;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.util.Objects;
import java.util.stream.Stream;
import org.backpropninja.networks.SavedModels.Saved;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Networks that were saved by version 0.1.0 load, predict and train on as they did, for ever.
 *
 * <p>The files are never to be written again, not even where the format or the numbers change for
 * the better: users have such files. If this test fails, the code is wrong.
 */
class SavedModelsTest {

  private static final double RELATIVE = 1e-9; // products round differently on other processors

  static Stream<Saved> saved() {
    return SavedModels.all();
  }

  private static Model load(Saved saved) throws IOException, URISyntaxException {
    String file = "/golden/" + SavedModels.VERSION + "/" + saved.name() + ".zip";
    File zip = new File(Objects.requireNonNull(Saved.class.getResource(file), file).toURI());
    assertTrue(zip.length() < 50_000, file);
    return saved.isGraph()
        ? ModelSerializer.restoreComputationGraph(zip, true)
        : ModelSerializer.restoreMultiLayerNetwork(zip, true);
  }

  @Test
  void noneIsMissing() {
    assertEquals(Sample.values().length, saved().count());
  }

  @ParameterizedTest
  @MethodSource("saved")
  void itPredictsTheSame(Saved saved) throws Exception {
    Model network = load(saved);
    assertClose("output", saved.output(), Nets.output(network, saved.minibatch()), RELATIVE);
    double score = Nets.score(network, saved.minibatch());
    assertEquals(saved.score(), score, RELATIVE * saved.score());
  }

  /** With the updater's state, the settings of the loss and the running statistics. */
  @ParameterizedTest
  @MethodSource("saved")
  void itTrainsOnTheSame(Saved saved) throws Exception {
    Model network = load(saved);
    Nets.fit(network, saved.minibatch());
    assertClose(
        "output", saved.outputAfterStep(), Nets.output(network, saved.minibatch()), RELATIVE);
  }
}
