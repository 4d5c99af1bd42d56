import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.backpropninja.layers.BatchNormBessel;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The packaged jars on a cluster of processes, by the command that {@code bin/spark-submit} builds.
 *
 * <p>Spark's local-cluster is its standalone cluster: the Master and the Workers are threads of the
 * driver, the executors are processes of their own, which fetch the jar from the driver.
 */
class SparkSubmitIT {

  private static final Path TARGET = Path.of("target").toAbsolutePath();
  private static final Path HOME = TARGET.resolve("spark-home");
  private static final Path OUT = TARGET.resolve("spark-submit");
  private static final Path MODEL = OUT.resolve("model");
  private static final String JAVA =
      Path.of(System.getProperty("java.home"), "bin", "java").toString();
  private static final String ALL = System.getProperty("jar.all");
  private static final String THIN = System.getProperty("jar.thin");
  private static final List<String> LIBRARY = jars("classpath.library");
  private static final String CLASS_PATH = String.join(File.pathSeparator, LIBRARY);
  private static final String EXECUTOR = "executor [01] on host 127\\.0\\.0\\.1 ";
  private static final int BEFORE_TRAINING = 2; // an exit status
  private static final Pattern LOSSES =
      Pattern.compile("train (\\d\\.\\d+) +val (\\d\\.\\d+) +test (\\d\\.\\d+)");

  private record Run(int status, String out, String err) {

    /** The lines of the error stream that are not Spark's log. */
    List<String> said() {
      return err.lines().filter(line -> !line.startsWith("LOG ")).toList();
    }
  }

  /** A Spark installation: a folder with jars, of which it takes all. */
  @BeforeEach
  void install() throws IOException {
    delete(HOME);
    delete(OUT);
    Files.createDirectories(HOME.resolve("jars"));
    Files.createDirectories(HOME.resolve("conf"));
    Files.createDirectories(OUT);
    for (String jar : jars("classpath.spark")) {
      Path original = Path.of(jar);
      Files.createSymbolicLink(HOME.resolve("jars").resolve(original.getFileName()), original);
    }
    Files.writeString(
        HOME.resolve("conf/log4j2.properties"),
        """
        rootLogger.level = warn
        rootLogger.appenderRef.console.ref = console
        appender.console.type = Console
        appender.console.name = console
        appender.console.target = SYSTEM_ERR
        appender.console.layout.type = PatternLayout
        appender.console.layout.pattern = LOG %p %c{1}: %replace{%m %ex}{\\n}{ }%n
        """);
  }

  @AfterEach
  void leavesNoProcessBehind() throws IOException, InterruptedException {
    for (int tenths = 0; tenths < 100 && processes().findAny().isPresent(); tenths++) {
      Thread.sleep(100); // executors end when they miss the driver
    }
    List<ProcessHandle> left = processes().toList();
    left.forEach(ProcessHandle::destroyForcibly);
    delete(HOME); // each executor had a copy of the jar
    assertEquals(List.of(), left);
  }

  @Test
  void theShadedJarTrainsOnTwoExecutors() throws IOException, InterruptedException {
    Run run = submit(List.of(), ALL);
    assertEquals(0, run.status(), run.err());
    Matcher losses = LOSSES.matcher(run.out());
    assertTrue(losses.find(), run.out());
    for (int set = 1; set <= 3; set++) {
      double loss = Double.parseDouble(losses.group(set));
      assertTrue(loss > 1.5 && loss < Math.log(27) + 0.2, losses.group());
    }
    List<String> names = run.out().substring(losses.end()).lines().skip(1).limit(3).toList();
    assertTrue(names.size() == 3 && names.stream().allMatch(n -> n.matches("[a-z]*")), run.out());
    try (Stream<Path> executors = Files.list(executorFolders())) {
      assertEquals(2, executors.count(), "executors");
    }
    MultiLayerNetwork network =
        ModelSerializer.restoreMultiLayerNetwork(MODEL.resolve("model.zip").toFile());
    assertEquals(8, network.getLayer(1).getParam("b").length());
  }

  @Test
  void aMissingLibraryIsNamedWithItsJar() throws IOException, InterruptedException {
    Run run = submit(List.of("--driver-class-path", CLASS_PATH), THIN);
    requireMissing(run, "org.backpropninja.");
  }

  @Test
  void aMissingLayerIsNamedWithItsJar() throws IOException, InterruptedException {
    List<String> incomplete = new ArrayList<>(LIBRARY);
    incomplete.set(0, without(BatchNormBessel.class, LIBRARY.get(0)));
    String jars = String.join(",", incomplete);
    Run run = submit(List.of("--driver-class-path", CLASS_PATH, "--jars", jars), THIN);
    requireMissing(run, BatchNormBessel.class.getName());
    assertEquals(BEFORE_TRAINING, run.status());
  }

