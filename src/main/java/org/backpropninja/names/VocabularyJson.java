package org.backpropninja.names;

import java.util.List;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.JsonNodeFactory;

/** A vocabulary as JSON: {@code {"characters": ".abc"}}, in the order of the indices. */
final class VocabularyJson {
  private static final String CHARACTERS = "characters";

  private VocabularyJson() {}

  static byte[] write(Vocabulary vocabulary) throws JsonProcessingException {
    JsonNode json = JsonNodeFactory.instance.objectNode().put(CHARACTERS, vocabulary.toString());
    return new ObjectMapper().writeValueAsBytes(json);
  }

  static Vocabulary read(byte[] text) {
    JsonNode json = StrictJson.read(ModelFile.VOCABULARY, text);
    JsonNode characters = json.path(CHARACTERS);
    if (json.size() != 1 || !characters.isTextual()) {
      throw new InvalidModelException(
          "%s is %s; it must be {\"%s\": a text}"
              .formatted(ModelFile.VOCABULARY, OneLine.of(json.toString()), CHARACTERS));
    }
    return vocabulary(characters.textValue());
  }

  private static Vocabulary vocabulary(String characters) {
    try {
      Vocabulary vocabulary = Vocabulary.of(List.of(characters.substring(1)));
      if (vocabulary.toString().equals(characters)) {
        return vocabulary;
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw refusal(characters, e);
    }
    throw refusal(characters, null);
  }

  /** Samples are names, so they hold what names may hold, single spaces among it. */
  static void requireNameCharacters(Vocabulary vocabulary) {
    vocabulary
        .toString()
        .codePoints()
        .skip(1) // the end marker
        .filter(c -> NameCharacters.fault(c) != null)
        .findFirst()
        .ifPresent(
            c -> {
              throw new InvalidModelException(
                  "%s holds %s (U+%04X); no name does"
                      .formatted(ModelFile.VOCABULARY, NameCharacters.fault(c), c));
            });
  }

  private static InvalidModelException refusal(String characters, Throwable cause) {
    return new InvalidModelException(
        "%s: \"%s\" must be '%c' and then distinct characters in ascending order"
            .formatted(ModelFile.VOCABULARY, OneLine.of(characters), Vocabulary.END),
        cause);
  }
}
