import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIf;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * TrainNames' option --ui. Nearly all of this needs the Maven profile: {@code mvn -Pui test
 * -Dtest=DashboardTest}.
 */
class DashboardTest {
  private static final String PORT = "org.deeplearning4j.ui.port"; // DL4J's property
  private static final String OPTIONS = "--samples 2 --hidden 5 --batch 3 --steps 30 --names ";

  /** 127.0.0.1 as Linux writes it in /proc: on a socket of IPv4, and on one of IPv6. */
  private static final Set<String> LOOPBACK =
      Set.of("0100007F", "0000000000000000FFFF00000100007F");

  private final HttpClient browser = HttpClient.newHttpClient();

  @TempDir private Path folder;
  private int port;

  private record Printed(int status, String out, String err) {}

  static boolean isProfileOn() {
    try {
      Class.forName("org.deeplearning4j.ui.VertxUIServer");
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  @BeforeEach
  void start() throws IOException {
    Files.writeString(folder.resolve("names"), "anna\nbob\ncleo\ndora\nemma\nfred\n");
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    System.setProperty(PORT, Integer.toString(port));
  }

  @AfterEach
  void end() {
    System.clearProperty(PORT);
  }

  private Printed run(Runnable atCalibration, String args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printedOut = new ByteArrayOutputStream();
    ByteArrayOutputStream printedErr =
        new ByteArrayOutputStream() {
          @Override
          public void write(byte[] bytes, int from, int length) {
            super.write(bytes, from, length);
            if (new String(bytes, from, length).contains("calibrating")) {
              atCalibration.run();
            }
          }
        };
    System.setOut(new PrintStream(printedOut, true));
    System.setErr(new PrintStream(printedErr, true));
    try {
      int status = Commands.execute(TrainNames.commandLine(new TrainNames()), args.split(" "));
      return new Printed(status, printedOut.toString(), printedErr.toString());
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private Printed run(String args) {
    return run(() -> {}, args);
  }

  private String newRun(String name, String more) {
    return "%s%s --out %s %s".formatted(OPTIONS, at("names"), at(name), more).strip();
  }

  private Path at(String name) {
    return folder.resolve(name);
  }

  private String address() {
    return "http://127.0.0.1:" + port;
  }

  private String get(String path) {
    try {
      HttpRequest request = HttpRequest.newBuilder(URI.create(address() + path)).build();
      HttpResponse<String> response = browser.send(request, BodyHandlers.ofString());
      assertEquals(200, response.statusCode(), path);
      return response.body();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(path, e);
    }
  }

  private static JsonNode json(String text) throws IOException {
    return new ObjectMapper().readTree(text);
  }

  /** A build with the profile may have left its classes. */
  @Test
  @DisabledIf("isProfileOn")
  void withoutTheProfileTheCommandWithItIsNamed() {
    Printed printed = run(newRun("run", "--ui"));
    assertEquals(2, printed.status);
    assertEquals("", printed.out);
    assertEquals(
        "--ui needs the Maven profile ui: mvn -q -Pui test-compile exec:exec -Dargs=--ui\n",
        printed.err.replace(System.lineSeparator(), "\n"));
    assertFalse(Files.exists(at("run")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "--compiled"})
  @EnabledIf("isProfileOn")
  void showsTheTrainingAndChangesNoBitOfIt(String how) throws IOException {
    assertEquals(0, run(newRun("without", how)).status);
    List<String> overviews = new ArrayList<>();
    List<String> layers = new ArrayList<>();
    Printed printed =
        run(
            () -> {
              overviews.add(get("/train/overview/data"));
              layers.add(get("/train/model/data/1"));
            },
            newRun("with", "--ui " + how));
    assertEquals(0, printed.status, printed.err);
    assertTrue(printed.err.contains("dashboard at " + address() + System.lineSeparator()));
    assertShown(json(overviews.get(0)), json(layers.get(0)));
    assertArrayEquals(
        Files.readAllBytes(at("without").resolve("model.zip")),
        Files.readAllBytes(at("with").resolve("model.zip")));
    assertEquals(options("without"), options("with"));
  }

  private JsonNode options(String run) throws IOException {
    return json(Files.readString(at(run).resolve("run.json"))).get("options");
  }

  /** Losses as in summary.json, and something of the parameters, activations and updates. */
  private void assertShown(JsonNode overview, JsonNode layer) throws IOException {
    JsonNode losses = json(Files.readString(at("with/summary.json"))).get("minibatchLosses");
    assertEquals(30, losses.size());
    assertEquals(30, overview.get("scores").size(), overview.toString());
    for (int step = 0; step < 30; step++) {
      assertEquals(
          losses.get(step).get(1).asDouble(), overview.get("scores").get(step).asDouble(), 1e-6);
    }
    for (String figures : List.of("updateRatios", "stdevActivations", "stdevUpdates")) {
      JsonNode ofLayers = overview.get(figures);
      assertFalse(ofLayers.isEmpty(), figures);
      ofLayers.forEach(ofLayer -> assertEquals(30, ofLayer.size(), figures));
    }
    assertFalse(layer.get("paramHist").get("paramNames").isEmpty(), layer.toString());
  }

  /** And with all that its pages load. */
  @Test
  @EnabledIf("isProfileOn")
  void isServedUntilTheResults() {
    Map<String, String> pages = new LinkedHashMap<>();
    Printed printed =
        run(
            () -> {
              for (String page : List.of("/", "/train/overview", "/train/model", "/train/system")) {
                pages.put(page, get(page));
              }
              pages.values().stream().flatMap(DashboardTest::loaded).forEach(this::get);
              assertFalse(get("/train/model/graph").isEmpty());
              get("/setlang/de");
              assertTrue(get("/train/overview").contains("Übersicht"));
              get("/setlang/en");
            },
            newRun("run", "--ui"));
    assertEquals(0, printed.status, printed.err);
    assertEquals(4, pages.size());
    HttpRequest request = HttpRequest.newBuilder(URI.create(address())).build();
    assertThrows(ConnectException.class, () -> browser.send(request, BodyHandlers.ofString()));
  }

  private static Stream<String> loaded(String page) {
    List<String> paths =
        Pattern.compile("\"(/assets/[^\"]+)\"")
            .matcher(page)
            .results()
            .map((MatchResult found) -> found.group(1))
            .toList();
    assertTrue(paths.size() > 10, page);
    return paths.stream();
  }

  /** None of this process's sockets listens on an address that other machines reach. */
  @Test
  @EnabledIf("isProfileOn")
  @EnabledOnOs(OS.LINUX)
  void listensOnTheLoopbackAddressOnly() throws IOException {
    List<String> before = listening();
    List<String> during = new ArrayList<>();
    Printed printed = run(() -> during.addAll(listening()), newRun("run", "--ui"));
    assertEquals(0, printed.status, printed.err);
    during.removeAll(before);
    assertEquals(1, during.size(), during.toString());
    String[] addressAndPort = during.get(0).split(":");
    assertTrue(LOOPBACK.contains(addressAndPort[0]), during.toString());
    assertEquals(port, Integer.parseInt(addressAndPort[1], 16));
  }

  /** {@code address:port} in hexadecimal of each socket of this process that listens. */
  private static List<String> listening() {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      Set<String> own = descriptors.map(DashboardTest::target).collect(Collectors.toSet());
      return Stream.of("tcp", "tcp6")
          .flatMap(DashboardTest::sockets)
          .filter(socket -> socket[3].equals("0A") && own.contains("socket:[" + socket[9] + "]"))
          .map(socket -> socket[1])
          .collect(Collectors.toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) { // closed meanwhile
      return "";
    }
  }

  /** The columns of the kernel's table, one row a socket. */
  private static Stream<String[]> sockets(String protocol) {
    try {
      return Files.readAllLines(Path.of("/proc/self/net", protocol)).stream()
          .map(line -> line.strip().split("\\s+"));
    } catch (NoSuchFileException e) { // without IPv6
      return Stream.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  @EnabledIf("isProfileOn")
  void aRunThatGoesOnIsShownToo() throws IOException {
    assertEquals(0, run(newRun("run", "")).status);
    Printed printed = run("--ui --resume " + at("run"));
    assertEquals(0, printed.status, printed.err);
    assertTrue(printed.err.contains("dashboard at " + address()), printed.err);
  }

  @Test
  @EnabledIf("isProfileOn")
  void aPortInUseIsToldBeforeAnythingIsWritten() throws IOException {
    try (ServerSocket other = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      Printed printed = run(newRun("run", "--ui"));
      assertEquals(1, printed.status, printed.err);
      assertEquals(1, printed.err.lines().count(), printed.err);
      String said = "--ui cannot listen on 127.0.0.1:%d: ".formatted(other.getLocalPort());
      assertTrue(printed.err.startsWith(said), printed.err);
      assertFalse(Files.exists(at("run")));
    }
  }
}
