package org.backpropninja.names;

import java.io.Serializable;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.stream.IntStream;

/**
 * The characters of the words and the index of each, which never change.
 *
 * <p>Index 0 is the end marker '.', which also fills a context before a word's first character. The
 * words' distinct characters follow in ascending order, from index 1. A character is a Unicode code
 * point, so an emoji is one, or several where it is made of several.
 *
 * <p>Source: {@code stoi} and {@code itos} of makemore part 4.
 */
public final class Vocabulary implements Serializable {
  /** The character of index 0, which ends every word and is part of none. */
  public static final char END = '.';

  /** The most characters beside the end marker, so that an index takes 2 bytes. */
  static final int MOST = 65_535;

  /** The code point of each index. */
  private final int[] characters;

  private Vocabulary(int[] characters) {
    this.characters = characters;
  }

  /**
   * Collects the characters of words.
   *
   * @param words at least one word that is not empty
   * @return the vocabulary of all their characters
   * @throws InvalidNamesException if they have more than 65,535 characters
   * @throws IllegalArgumentException if there is no character, or one that is '.' or half of a
   *     surrogate pair
   */
  public static Vocabulary of(Collection<String> words) {
    BitSet present = new BitSet();
    for (String word : words) {
      for (int c : word.codePoints().toArray()) {
        requireUsable(word, c);
        present.set(c);
      }
    }
    int count = present.cardinality();
    if (count == 0) {
      throw new IllegalArgumentException(
          "words (%d) must hold at least one character".formatted(words.size()));
    }
    if (count > MOST) {
      throw new InvalidNamesException(
          "words (%d) hold %d different characters, must hold at most %d"
              .formatted(words.size(), count, MOST));
    }
    return new Vocabulary(IntStream.concat(IntStream.of(END), present.stream()).toArray());
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
   * Tells whether a character has an index.
   *
   * @param codePoint any
   * @return true for the end marker and the characters of the words
   */
  public boolean has(int codePoint) {
    return find(codePoint) >= 0;
  }

  /**
   * Finds a character's index.
   *
   * @param codePoint the end marker or a character of the words
   * @return its index, 0 to size − 1
   * @throws IllegalArgumentException if the vocabulary lacks it
   */
  public int indexOf(int codePoint) {
    int index = find(codePoint);
    if (index < 0) {
      throw new IllegalArgumentException(
          "character '%s' (U+%04X) is not in the vocabulary %s"
              .formatted(
                  OneLine.of(Character.toString(codePoint)), codePoint, OneLine.of(toString())));
    }
    return index;
  }

  /** The index; below 0 if there is none. */
  private int find(int codePoint) {
    return codePoint == END ? 0 : Arrays.binarySearch(characters, 1, characters.length, codePoint);
  }

  /**
   * Finds an index's character.
   *
   * @param index 0 to size − 1
   * @return its character, one code point; "." for 0
   * @throws IndexOutOfBoundsException if the index is outside
   */
  public String character(int index) {
    if (index < 0 || index >= characters.length) {
      throw new IndexOutOfBoundsException(
          "index (%d) must be from 0 to %d".formatted(index, characters.length - 1));
    }
    return Character.toString(characters[index]);
  }

  private static void requireUsable(String word, int codePoint) {
    if (codePoint == END || Character.getType(codePoint) == Character.SURROGATE) {
      throw new IllegalArgumentException(
          "word \"%s\" holds U+%04X; a character must be no '%c' and no half of a surrogate pair"
              .formatted(OneLine.of(word), codePoint, END));
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
    return new String(characters, 0, characters.length);
  }
}
