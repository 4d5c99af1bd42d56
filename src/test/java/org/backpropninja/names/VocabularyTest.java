package org.backpropninja.names;

import static java.util.stream.Collectors.joining;
import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class VocabularyTest {
  private final Vocabulary vocabulary = Vocabulary.of(List.of("émile", "Bob", "ann-lee"));

  @Test
  void sortsTheDistinctCharactersAfterTheEndMarker() {
    assertEquals(".-Babeilmnoé", vocabulary.toString());
    assertEquals(12, vocabulary.size());
  }

  @Test
  void findsTheIndexOfEachCharacterAndBack() {
    String characters = ".-Babeilmnoé";
    for (int index = 0; index < characters.length(); index++) {
      assertEquals(index, vocabulary.indexOf(characters.charAt(index)));
      assertEquals(characters.substring(index, index + 1), vocabulary.character(index));
    }
  }

  @Test
  void aCharacterIsACodePoint() {
    Vocabulary family = Vocabulary.of(List.of("👩\u200d👧", "z\uFFFD", "𝐀"));
    assertEquals(".z\u200d\uFFFD𝐀👧👩", family.toString()); // U+FFFD before U+1D400
    assertEquals(7, family.size());
    assertEquals(6, family.indexOf("👩".codePointAt(0)));
    assertEquals("👩", family.character(6));
    assertEquals("\uFFFD", family.character(3));
  }

  @Test
  void tellsWhatItHas() {
    Vocabulary some = Vocabulary.of(List.of("b👩"));
    assertTrue(some.has('.') && some.has('b') && some.has("👩".codePointAt(0)));
    assertFalse(some.has('a') || some.has('c') || some.has("👧".codePointAt(0)) || some.has(0));
  }

  @Test
  void holdsAtMost65535CharactersBesideTheEndMarker() {
    String all = IntStream.range(0x20000, 0x2FFFF).mapToObj(Character::toString).collect(joining());
    Vocabulary largest = Vocabulary.of(List.of(all));
    assertEquals(65_536, largest.size());
    assertEquals(65_535, largest.indexOf(0x2FFFE));
    assertEquals(Character.toString(0x2FFFE), largest.character(65_535));
    assertRefused(
        InvalidNamesException.class,
        "words (2) hold 65536 different characters, must hold at most 65535",
        () -> Vocabulary.of(List.of(all, "a")));
  }

  @Test
  void equalsAnotherOfTheSameCharacters() {
    Vocabulary same = Vocabulary.of(List.of("oélmn", "ieabB-"));
    assertEquals(vocabulary, same);
    assertEquals(vocabulary.hashCode(), same.hashCode());
    assertNotEquals(vocabulary, Vocabulary.of(List.of("ab")));
  }

  @Test
  void refusesWhatItLacks() {
    assertRefused(
        "character 'z' (U+007A) is not in the vocabulary .-Babeilmnoé",
        () -> vocabulary.indexOf('z'));
    assertRefused(
        "character '!' (U+0021) is not in the vocabulary .-Babeilmnoé",
        () -> vocabulary.indexOf('!'));
    assertRefused(
        IndexOutOfBoundsException.class,
        "index (-1) must be from 0 to 11",
        () -> vocabulary.character(-1));
    assertRefused(
        IndexOutOfBoundsException.class,
        "index (12) must be from 0 to 11",
        () -> vocabulary.character(12));
  }

  @Test
  void refusesWordsThatGiveNoVocabulary() {
    assertRefused("words (0) must hold at least one character", () -> Vocabulary.of(List.of()));
    assertRefused("words (1) must hold at least one character", () -> Vocabulary.of(List.of("")));
    String rule = "; a character must be no '.' and no half of a surrogate pair";
    assertRefused("word \"a.b\" holds U+002E" + rule, () -> Vocabulary.of(List.of("ok", "a.b")));
    refusesHalf("a😀".substring(0, 2), "word \"a\\ud83d\" holds U+D83D" + rule);
    refusesHalf("😀a".substring(1), "word \"\\ude00a\" holds U+DE00" + rule);
  }

  private static void refusesHalf(String word, String message) {
    assertRefused(message, () -> Vocabulary.of(List.of(word)));
  }

  @Test
  void aLongWordIsCutInAMessage() {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> Vocabulary.of(List.of("a".repeat(100_000) + '.')))
            .getMessage();
    assertTrue(message.length() < 300, message);
  }
}
