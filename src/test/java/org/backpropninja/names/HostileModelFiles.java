package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.backpropninja.names.RawZip.Entry;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffLambdaLayer;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.shade.jackson.core.json.JsonWriteFeature;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.ArrayNode;
import org.nd4j.shade.jackson.databind.node.ObjectNode;

/** Makes model files that are broken, or made to harm, from one that is right. */
final class HostileModelFiles {

  private static final List<String> NAMES = List.of("анна", "美咲", "ada", "ñu");
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(JsonWriteFeature.ESCAPE_NON_ASCII.mappedFeature());

  /** What DL4J or a usual gadget would run, make or fetch if it were asked for. */
  private static final List<String> CLASSES =
      List.of(
          Gadget.class.getName() + "$Loaded",
          Gadget.class.getName() + "$Read",
          SameDiffLambdaLayer.class.getName(),
          SameDiffLayer.class.getName(),
          DenseLayer.class.getName(),
          "org.deeplearning4j.nn.conf.layers.misc.FrozenLayer",
          "org.deeplearning4j.nn.conf.dropout.Dropout",
          "org.nd4j.linalg.activations.impl.ActivationReLU",
          "org.nd4j.linalg.schedule.RampSchedule",
          "org.backpropninja.layers.NoSuchLayer",
          "com.sun.rowset.JdbcRowSetImpl",
          "javax.management.BadAttributeValueExpException",
          "org.springframework.context.support.ClassPathXmlApplicationContext",
          "java.lang.ProcessBuilder",
          "java.util.HashMap",
          "[Ljava.lang.Object;",
          "",
          "../../evil");

  /** Writes a file where it is told to. */
  interface Writer {
    void to(Path file) throws IOException, InterruptedException;
  }

  /**
   * A file.
   *
   * @param kind of harm
   * @param isHarmless whether it may also be read, as what is flipped in it may be a date
   * @param writer of it
   */
  record Hostile(String kind, boolean isHarmless, Writer writer) {}

  private final Random random;
  private final List<Hostile> files = new ArrayList<>();
  private final byte[] right;
  private final Map<String, byte[]> contents = new LinkedHashMap<>(); // of the right file