  @Test
  void aPlatformWithoutNativeLibraryIsNamed() throws IOException, InterruptedException {
    String other = "spark.executor.extraJavaOptions=-Dorg.bytedeco.javacpp.platform=linux-none";
    Run run = submit(List.of("--conf", other), ALL);
    String line = line(run);
    assertTrue(line.matches(EXECUTOR + "cannot load ND4J's native library: .*; .*"), line);
    assertEquals(BEFORE_TRAINING, run.status());
  }

  @Test
  void aDriverWithoutFlagsIsTold() throws IOException, InterruptedException {
    String classPath = HOME.resolve("jars") + "/*" + File.pathSeparator + ALL;
    Run run = run(List.of(JAVA, "-cp", classPath, "SparkNames", "--out", MODEL.toString()));
    assertTrue(line(run).startsWith("the driver lacks JVM flags that Spark needs"), line(run));
    assertEquals(BEFORE_TRAINING, run.status());
  }

  private static void requireMissing(Run run, String type) {
    String line = line(run);
    assertTrue(line.matches(EXECUTOR + "lacks class .*"), line);
    assertTrue(line.contains("lacks class " + type), line);
    assertTrue(line.contains("which the driver has from " + LIBRARY.get(0)), line);
    assertTrue(line.contains("add --jars " + LIBRARY.get(0)), line);
  }

  private static String line(Run run) {
    assertNotEquals(0, run.status());
    assertEquals(1, run.said().size(), run.err());
    return run.said().get(0);
  }

  private static Run submit(List<String> options, String jar)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("--master", "local-cluster[2,1,1024]"));
    for (String side : List.of("driver", "executor")) {
      arguments.add("--conf");
      arguments.add(
          "spark.%s.extraJavaOptions=-Dorg.bytedeco.javacpp.cachedir=%s"
              .formatted(side, TARGET.resolve("javacpp")));
    }
    arguments.addAll(List.of("--conf", "spark.executorEnv.OMP_NUM_THREADS=1"));
    arguments.addAll(options);
    arguments.addAll(List.of("--class", "SparkNames", jar));
    arguments.addAll(List.of("--names", Path.of("../../names.txt").toRealPath().toString()));
    arguments.addAll(List.of("--out", MODEL.toString(), "--samples", "3"));
    arguments.addAll(List.of("--steps", "20", "--averaging", "10", "--hidden", "8"));
    return run(command(arguments));
  }

  /** Asks Spark's launcher for the command, as {@code bin/spark-submit} does. */
  private static List<String> command(List<String> arguments)
      throws IOException, InterruptedException {
    List<String> launcher = new ArrayList<>();
    launcher.add(JAVA);
    launcher.addAll(List.of("-cp", HOME.resolve("jars") + "/*", "org.apache.spark.launcher.Main"));
    launcher.add("org.apache.spark.deploy.SparkSubmit");
    launcher.addAll(arguments);
    return Arrays.stream(run(launcher).out().split("\0"))
        .map(String::strip)
        .filter(part -> !part.isEmpty())
        .toList();
  }

  private static Run run(List<String> command) throws IOException, InterruptedException {
    Path out = OUT.resolve("out.txt");
    Path err = OUT.resolve("err.txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder
        .environment()
        .putAll(
            Map.of(
                "SPARK_HOME", HOME.toString(),
                "SPARK_SCALA_VERSION", "2.12",
                "SPARK_LOCAL_IP", "127.0.0.1",
                "SPARK_LOCAL_DIRS", OUT.toString(),
                "OMP_NUM_THREADS", "1"));
    Process process = builder.start();
    try {
      assertTrue(process.waitFor(2, TimeUnit.MINUTES), () -> "too long: " + command);
      return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  private static Stream<ProcessHandle> processes() {
    return ProcessHandle.allProcesses()
        .filter(p -> p.info().commandLine().orElse("").contains(HOME.toString()));
  }

  /** Where Spark runs the executors of the one application. */
  private static Path executorFolders() throws IOException {
    try (Stream<Path> applications = Files.list(HOME.resolve("work"))) {
      return applications.findAny().orElseThrow();
    }
  }

  private static String without(Class<?> type, String jar) throws IOException {
    Path copy = OUT.resolve("incomplete.jar");
    Files.copy(Path.of(jar), copy);
    try (FileSystem inside =
        FileSystems.newFileSystem(URI.create("jar:" + copy.toUri()), Map.of())) {
      Files.delete(inside.getPath("/", type.getName().replace('.', '/') + ".class"));
    }
    return copy.toString();
  }

  /** A class path from the build, the library's own jar first. */
  private static List<String> jars(String property) {
    return Arrays.stream(System.getProperty(property).split(File.pathSeparator))
        .sorted(
            (a, b) -> Boolean.compare(b.contains("backprop-ninja"), a.contains("backprop-ninja")))
        .toList();
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> paths = Files.walk(folder)) {
        for (Path path : paths.sorted((a, b) -> b.compareTo(a)).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}
