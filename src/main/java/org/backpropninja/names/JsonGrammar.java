package org.backpropninja.names;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * What JSON may hold, learned from samples: the keys of each class and the kinds of their values.
 *
 * <p>An object is of the class that its {@code @class} names, or else of one without a name that is
 * known by where it stands. A kind is such a class, an array, null, a truth value, a word, a number
 * or a whole number. A truth value is its own kind, so one that is always false in the samples must
 * be false.
 */
final class JsonGrammar {
  private static final String CLASS = "@class";
  private static final String WORD = "a word of at most 40 letters, digits and _";
  private static final String NUMBER = "a number";
  private static final String WHOLE = "a whole number of 64 bits";

  /** The kinds seen, by place: a class and a key. */
  private final Map<String, Set<String>> kinds = new HashMap<>();

  /** Learns that all of a sample is allowed. */
  void learn(JsonNode sample) {
    walk("", "", sample, (place, path, value) -> seen(place).add(kind(place, value)));
  }

  private Set<String> seen(String place) {
    return kinds.computeIfAbsent(place, p -> new TreeSet<>());
  }

  /**
   * Checks that a value holds nothing but what samples held in the same places.
   *
   * @param entry what the message calls the text
   * @throws InvalidModelException if it holds something else
   */
  void check(String entry, JsonNode value) {
    walk("", "", value, (place, path, inner) -> check(place, entry + path, inner));
  }

  private void check(String place, String path, JsonNode value) {
    Set<String> allowed = kinds.get(place);
    if (allowed == null) {
      throw new InvalidModelException("%s is not allowed".formatted(path));
    }
    String kind = kind(place, value);
    if (!allowed.contains(kind) && !(kind.equals(WHOLE) && allowed.contains(NUMBER))) {
      throw new InvalidModelException(
          "%s is %s; allowed is %s".formatted(path, shown(value), String.join(" or ", allowed)));
    }
  }

  private interface Visitor {
    void visit(String place, String path, JsonNode value);
  }

  /** Visits a value, and then what is in it: a visitor that throws is asked for nothing deeper. */
  private static void walk(String place, String path, JsonNode value, Visitor visitor) {
    visitor.visit(place, path, value);
    if (value.isArray()) {
      for (int k = 0; k < value.size(); k++) {
        walk(place + "[]", path + "[" + k + "]", value.get(k), visitor);
      }
    }
    String owner = kind(place, value);
    value
        .fields()
        .forEachRemaining(
            field -> {
              if (!field.getKey().equals(CLASS)) {
                String its = path + " " + OneLine.of(field.getKey());
                walk(owner + "." + normal(field.getKey()), its, field.getValue(), visitor);
              }
            });
  }

  /** All steps of a schedule are one key. */
  private static String normal(String key) {
    return key.matches("[0-9]{1,10}") ? "0" : key;
  }

  private static String kind(String place, JsonNode value) {
    return switch (value.getNodeType()) {
      case OBJECT -> value.path(CLASS).asText(place + " {}");
      case ARRAY -> "an array";
      case STRING -> value.textValue().matches("[A-Za-z0-9_]{1,40}") ? WORD : "another text";
      case NUMBER -> number(value);
      default -> value.asText();
    };
  }

  private static String number(JsonNode value) {
    if (value.isIntegralNumber() && value.canConvertToLong()) {
      return WHOLE;
    }
    return value.isFloatingPointNumber() && Double.isFinite(value.doubleValue())
        ? NUMBER
        : "out of range";
  }

  private static String shown(JsonNode value) {
    return OneLine.of(value.path(CLASS).asText(value.toString()));
  }
}
