package org.backpropninja.names;

import java.io.IOException;
import org.nd4j.shade.jackson.core.JsonParser;
import org.nd4j.shade.jackson.core.JsonToken;
import org.nd4j.shade.jackson.databind.DeserializationFeature;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** Reads JSON that came from anywhere into a tree: no classes, no key twice, no huge number. */
final class StrictJson {
  /** Of a text; a vocabulary of 65,000 characters has 190 kB. */
  static final int MOST_BYTES = 1 << 20;

  private static final int LONGEST_NUMBER = 32; // characters; Double.MIN_VALUE is written in 8
  private static final int DEEPEST = 32;

  private static final ObjectMapper MAPPER =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private StrictJson() {}

  /**
   * Reads one value.
   *
   * @param entry what the message calls the text
   * @throws InvalidModelException if it is not JSON, or long, or deep, or holds a key twice or a
   *     long number
   */
  static JsonNode read(String entry, byte[] text) {
    requireShort(entry, text, MOST_BYTES);
    try {
      requireBounds(entry, text);
      return MAPPER.readTree(text);
    } catch (IOException e) {
      throw new InvalidModelException("%s is not JSON: %s".formatted(entry, OneLine.of(e)), e);
    }
  }

  /**
   * Checks the length alone.
   *
   * @throws InvalidModelException if the text is longer
   */
  static byte[] requireShort(String entry, byte[] text, int mostBytes) {
    if (text.length > mostBytes) {
      throw new InvalidModelException(
          "%s has more than the %,d bytes that are allowed".formatted(entry, mostBytes));
    }
    return text;
  }

  /** In a pass of its own: the tree would make a number of a million digits, which takes long. */
  private static void requireBounds(String entry, byte[] text) throws IOException {
    try (JsonParser parser = MAPPER.getFactory().createParser(text)) {
      int depth = 0;
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
        if (depth > DEEPEST) {
          throw new InvalidModelException(
              "%s is nested more than %d deep".formatted(entry, DEEPEST));
        }
        if (token.isNumeric() && parser.getTextLength() > LONGEST_NUMBER) {
          throw new InvalidModelException(
              "%s holds a number of %d characters; %d are allowed"
                  .formatted(entry, parser.getTextLength(), LONGEST_NUMBER));
        }
      }
    }
  }
}
