import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.names.CharMlp;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.Sgd;

/** Failures as Spark passes them on; those of a cluster are in SparkSubmitIT. */
class WorkersTest {

  private static final String LAYER = BatchNormBessel.class.getName();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "java.lang.ClassNotFoundException: org.backpropninja.layers.BatchNormBessel",
        "java.io.IOException: java.lang.ClassNotFoundException: org.backpropninja.layers.BatchNormBessel",
        "java.lang.NoClassDefFoundError: org/backpropninja/layers/BatchNormBessel",
        "java.lang.RuntimeException: java.lang.ClassNotFoundException: Class "
            + "org.backpropninja.layers.BatchNormBessel not found", // Hadoop's
        "org.nd4j.shade.jackson.databind.exc.InvalidTypeIdException: Could not resolve type id "
            + "'org.backpropninja.layers.BatchNormBessel' as a subtype of `…Layer`"
      })
  void namesTheClassItsJarTheExecutorAndItsHost(String thrown) {
    String said = explanation(aborted(thrown));
    String jar =
        BatchNormBessel.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    assertTrue(said.startsWith("executor 3 on host 10.0.0.7 lacks class " + LAYER + ", "), said);
    assertTrue(said.contains("which the driver has from " + jar), said);
    assertTrue(said.endsWith("--jars " + jar), said);
  }

  @Test
  void looksIntoCauses() {
    Throwable nested =
        new RuntimeException(new RuntimeException(new ClassNotFoundException(LAYER)));
    assertTrue(explanation(nested).startsWith("the driver lacks class " + LAYER));
  }

  @Test
  void saysWhenTheDriverLacksItToo() {
    String said = explanation(aborted("java.lang.ClassNotFoundException: com.acme.Mine"));
    assertTrue(said.contains("lacks class com.acme.Mine, and so does the driver"), said);
  }

  @Test
  void aClassOfTheJdkHasNoJar() {
    String said = explanation(aborted("java.lang.NoClassDefFoundError: java/sql/Date"));
    assertTrue(said.contains("lacks class java.sql.Date, which is the JDK's: "), said);
    assertTrue(said.endsWith(" -all.jar"), said);
  }

  /** A folder of classes cannot be handed out. */
  @Test
  void doesNotRecommendAFolder() {
    String said = explanation(aborted("java.lang.ClassNotFoundException: WorkersTest"));
    assertTrue(said.endsWith("give spark-submit the jar that ends in -all.jar"), said);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "java.lang.ExceptionInInitializerError\nCaused by: java.lang.RuntimeException: "
            + "org.nd4j.linalg.factory.Nd4jBackend$NoAvailableBackendException: Please ensure …",
        "java.lang.UnsatisfiedLinkError: no jnind4jcpu in java.library.path",
        "java.lang.NoClassDefFoundError: Could not initialize class org.nd4j.linalg.factory.Nd4j"
      })
  void saysThatTheNativeLibraryIsMissing(String thrown) {
    String said = explanation(aborted(thrown));
    assertTrue(
        said.startsWith("executor 3 on host 10.0.0.7 cannot load ND4J's native library: "), said);
    assertTrue(said.contains("-Djavacpp.platform="), said);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "java.lang.IllegalAccessError: class org.apache.spark.storage.StorageUtils$ (in unnamed "
            + "module @0x1) cannot access class sun.nio.ch.DirectBuffer (in module java.base)",
        "java.lang.reflect.InaccessibleObjectException: Unable to make field protected transient "
            + "int java.util.AbstractList.modCount accessible: module java.base does not "
            + "\"opens java.util\" to unnamed module @0x1",
        "java.lang.RuntimeException: Could not obtain SerializedLambda or its methods via reflection"
      })
  void saysWhichFlagsAreMissing(String thrown) {
    String said = explanation(aborted(thrown));
    assertTrue(said.startsWith("executor 3 on host 10.0.0.7 lacks JVM flags"), said);
    assertTrue(said.contains("--add-exports=java.base/sun.nio.ch=ALL-UNNAMED"), said);
  }

  @Test
  void hasNothingToSayOfOtherFailures() {
    assertEquals(
        Optional.empty(),
        Workers.explanation(aborted("java.lang.IllegalArgumentException: index 27 …")));
  }

  @Test
  void findsNothingMissingHere() {
    try (JavaSparkContext spark = Spark.local(1)) {
      assertDoesNotThrow(() -> Workers.require(spark));
      assertDoesNotThrow(() -> Workers.require(spark, network()));
    }
  }

  private static MultiLayerNetwork network() {
    return new CharMlp(27, 3, 4, 12)
        .network(new Sgd(0.1), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
  }

  private static String explanation(Throwable failure) {
    String said = Workers.explanation(failure).orElseThrow();
    assertEquals(1, said.lines().count(), said);
    return said;
  }

  /** What the driver gets when a task has failed as often as it may: text. */
  private static SparkException aborted(String thrown) {
    return new SparkException(
        "Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most recent failure: "
            + "Lost task 0.3 in stage 1.0 (TID 5) (10.0.0.7 executor 3): %s\n\tat A.b(A.java:1)\n\n"
                .formatted(thrown)
            + "Driver stacktrace:");
  }
}