  private HostileModelFiles(long seed) throws IOException {
    random = new Random(seed);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    model().write(out);
    right = out.toByteArray();
    try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(right))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        contents.put(entry.getName(), zip.readAllBytes());
      }
    }
  }

  /** The model that all files are made from; its updater has a state. */
  static ModelFile model() {
    Vocabulary vocabulary = Vocabulary.of(NAMES);
    NamesDataset data = new NamesDataset(vocabulary, 2, NAMES);
    MultiLayerNetwork network =
        new CharMlp(vocabulary.size(), 2, 3, 4)
            .network(new Adam(0.01), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
    network
        .getLayerWiseConfigurations()
        .getConfs()
        .forEach(conf -> conf.setSeed(1)); // not the time
    network.fit(new MinibatchIterator(data, new TorchRandom(3), 4, 3));
    return new ModelFile(network, vocabulary);
  }

  /** The files of a seed, always the same. */
  static List<Hostile> of(long seed) throws IOException {
    HostileModelFiles all = new HostileModelFiles(seed);
    all.cut();
    all.flipBits();
    all.headersOfArrays();
    all.elementsOfArrays();
    all.classes();
    all.numbers();
    all.updaters();
    all.words();
    all.eachKey();
    all.texts();
    all.structure();
    all.vocabularies();
    all.javaSerialised();
    all.namesOfEntries();
    all.bombs();
    all.zips();
    all.descriptors();
    all.parameters();
    all.noZips();
    return all.files;
  }

  /** Two files that DL4J falls for. */
  static List<Hostile> gadgets() throws IOException {
    HostileModelFiles all = new HostileModelFiles(0);
    String object = "a Java object";
    all.add(
        object, RawZip.of(all.and(Entry.of("preprocessor.bin", serialised(new Gadget.Read())))));
    all.change("another class", 1, "lossFn", o -> o.set("activationFn", gadget()));
    return all.files;
  }

  private static ObjectNode gadget() {
    return JSON.createObjectNode().put("@class", Gadget.class.getName() + "$Loaded");
  }

  private void add(String kind, byte[] bytes) {
    files.add(new Hostile(kind, false, file -> Files.write(file, bytes)));
  }

  /** A copy of the right file with another content of one entry, and the checksum of that. */
  private byte[] with(String name, byte[] content) {
    return RawZip.of(with(Entry.of(name, content)));
  }

  private List<Entry> with(Entry other) {
    return entries().stream().map(e -> e.name().equals(other.name()) ? other : e).toList();
  }

  private List<Entry> entries() {
    return contents.entrySet().stream().map(e -> Entry.of(e.getKey(), e.getValue())).toList();
  }

  private List<Entry> and(Entry... more) {
    List<Entry> entries = new ArrayList<>(entries());
    entries.addAll(List.of(more));
    return entries;
  }

  // Damage

  private void cut() {
    String kind = "cut short";
    IntStream.rangeClosed(1, 60).forEach(n -> add(kind, Arrays.copyOf(right, right.length - n)));
    random.ints(60, 0, right.length).forEach(n -> add(kind, Arrays.copyOf(right, n)));
    random
        .ints(20, 0, right.length - 10)
        .forEach(
            from -> {
              byte[] hole = Arrays.copyOf(right, right.length - 10);
              System.arraycopy(right, from + 10, hole, from, hole.length - from);
              add("10 bytes missing", hole);
            });
  }

  private void flipBits() {
    random
        .ints(200, 0, 8 * right.length)
        .forEach(
            bit -> {
              byte[] flipped = right.clone();
              flipped[bit / 8] ^= (byte) (1 << bit % 8);
              files.add(new Hostile("a bit flipped", true, file -> Files.write(file, flipped)));
            });
    for (Entry entry : entries()) {
      add("wrong checksum", RawZip.of(with(entry.withCrc(entry.crc() ^ 1))));
    }
  }

  // Arrays

  private static byte[] header(Object... fields) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    for (Object field : fields) {
      if (field instanceof Number number) {
        out.writeLong(number.longValue());
      } else {
        out.writeUTF((String) field);
      }
    }
    return bytes.toByteArray();
  }

  /** The fields of the header of n floats. */
  private static Object[] fields(long n) {
    String mode = "MIXED_DATA_TYPES";
    return new Object[] {mode, 6, "LONG", 1, n, 1, 8192, 1, 99, mode, n, "FLOAT"};
  }

  private void headersOfArrays() throws IOException {
    List<Object> others =
        List.of(
            -1L,
            0L,
            1L,
            1L << 31,
            1L << 40,
            Long.MAX_VALUE,
            Long.MIN_VALUE,
            "DIRECT",
            "HEAP",
            "LONG_SHAPE",
            "COMPRESSED",
            "DOUBLE",
            "UTF8",
            "BOOL",
            "evil",
            "x".repeat(60_000));
    for (String name : List.of(ModelFile.COEFFICIENTS, ModelFile.UPDATER_STATE)) {
      byte[] content = contents.get(name);
      int length = header(fields(0)).length;
      byte[] elements = Arrays.copyOfRange(content, length, content.length);
      long n = elements.length / 4;
      for (int k = 0; k < fields(n).length; k++) {
        for (Object other : others) {
          Object[] fields = fields(n);
          if (fields[k] instanceof String == other instanceof String
              && random.nextInt(2) == 0
              && !String.valueOf(fields[k]).equals(String.valueOf(other))) {
            fields[k] = other;
            add("header of an array", with(name, join(header(fields), elements)));
          }
        }
      }
    }
  }

  private void elementsOfArrays() throws IOException {
    for (String name : List.of(ModelFile.COEFFICIENTS, ModelFile.UPDATER_STATE)) {
      byte[] content = contents.get(name);
      int length = header(fields(0)).length;
      long n = (content.length - length) / 4;
      for (long other : new long[] {0, 1, n - 1, n + 1, 2 * n, 100_000}) {
        byte[] elements = new byte[4 * (int) other];
        add("length of an array", with(name, join(header(fields(other)), elements)));
        add("elements of an array", with(name, join(header(fields(n)), elements)));
      }
      add("elements of an array", with(name, Arrays.copyOf(content, content.length + 1)));
    }
  }

  /** Numbers that make every loss and every probability NaN. */
  private void parameters() {
    byte[] content = contents.get(ModelFile.COEFFICIENTS);
    for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      for (int element = 1; element < 50; element += 16) {
        byte[] changed = content.clone();
        ByteBuffer.wrap(changed).putFloat(content.length - 4 * element, value);
        add("a parameter not finite", with(ModelFile.COEFFICIENTS, changed));
      }
    }
  }

  private static byte[] join(byte[] one, byte[] other) {
    byte[] both = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, both, one.length, other.length);
    return both;
  }

  // Configuration

  private JsonNode configuration() throws IOException {
    return JSON.readTree(contents.get(ModelFile.CONFIGURATION));
  }

  /** The objects of a configuration, from the outside in. */
  private static List<ObjectNode> objects(JsonNode json) {
    List<ObjectNode> objects = new ArrayList<>();
    if (json instanceof ObjectNode object) {
      objects.add(object);
    }
    json.forEach(inner -> objects.addAll(objects(inner)));
    return objects;
  }

  /** Copies in each of which another object that has the key is changed, some of them left out. */
  private List<JsonNode> changed(int outOf, String key, Consumer<ObjectNode> change)
      throws IOException {
    List<JsonNode> changed = new ArrayList<>();
    for (int k = 0; k < objects(configuration()).size(); k++) {
      JsonNode json = configuration();
      ObjectNode object = objects(json).get(k);
      if (object.has(key) && random.nextInt(outOf) == 0) {
        change.accept(object);
        changed.add(json);
      }
    }
    return changed;
  }

  private void change(String kind, int outOf, String key, Consumer<ObjectNode> change)
      throws IOException {
    changed(outOf, key, change).forEach(json -> configured(kind, json.toString()));
  }

  /** Puts text that need not be JSON in the place of a value. */
  private void replace(String kind, int outOf, String key, String text) throws IOException {
    changed(outOf, key, object -> object.put(key, "<here>"))
        .forEach(json -> configured(kind, json.toString().replace("\"<here>\"", text)));
  }

  private void configured(String kind, String json) {
    add(kind, with(ModelFile.CONFIGURATION, json.getBytes(UTF_8)));
  }

  private void classes() throws IOException {
    for (String name : CLASSES) {
      change("another class", 4, "@class", object -> object.put("@class", name));
    }
    change("no class", 2, "@class", object -> object.remove("@class"));
    for (String key :
        List.of("idropout", "weightNoise", "stepFunction", "biasUpdater", "weightInitFn")) {
      change("a class in place of null", 2, key, object -> object.set(key, gadget()));
    }
    change(
        "a class in place of null", 2, "constraints", o -> o.putArray("constraints").add(gadget()));
    change("a new key", 2, "layerName", object -> object.set("more", gadget()));
    change("a new key", 1, "confs", object -> object.set("more", gadget()));
    change("a new key", 1, "confs", object -> object.with("inputPreProcessors").set("0", gadget()));
    change(
        "distribution",
        1,
        "weightInitFn",
        object ->
            object
                .putObject("weightInitFn")
                .put("@class", "org.deeplearning4j.nn.weights.WeightInitDistribution")
                .putObject("distribution")
                .put("type", Gadget.class.getName() + "$Loaded"));
  }

  private void numbers() throws IOException {
    List<String> numbers =
        List.of(
            "-1",
            "0",
            "2147483647",
            "2147483648",
            "9223372036854775807",
            "9223372036854775808",
            "1e300",
            "1.5",
            "1e999999999",
            "9".repeat(100_000),
            "1" + "0".repeat(400),
            "null");
    for (String key : List.of("nin", "nout", "inputLength")) {
      for (String number : numbers) {
        replace("a size", 3, key, number);
      }
    }
    for (String key : List.of("iterationCount", "learningRate", "decay", "tbpttFwdLength")) {
      for (String number : List.of("1e999999999", "9".repeat(100_000), "\"x y\"", "[]", "{}")) {
        replace("a number", 3, key, number);
      }
    }
  }

  /** The length of the updater's state would be that of another one. */
  private void updaters() throws IOException {
    for (int k = 0; k < 5; k++) {
      ObjectNode json = (ObjectNode) configuration();
      ObjectNode layer = (ObjectNode) json.get("confs").get(k).get("layer");
      layer.putObject("iupdater").put("@class", "org.nd4j.linalg.learning.config.NoOp");
      configured("another updater", json.toString());
    }
    JsonNode json = configuration();
    for (int k = 0; k < 5; k++) {
      ((ObjectNode) json.get("confs").get(k).get("layer")).remove("iupdater");
    }
    configured("another updater", json.toString());
    List<Entry> stateless = new ArrayList<>(entries());
    stateless.remove(3);
    ObjectNode first = (ObjectNode) configuration();
    ObjectNode layer = (ObjectNode) first.get("confs").get(0).get("layer");
    layer.putObject("iupdater").put("@class", "org.nd4j.linalg.learning.config.NoOp");
    stateless.set(1, Entry.of(ModelFile.CONFIGURATION, first.toString().getBytes(UTF_8)));
    add("another updater", RawZip.of(stateless));
  }

  /** Some of these are read: a name, a seed or a switch that nothing depends on. */
  private void eachKey() throws IOException {
    List<ObjectNode> objects = objects(configuration());
    for (int k = 0; k < objects.size(); k++) {
      int at = k;
      List<String> keys = new ArrayList<>();
      objects.get(k).fieldNames().forEachRemaining(keys::add);
      for (String key : keys) {
        maybe("each key missing", objects(configuration()), at, o -> o.remove(key));
        if (objects.get(k).get(key).isNumber()) {
          for (double number : new double[] {0, -1, 1e308}) {
            maybe("each number another", objects(configuration()), at, o -> o.put(key, number));
            maybe(
                "each number another",
                objects(configuration()),
                at,
                o -> o.put(key, (long) number + (1L << 32)));
          }
        }
      }
    }
  }

  /** Changes the one of all the objects; the first is the configuration. */
  private void maybe(String kind, List<ObjectNode> objects, int at, Consumer<ObjectNode> change) {
    change.accept(objects.get(at));
    byte[] bytes = with(ModelFile.CONFIGURATION, objects.get(0).toString().getBytes(UTF_8));
    files.add(new Hostile(kind, true, file -> Files.write(file, bytes)));
  }

  /** What has the form of what DL4J reads, and is refused by DL4J. */
  private void words() throws IOException {
    for (String key : List.of("optimizationAlgo", "backpropType", "cacheMode", "dataType")) {
      change("another word", 1, key, object -> object.put(key, "EVIL"));
    }
    for (String key : List.of("learningRate", "beta1", "epsilon", "eps", "decay")) {
      change("another word", 1, key, object -> object.put(key, "EVIL"));
      change("a class that is a kind", 1, key, o -> o.putObject(key).put("@class", "a number"));
    }
    for (String key : List.of("hasBias", "idropout", "miniBatch", "variables")) {
      for (String kind : List.of("true", "false", "null", "an array")) {
        change("a class that is a kind", 1, key, o -> o.putObject(key).put("@class", kind));
      }
    }
    for (String number : List.of("2147483648", "-2147483649", "9223372036854775807")) {
      for (String key : List.of("iterationCount", "epochCount", "tbpttFwdLength")) {
        replace("a number", 1, key, number);
      }
    }
  }

  /** What is not the JSON of a configuration. */
  private void texts() throws IOException {
    String json = configuration().toString();
    List<String> texts =
        List.of(
            "",
            " ",
            "{",
            "null",
            "[]",
            "{}",
            "3",
            "\"confs\"",
            json + json,
            json + "x",
            "/* */" + json,
            json.replace('"', '\''),
            json.replace(":", "="),
            "\0" + json,
            "[".repeat(1_000_000),
            "[".repeat(500_000) + "]".repeat(500_000),
            "{\"confs\":".repeat(80_000) + "0" + "}".repeat(80_000),
            "{\"a\":".repeat(150_000),
            "[0,".repeat(100_000),
            "[" + "{},".repeat(340_000) + "{}]",
            "[" + "0,".repeat(500_000) + "0]",
            "{\"a\":\"" + "x".repeat(1_000_000) + "\"}",
            " ".repeat(2_000_000) + json,
            "!!javax.script.ScriptEngineManager []");
    texts.forEach(text -> configured("JSON", text));
    for (String key : List.of("@class", "nin", "confs", "dataType")) {
      configured("a key twice", json.replaceFirst("(\"" + key + "\":)", "$1null,$1"));
      configured("a key twice", json.replaceFirst("(\"" + key + "\":[^,]*),", "$1,$1,"));
    }
    String twice = "{\"@class\":\"%s$Loaded\",".formatted(Gadget.class.getName());
    configured(
        "a key twice", json.replaceFirst("\\{(?=\"@class\")", Matcher.quoteReplacement(twice)));
    add("JSON", with(ModelFile.CONFIGURATION, Arrays.copyOf(json.getBytes(UTF_8), 500)));
    byte[] latin = json.replace("layer0", "l\u00e4yer").getBytes(ISO_8859_1);
    add("JSON", with(ModelFile.CONFIGURATION, latin));
  }

  /** Layers and sizes that would each pass alone. */
  private void structure() throws IOException {
    change("other layers", 1, "confs", object -> object.withArray("confs").remove(4));
    change("other layers", 1, "confs", object -> object.putArray("confs"));
    change(
        "other layers",
        1,
        "confs",
        object -> {
          ArrayNode confs = object.withArray("confs");
          for (int k = 0; k < 1000; k++) {
            confs.add(confs.get(1));
          }
        });
    for (int k = 0; k < 5; k++) {
      int layer = k;
      change(
          "other layers",
          1,
          "confs",
          o -> o.withArray("confs").set(layer, o.get("confs").get(1 + layer % 2)));
    }
    for (String key : List.of("nin", "nout", "inputLength")) {
      change("a size", 1, key, object -> object.put(key, object.get(key).asInt() + 1));
      change("a size", 1, key, object -> object.put(key, object.get(key).asInt() + (1L << 32)));
    }
    for (String key : List.of("layer", "confs", "iupdater", "nin", "inputLength", "dataType")) {
      change("a key missing", 1, key, object -> object.remove(key));
    }
    change("another type", 1, "dataType", object -> object.put("dataType", "DOUBLE"));
    change("another type", 1, "dataType", object -> object.put("dataType", "UTF8"));
    for (String key : List.of("hasBias", "trackRunningStatistics", "concat", "useGain")) {
      change("a switch", 1, key, object -> object.put(key, false));
    }
    huge(2_000_000, 10, 10);
    huge(27, 10, 2_000_000_000);
    huge(27, 1_000_000, 40);
    int V = Vocabulary.of(NAMES).size();
    huge(V, 10, 2_000_000_000);
    huge(V, 10, 2_000_000);
    huge(V, 10, 1_000_000); // 150 MB, which is allowed, but they are not there
  }

  /** Sizes that fit each other, with few elements behind them. */
  private void huge(int V, int D, int H) throws IOException {
    JsonNode json = configuration();
    int[] nIn = {V, 2 * D, H, H, V};
    int[] nOut = {D, H, H, V, V};
    for (int k = 0; k < nIn.length; k++) {
      ObjectNode layer = (ObjectNode) json.get("confs").get(k).get("layer");
      layer.put("nin", nIn[k]).put("nout", nOut[k]);
      layer.putObject("iupdater").put("@class", "org.nd4j.linalg.learning.config.NoOp");
    }
    configured("huge sizes", json.toString());
    long n = (long) V * D + (2L * D + 1) * H + (H + 1L) * V + 4L * H;
    List<Entry> entries =
        new ArrayList<>(with(Entry.of(ModelFile.CONFIGURATION, json.toString().getBytes(UTF_8))));
    entries.set(2, Entry.of(ModelFile.COEFFICIENTS, header(fields(n))));
    add("huge sizes", RawZip.of(entries));
  }

  private void vocabularies() throws IOException {
    String right = Vocabulary.of(NAMES).toString();
    List<String> characters =
        List.of(
            "",
            ".",
            right.substring(1),
            right + "z",
            right.substring(0, right.length() - 1),
            new StringBuilder(right).reverse().toString(),
            right.replace('a', '.'),
            right.replace('a', '\ud800'),
            right.replace('a', '\u001b'),
            right.replace('a', '\n'),
            right.replace('a', '\u0000'),
            right.replace('d', 'a'),
            right.replaceFirst("(\\.)(.)(.)", "$1$3$2"), // no longer ascending
            "x".repeat(1_000_000));
    for (String text : characters) {
      Map<String, String> json = Map.of("characters", text);
      add("vocabulary", with(ModelFile.VOCABULARY, JSON.writeValueAsBytes(json)));
    }
    List<String> texts =
        List.of(
            "",
            "{}",
            "[]",
            "null",
            "\"" + right + "\"",
            "{\"characters\":null}",
            "{\"characters\":[\".\",\"a\"]}",
            "{\"characters\":\"" + right + "\",\"more\":1}",
            "{\"characters\":\"" + right + "\",\"characters\":\"" + right + "\"}",
            "{\"@class\":\"" + Gadget.class.getName() + "$Loaded\"}",
            withLast(right, "\\ud83d"), // half of a surrogate pair
            withLast(right, "\\ude00"),
            withLast(right, "\\ud83d\\ud83d\\ude00"),
            withLast(right, "\\u202e"), // turns the direction of what follows
            withLast(right, "\\u00a0"),
            withLast(right, "\\ufeff"),
            "x".repeat(3_000_000));
    texts.forEach(text -> add("vocabulary", with(ModelFile.VOCABULARY, text.getBytes(UTF_8))));
  }

  /** Still in ascending order and of the network's size, so only the character is wrong. */
  private static String withLast(String right, String character) {
    return "{\"characters\":\"" + right.substring(0, right.length() - 1) + character + "\"}";
  }

  // Entries

  /** Where DL4J and old versions of it read Java objects, and elsewhere. */
  private void javaSerialised() throws IOException {
    byte[] object = serialised(new Gadget.Read());
    for (String name :
        List.of(
            "preprocessor.bin", "normalizer.bin", "objects/gadget", "updater.bin", "gadget.ser")) {
      add("a Java object", RawZip.of(and(Entry.of(name, object))));
      List<Entry> first = new ArrayList<>(entries());
      first.add(0, Entry.of(name, object));
      add("a Java object", RawZip.of(first));
      first.remove(1);
      add("a Java object", RawZip.of(first));
    }
    for (String name : contents.keySet()) {
      add("a Java object", with(name, object));
    }
    add("a Java object", object);
  }

  private static byte[] serialised(Object object) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(object);
    }
    return bytes.toByteArray();
  }

  private void namesOfEntries() {
    List<String> names =
        List.of(
            "../evil",
            "../../../../tmp/evil",
            "/tmp/evil",
            "..\\evil",
            "C:\\evil",
            "a/",
            "",
            "configuration.json/",
            "./configuration.json",
            "CONFIGURATION.JSON",
            "noParams.marker",
            "configuration.json\0",
            "\u001b[2J",
            "\u009b2J",
            "\u202eevil",
            "a\nb",
            "x".repeat(60_000),
            "META-INF/MANIFEST.MF",
            "coefficients.bin ",
            "c\u043enfiguration.json");
    for (String name : names) {
      Entry evil = Entry.of(name, new byte[] {1});
      add("name of an entry", RawZip.of(and(evil)));
      Entry instead = Entry.of(name, contents.get(ModelFile.CONFIGURATION));
      List<Entry> entries = new ArrayList<>(entries());
      entries.set(1, instead);
      add("name of an entry", RawZip.of(entries));
    }
  }

  private void bombs() {
    for (String name : contents.keySet()) {
      bomb(() -> with(RawZip.bomb(name, 10_240)));
      bomb(() -> with(RawZip.bomb(name, 100).saying(100L << 20)));
    }
    bomb(() -> and(RawZip.bomb("more", 10_240)));
    bomb(() -> and(RawZip.bomb(ModelFile.TRAINING_STATE, 10_240)));
    bomb(() -> and(RawZip.bomb(ModelFile.TRAINING_STATE, 100).saying(100L << 20)));
    bomb(() -> and(Entry.of(ModelFile.TRAINING_STATE, new byte[ModelFile.MOST_STATE_BYTES + 1])));
    bomb(() -> List.of(Entry.of("model.zip", RawZip.of(and(RawZip.bomb("more", 1))))));
    bomb(() -> Collections.nCopies(60_000, Entry.of("x", new byte[0])));
    files.add(new Hostile("zip bomb", false, HostileModelFiles::sparse));
  }

  /** Made when it is written, because it is large. */
  private void bomb(Supplier<List<Entry>> entries) {
    files.add(new Hostile("zip bomb", false, file -> Files.write(file, RawZip.of(entries.get()))));
  }

  /** 3 GiB of nothing behind a header. */
  private static void sparse(Path file) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {'P', 'K', 3, 4}));
      channel.write(ByteBuffer.wrap(new byte[1]), 3L << 30);
    }
  }

  /** Zips whose entries are right, or were, but not the zip. */
  private void zips() throws IOException {
    String kind = "the zip";
    List<Entry> right = entries();
    for (int k = 0; k < right.size(); k++) {
      Entry entry = right.get(k);
      List<Entry> twice = new ArrayList<>(right);
      twice.add(k, entry);
      add("an entry twice", RawZip.of(twice));
      add("an entry twice", RawZip.of(and(entry)));
      List<Entry> without = new ArrayList<>(right);
      without.remove(k);
      add("an entry missing", RawZip.of(without));
      add(kind, RawZip.of(without, right, new byte[0]));
      add(kind, RawZip.of(right, without, new byte[0]));
      add(kind, RawZip.of(right, with(entry.withCrc(3)), new byte[0]));
      add(kind, RawZip.of(right, with(entry.saying(3)), new byte[0]));
      add(kind, RawZip.of(with(entry.saying(entry.size() + 1))));
      add(kind, RawZip.of(with(entry.saying(0xffffffffL))));
      add(kind, RawZip.of(with(Entry.stored(entry.name(), contents.get(entry.name())))));
      List<Entry> moved = new ArrayList<>(without);
      moved.add((k + 2) % right.size(), entry);
      add("order of the entries", RawZip.of(moved));
    }
    Entry last = right.get(right.size() - 1);
    add(kind, RawZip.of(right, and(last, last), new byte[0])); // all at the place of the last
    Entry hidden = Entry.of("preprocessor.bin", serialised(new Gadget.Read()));
    add(kind, RawZip.of(and(hidden), right, new byte[0])); // DL4J reads it, unlike those who unzip
    add(kind, RawZip.of(List.of()));
    add(kind, RawZip.of(right, right, new byte[10_000]));
    add(kind, RawZip.of(right, List.of(), new byte[0]));
    add(kind, RawZip.of(right, Collections.nCopies(30_000, right.get(0)), new byte[0]));
  }

  /** Encrypted, and with lies behind the entries, where {@link ModelFile#write} puts lengths. */
  private void descriptors() {
    for (int flag = 1; flag < 128; flag *= 2) {
      byte[] flagged = right.clone();
      flagged[6] ^= (byte) flag; // of the first entry
      boolean isOfCompression = flag == 2 || flag == 4 || flag >= 16;
      files.add(
          new Hostile("flags of the zip", isOfCompression, file -> Files.write(file, flagged)));
    }
    for (int at = 0; at < right.length - 16; at++) {
      boolean isDescriptor = Arrays.equals(right, at, at + 4, new byte[] {'P', 'K', 7, 8}, 0, 4);
      for (int field = 4; isDescriptor && field < 16; field += 4) {
        byte[] lying = right.clone();
        lying[at + field] ^= 1;
        add("a length behind an entry", lying);
      }
    }
  }

  // What is no zip

  private void noZips() throws IOException {
    String kind = "no zip";
    add(kind, new byte[0]);
    add(kind, new byte[1]);
    add(kind, new byte[100_000]);
    for (String text :
        List.of("anna\nbo\n", "PK", "PK\3\4", "{}", "<html>", "#!/bin/sh\nexit 1\n")) {
      add(kind, text.getBytes(UTF_8));
      add(kind, text.getBytes(UTF_16));
    }
    for (int k = 0; k < 20; k++) {
      byte[] noise = new byte[random.nextInt(2000)];
      random.nextBytes(noise);
      add(kind, noise);
    }
    ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(gzip)) {
      out.write(right);
    }
    add(kind, gzip.toByteArray());
    add(kind, join(new byte[1], right));
    add(kind, contents.get(ModelFile.COEFFICIENTS));
    files.add(new Hostile(kind, false, Files::createDirectory));
    files.add(new Hostile(kind, false, file -> {}));
    files.add(new Hostile(kind, false, HostileModelFiles::pipe));
  }

  /** A named pipe, which nobody writes to; where there are none, there is no file. */
  private static void pipe(Path file) throws IOException, InterruptedException {
    if (Files.isExecutable(Path.of("/usr/bin/mkfifo"))) {
      new ProcessBuilder("/usr/bin/mkfifo", file.toString()).start().waitFor();
    }
  }
}
