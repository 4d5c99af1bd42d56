import java.io.PrintWriter;
import java.io.Serializable;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.util.Utils;
import org.backpropninja.names.NamesDataset;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What executors lack to train a network: classes, ND4J's native library, or JVM flags.
 *
 * <p>Spark shows a stack trace of the executor, which names neither the jar nor a way out.
 */
final class Workers {

  private static final Pattern EXECUTOR = Pattern.compile("\\((\\S+) executor (\\S+)\\):");

  /** The last is Jackson's, of a class in a network's configuration. */
  private static final List<Pattern> MISSING_CLASS =
      Stream.of(
              "NoClassDefFoundError: (?!Could not)([\\w/$]+)",
              "ClassNotFoundException: (?:Class )?([\\w.$]+)",
              "Could not resolve type id '([\\w.$]+)'")
          .map(Pattern::compile)
          .toList();

  private static final Pattern NO_BACKEND =
      Pattern.compile(
          "NoAvailableBackendException|UnsatisfiedLinkError|Could not initialize class org\\.nd4j");
  private static final Pattern NO_FLAGS =
      Pattern.compile(
          "cannot access class sun\\.nio\\.ch|does not \"opens java|Could not obtain SerializedLambda");
  private static final Pattern CONFIGURED = Pattern.compile("\"@class\"\\s*:\\s*\"([\\w.$]+)\"");
  private static final String SUBMIT = "give spark-submit the jar that ends in -all.jar";

  private Workers() {}

  /**
   * Asks executors for a class of each jar that training needs, and for ND4J's native library.
   *
   * <p>It asks those that a few tasks run on; what others lack, {@link #explanation} says later.
   *
   * @param spark whose executors are to train
   * @throws IllegalStateException if one lacks some; names the executor, its host, class and jars
   */
  static void require(JavaSparkContext spark) {
    require(
        spark,
        Stream.of(
            NamesDataset.class,
            SparkDl4jMultiLayer.class,
            MultiLayerNetwork.class,
            Nd4j.class,
            Nd4j.getBackend().getClass(),
            openblas.class,
            Loader.class),
        Stream.empty());
  }

  /**
   * Asks executors for a network's classes, such as custom layers and losses.
   *
   * <p>It asks those that a few tasks run on; what others lack, {@link #explanation} says later.
   *
   * @param spark whose executors are to train
   * @param network to be trained
   * @throws IllegalStateException if one lacks some; names the executor, its host, class and jars
   */
  static void require(JavaSparkContext spark, MultiLayerNetwork network) {
    String configuration = network.getLayerWiseConfigurations().toJson();
    require(
        spark,
        Stream.of(network.getLayers()).map(Object::getClass),
        CONFIGURED.matcher(configuration).results().map(found -> found.group(1)));
  }

  private static void require(
      JavaSparkContext spark, Stream<Class<?>> classes, Stream<String> names) {
    Check check =
        new Check(
            Stream.concat(classes.map(Class::getName), names).distinct().toArray(String[]::new));
    int tasks = spark.defaultParallelism();
    List<Integer> each = IntStream.range(0, tasks).boxed().toList();
    Optional<Lack> lack;
    try {
      lack =
          spark.parallelize(each, tasks).map(check).collect().stream()
              .filter(Lack::any)
              .findFirst();
    } catch (Exception e) { // Scala's methods throw what they do not declare
      throw new IllegalStateException(
          explanation(e).orElse("executors cannot be asked what they lack: " + e), e);
    }
    if (lack.isPresent()) {
      throw new IllegalStateException(lack.get().explanation());
    }
  }

