import java.io.PrintWriter;
import java.io.Serializable;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.util.Utils;
import org.backpropninja.names.NamesDataset;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What a worker lacks to train a network: classes, ND4J's native library, or JVM flags.
 *
 * <p>Spark shows a stack trace of the worker, which names neither the jar nor a way out.
 */
final class Workers {

  private static final Pattern EXECUTOR = Pattern.compile("\\((\\S+) executor (\\S+)\\):");

  /** The last is what Jackson says of a configuration's {@code @class}. */
  private static final List<Pattern> MISSING_CLASS =
      Stream.of(
              "ClassNotFoundException: ([\\w.$]+)",
              "NoClassDefFoundError: (?!Could not)([\\w/$]+)",
              "Could not resolve type id '([\\w.$]+)'")
          .map(Pattern::compile)
          .toList();

  private static final Pattern NO_BACKEND =
      Pattern.compile(
          "NoAvailableBackendException|UnsatisfiedLinkError|Could not initialize class org\\.nd4j");
  private static final Pattern NO_FLAGS =
      Pattern.compile(
          "cannot access class sun\\.nio\\.ch|does not \"opens java|Could not obtain SerializedLambda");
  private static final Pattern CLASS_IN_JSON = Pattern.compile("\"@class\"\\s*:\\s*\"([\\w.$]+)\"");

  private Workers() {}

  /**
   * Asks the executors whether they can load a network's classes and ND4J's native library.
   *
   * @param spark whose executors are to train
   * @param network to be trained
   * @throws IllegalStateException if one cannot; the message names class, executor, host and jar
   */
  static void require(JavaSparkContext spark, MultiLayerNetwork network) {
    int tasks = spark.defaultParallelism();
    Check check = new Check(classes(network));
    try {
      spark
          .parallelize(IntStream.range(0, tasks).boxed().toList(), tasks)
          .map(check)
          .collect()
          .stream()
          .filter(Lack::any)
          .findFirst()
          .ifPresent(
              lack -> {
                throw new IllegalStateException(describe(lack));
              });
    } catch (IllegalStateException e) {
      throw e;
    } catch (RuntimeException e) {
      throw explanation(e)
          .<RuntimeException>map(text -> new IllegalStateException(text, e))
          .orElse(e);
    }
  }

  /**
   * Says in one line what a worker, or the driver, lacked when Spark failed.
   *
   * @param failure as Spark throws it
   * @return empty if it failed for another reason
   */
  static Optional<String> explanation(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    String trace = text.toString(); // of an executor's exception the driver has no more than this
    Matcher executor = EXECUTOR.matcher(trace);
    String where = executor.find() ? where(executor.group(2), executor.group(1)) : "the driver";
    for (Pattern pattern : MISSING_CLASS) {
      Matcher missing = pattern.matcher(trace);
      if (missing.find()) {
        return Optional.of(missing(where, List.of(missing.group(1).replace('/', '.'))));
      }
    }
    if (NO_BACKEND.matcher(trace).find()) {
      return Optional.of(noBackend(where, ""));
    }
    return NO_FLAGS.matcher(trace).find() ? Optional.of(noFlags(where)) : Optional.empty();
  }

  /** What a worker loads by name: the configuration's classes, and those that every step needs. */
  private static List<String> classes(MultiLayerNetwork network) {
    TreeSet<String> names = new TreeSet<>();
    Matcher inJson = CLASS_IN_JSON.matcher(network.getLayerWiseConfigurations().toJson());
    while (inJson.find()) {
      names.add(inJson.group(1));
    }
    for (var layer : network.getLayers()) {
      names.add(layer.getClass().getName());
    }
    Stream.of(Nd4j.class, MultiLayerNetwork.class, SparkDl4jMultiLayer.class, NamesDataset.class)
        .map(Class::getName)
        .forEach(names::add);
    return new ArrayList<>(names);
  }

  /** The check on an executor; no lambda, whose class Spark does not name when it is missing. */
  private record Check(List<String> classes) implements Function<Integer, Lack> {

    @Override
    public Lack call(Integer task) {
      List<String> missing = classes.stream().filter(Check::isMissing).toList();
      SparkEnv here = SparkEnv.get();
      return new Lack(
          here.executorId(),
          here.blockManager().blockManagerId().host(),
          new ArrayList<>(missing),
          missing.isEmpty() ? backendFailure() : "");
    }

    private static boolean isMissing(String name) {
      try {
        Class.forName(name, false, Utils.getContextOrSparkClassLoader());
        return false;
      } catch (ClassNotFoundException | LinkageError e) {
        return true;
      }
    }

    private static String backendFailure() {
      try {
        Nd4j.create(1).close();
        return "";
      } catch (Exception | LinkageError e) {
        return "%s %s, %s"
            .formatted(System.getProperty("os.name"), System.getProperty("os.arch"), e);
      }
    }
  }

  private record Lack(String executor, String host, List<String> classes, String backend)
      implements Serializable {

    boolean any() {
      return !classes.isEmpty() || !backend.isEmpty();
    }
  }

  private static String describe(Lack lack) {
    String where = where(lack.executor(), lack.host());
    return lack.classes().isEmpty()
        ? noBackend(where, " (" + lack.backend() + ")")
        : missing(where, lack.classes());
  }

  private static String where(String executor, String host) {
    return "executor %s on host %s".formatted(executor, host);
  }

  private static String missing(String where, List<String> classes) {
    String jars = classes.stream().map(Workers::jar).distinct().collect(Collectors.joining(","));
    return "%s lacks class %s%s, which the driver has from %s: add --jars %s to spark-submit, or submit the shaded jar"
        .formatted(
            where,
            classes.get(0),
            classes.size() == 1 ? "" : " and %d more".formatted(classes.size() - 1),
            jars,
            jars);
  }

  private static String noBackend(String where, String platform) {
    return "%s cannot load ND4J's native library%s: build the shaded jar with -Djavacpp.platform=NAME of its platform, such as linux-x86_64"
        .formatted(where, platform);
  }

  private static String noFlags(String where) {
    return "%s lacks JVM flags: --add-exports=java.base/sun.nio.ch=ALL-UNNAMED, and --add-opens of java.base/java.nio, java.util and java.lang.invoke"
        .formatted(where);
  }

  /** The jar, or folder, that the driver has a class from. */
  private static String jar(String name) {
    try {
      Class<?> here = Class.forName(name, false, Utils.getContextOrSparkClassLoader());
      return here.getProtectionDomain().getCodeSource().getLocation().getPath();
    } catch (ClassNotFoundException | LinkageError e) {
      return "nowhere";
    }
  }
}
