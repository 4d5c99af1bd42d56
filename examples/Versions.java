import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The versions of what computes: for {@code --version}, and for a run's files. */
final class Versions implements IVersionProvider {

  static Map<String, String> all() {
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("backprop-ninja-dl4j", version("org/backpropninja/version.properties"));
    versions.put(
        "DL4J", version("META-INF/maven/org.deeplearning4j/deeplearning4j-nn/pom.properties"));
    versions.put("ND4J", version("META-INF/maven/org.nd4j/nd4j-api/pom.properties"));
    versions.put("JDK", Runtime.version().toString());
    return versions;
  }

  private static String version(String resource) {
    Properties properties = new Properties();
    try (InputStream in = Versions.class.getClassLoader().getResourceAsStream(resource)) {
      if (in == null) {
        return "unknown"; // in a jar that was packed anew
      }
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version");
  }

  @Override
  public String[] getVersion() {
    return all().entrySet().stream()
        .map(entry -> entry.getKey() + " " + entry.getValue())
        .toArray(String[]::new);
  }
}