  /**
   * Says in one line what an executor lacked when Spark failed.
   *
   * @param failure as Spark throws it
   * @return empty if it failed for another reason
   */
  static Optional<String> explanation(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    String trace =
        text.toString(); // of what an executor threw, Spark may pass on no more than this
    String where = where(trace);
    for (Pattern pattern : MISSING_CLASS) {
      Matcher missing = pattern.matcher(trace);
      if (missing.find()) {
        return Optional.of(missing(where, missing.group(1).replace('/', '.')));
      }
    }
    if (NO_BACKEND.matcher(trace).find()) {
      return Optional.of(noBackend(where));
    }
    return NO_FLAGS.matcher(trace).find() ? Optional.of(noFlags(where)) : Optional.empty();
  }

  /** Runs on an executor. No lambda: Spark does not say which class of a lambda is missing. */
  private record Check(String... classes) implements Function<Integer, Lack> {

    @Override
    public Lack call(Integer task) {
      String[] missing =
          Stream.of(classes).filter(name -> load(name).isEmpty()).toArray(String[]::new);
      SparkEnv here = SparkEnv.get();
      return new Lack(
          where(here.executorId(), here.blockManager().blockManagerId().host()),
          missing,
          missing.length > 0 ? "" : faultOfBackend());
    }

    private static String faultOfBackend() {
      try {
        Nd4j.create(1).close();
        return "";
      } catch (RuntimeException | LinkageError e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
          cause = cause.getCause();
        }
        return cause.toString().lines().findFirst().orElseThrow();
      }
    }
  }

  /**
   * What an executor lacks.
   *
   * @param backend why ND4J's cannot be loaded, empty if it can
   */
  private record Lack(String where, String[] classes, String backend) implements Serializable {

    boolean any() {
      return classes.length > 0 || !backend.isEmpty();
    }

    String explanation() {
      return classes.length > 0 ? missing(where, classes) : noBackend(where) + "; " + backend;
    }
  }

  private static String where(String trace) {
    Matcher executor = EXECUTOR.matcher(trace);
    return executor.find() ? where(executor.group(2), executor.group(1)) : "the driver";
  }

  private static String where(String executor, String host) {
    return executor.equals("driver")
        ? "the driver"
        : "executor %s on host %s".formatted(executor, host);
  }

  private static String missing(String where, String... classes) {
    String more = classes.length == 1 ? "" : " and %d more".formatted(classes.length - 1);
    String driver =
        load(classes[0]).isEmpty()
            ? "and so does the driver"
            : jar(classes[0])
                .map(jar -> "which the driver has from " + jar)
                .orElse("which is the JDK's");
    List<String> jars =
        Stream.of(classes).map(Workers::jar).flatMap(Optional::stream).distinct().toList();
    boolean toHandOut = !jars.isEmpty() && jars.stream().allMatch(jar -> jar.endsWith(".jar"));
    return "%s lacks class %s%s, %s: %s%s"
        .formatted(
            where,
            classes[0],
            more,
            driver,
            SUBMIT,
            toHandOut ? ", or add --jars " + String.join(",", jars) : "");
  }

  private static String noBackend(String where) {
    return where
        + " cannot load ND4J's native library: %s, built with -Djavacpp.platform=NAME of that machine's platform, such as linux-x86_64"
            .formatted(SUBMIT);
  }

  private static String noFlags(String where) {
    return where
        + " lacks JVM flags that Spark needs on JDK 17: start it by spark-submit, or with --add-exports=java.base/sun.nio.ch=ALL-UNNAMED and --add-opens=…=ALL-UNNAMED for java.base/java.nio, java.base/java.util and java.base/java.lang.invoke";
  }

  private static Optional<Class<?>> load(String name) {
    try {
      return Optional.of(Class.forName(name, false, Utils.getContextOrSparkClassLoader()));
    } catch (ClassNotFoundException | LinkageError e) {
      return Optional.empty();
    }
  }

  /** Where the driver has a class from; empty if it has it not, or from the JDK. */
  private static Optional<String> jar(String name) {
    return load(name)
        .map(type -> type.getProtectionDomain().getCodeSource())
        .map(source -> URI.create(source.getLocation().toString()))
        .filter(location -> location.getScheme().equals("file")) // the JDK's are "jrt"
        .map(location -> Path.of(location).toString());
  }
}
