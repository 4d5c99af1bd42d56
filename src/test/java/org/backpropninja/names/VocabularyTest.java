package org.backpropninja.names;

import static org.backpropninja.names.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
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
      assertEquals(characters.charAt(index), vocabulary.character(index));
    }
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
    String rule = "; a character must be no '.' and not beyond U+FFFF";
    assertRefused("word \"a.b\" holds U+002E" + rule, () -> Vocabulary.of(List.of("ok", "a.b")));
    String grin = "a😀";
    assertRefused("word \"a😀\" holds U+1F600" + rule, () -> Vocabulary.of(List.of(grin)));
  }
}
