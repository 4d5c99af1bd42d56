package org.backpropninja.names;

import java.io.Serializable;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;

/**
 * The characters of the words and the index of each, which never change.
 *
 * <p>Index 0 is the end marker '.', which also fills a context before a word's first character. The
 * words' distinct characters follow in ascending order, from index 1. A character is one {@code
 * char}, so those beyond U+FFFF are refused.
 *
 * <p>Source: {@code stoi} and {@code itos} of makemore part 4.
 */
public final class Vocabulary implements Serializable {
  /** The character of index 0, which ends every word and is part of none. */
  public static final char END = '.';

  /** The character of each index. */
  private final char[] characters;

  private Vocabulary(char[] characters) {
    this.characters = characters;
  }

  /**
   * Collects the characters of words.
   *
   * @param words at least one word that is not empty
   * @return the vocabulary of all their characters
   * @throws IllegalArgumentException if there is no character, or one that is '.' or beyond U+FFFF
   */
  public static Vocabulary of(Collection<String> words) {
    BitSet present = new BitSet();
    for (String word : words) {
      for (int i = 0; i < word.length(); i++) {
        requireUsable(word, i);
        present.set(word.charAt(i));
      }
    }
    if (present.isEmpty()) {
      throw new IllegalArgumentException(
          "words (%d) must hold at least one character".formatted(words.size()));
    }
    StringBuilder characters = new StringBuilder().append(END);
    present.stream().forEach(c -> characters.append((char) c));
    return new Vocabulary(characters.toString().toCharArray());
  }

  /**
   * Counts the indices.
   *
   * @return the number of characters, the end marker included
   */
  public int size() {
    return characters.length;
  }

  /**
   * Finds a character's index.
   *
   * @param character the end marker or a character of the words
   * @return its index, 0 to size − 1
   * @throws IllegalArgumentException if the vocabulary lacks it
   */
  public int indexOf(char character) {
    if (character == END) {
      return 0;
    }
    int index = Arrays.binarySearch(characters, 1, characters.length, character);
    if (index < 0) {
      throw new IllegalArgumentException(
          "character '%c' (U+%04X) is not in the vocabulary %s"
              .formatted(character, (int) character, this));
    }
    return index;
  }

  /**
   * Finds an index's character.
   *
   * @param index 0 to size − 1
   * @return its character, '.' for 0
   * @throws IndexOutOfBoundsException if the index is outside
   */
  public char character(int index) {
    if (index < 0 || index >= characters.length) {
      throw new IndexOutOfBoundsException(
          "index (%d) must be from 0 to %d".formatted(index, characters.length - 1));
    }
    return characters[index];
  }

  private static void requireUsable(String word, int i) {
    char c = word.charAt(i);
    if (c == END || Character.isSurrogate(c)) {
      throw new IllegalArgumentException(
          "word \"%s\" holds U+%04X; a character must be no '.' and not beyond U+FFFF"
              .formatted(word, word.codePointAt(i)));
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Vocabulary that && Arrays.equals(characters, that.characters);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(characters);
  }

  /** All characters in the order of their indices, so starting with the end marker. */
  @Override
  public String toString() {
    return new String(characters);
  }
}
