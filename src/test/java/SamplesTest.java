import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.names.Sampling;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.NoOp;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Marks, shares, and names that must be new. */
class SamplesTest {
  private static final List<String> TRAIN = List.of("ab", "ba", "😀b", "ab");
  private static final List<String> VALIDATION = List.of("bb", "ba");
  private static final List<String> TEST = List.of("b😀b", "bb", "aa", "ab");
  private static final Vocabulary VOCABULARY = Vocabulary.of(List.of("ab😀"));

  private final KnownNames known =
      new KnownNames(new NamesSplit(part(TRAIN), part(VALIDATION), part(TEST)));
  private final NameSampler sampler =
      new NameSampler(
          new CharMlp(4, 2, 2, 3)
              .network(new NoOp(), DataType.FLOAT, new TorchRandom(1), new TorchRandom(2)),
          VOCABULARY,
          2);

  private static NamesDataset part(List<String> words) {
    return new NamesDataset(VOCABULARY, 2, words);
  }

  /** Takes the options and does nothing. */
  @Command
  private static final class Example {
    @Mixin private SamplingOptions sampling;
  }

  private static SamplingOptions options(String... args) {
    Example example = new Example();
    new CommandLine(example).parseArgs(args);
    return example.sampling;
  }

  @ParameterizedTest
  @CsvSource({
    "ab, train",
    "ba, train",
    "😀b, train",
    "bb, val",
    "b😀b, test",
    "aa, test",
    "a, new",
    "b, new",
    "abba, new",
    "😀, new",
    "b😀, new",
    "'', new",
    "abbab, new",
    "bab, new"
  })
  void theMarkIsTheFirstPartThatHasTheName(String name, String mark) {
    assertEquals(mark, known.origin(name).toString());
    assertEquals(new Sample(name, known.origin(name)), known.mark(name));
  }

  @Test
  void theMarkComesFirstAndNamesAreAligned() {
    assertEquals("train  ab", known.mark("ab").toString());
    assertEquals("val    bb", known.mark("bb").toString());
    assertEquals("test   aa", known.mark("aa").toString());
    assertEquals("new    ש文", known.mark("ש文").toString());
  }

  @Test
  void sharesCountEachMark() {
    List<Sample> names =
        Stream.of("ab", "x", "bb", "ba", "aa", "y", "ab", "x", "aa", "z").map(known::mark).toList();
    assertEquals("4 of 10 are new; in train 3, val 1, test 2", new Samples(names, 10, 10).shares());
  }

  @Test
  void withoutOptionsTheNamesAreTheSamplers() {
    Samples samples = options("--samples", "30").draw(sampler, new TorchRandom(5), known);
    List<String> expected = sampler.sample(30, new TorchRandom(5));
    assertEquals(expected, samples.names().stream().map(Sample::name).toList());
    assertEquals(expected, options("--samples", "30").draw(sampler, new TorchRandom(5)));
    for (Sample sample : samples.names()) {
      assertEquals(known.origin(sample.name()), sample.origin());
    }
  }

  @Test
  void optionsAreTheSamplers() {
    Sampling expected = new Sampling(0.5, 3, "a", 7);
    String[] args = "--temperature 0.5 --top-k 3 --prefix a --max-length 7".split(" ");
    assertEquals(expected, options(args).sampling());
    assertEquals(Sampling.DEFAULT, options().sampling());
    assertEquals(
        sampler.sample(20, new TorchRandom(5), expected),
        options(args).draw(sampler, new TorchRandom(5)));
  }

  /** Those are left of all draws, in their order, up to the number that is wanted. */
  @Test
  void onlyNewLeavesOutWhatIsKnownEmptyOrTwice() {
    Samples samples =
        options("--samples", "25", "--only-new").draw(sampler, new TorchRandom(5), known);
    Set<String> seen = new HashSet<>();
    List<String> expected = new ArrayList<>();
    TorchRandom random = new TorchRandom(5);
    int draws = 0;
    while (expected.size() < 25) {
      String name = sampler.sample(1, random).get(0);
      draws++;
      boolean isKnown = TRAIN.contains(name) || VALIDATION.contains(name) || TEST.contains(name);
      if (!isKnown && !name.isEmpty() && seen.add(name)) {
        expected.add(name);
      }
    }
    assertTrue(draws > 30, "hardly any was left out: " + draws);
    assertEquals(expected, samples.names().stream().map(Sample::name).toList());
    assertEquals(draws, samples.draws());
    assertEquals(25, samples.wanted());
    assertTrue(samples.names().stream().allMatch(sample -> sample.origin() == Sample.Origin.NEW));
  }

  /** Of b, ba, bb and b😀 two are known. */
  @Test
  void onlyNewEndsWhenThereAreNoMore() {
    String[] args = "--samples 7 --only-new --max-length 2 --prefix b".split(" ");
    Samples samples = options(args).draw(sampler, new TorchRandom(5), known);
    List<String> names = samples.names().stream().map(Sample::name).sorted().toList();
    assertEquals(List.of("b", "b😀"), names);
    assertEquals(700, samples.draws());
    assertEquals(7, samples.wanted());
  }

  @Test
  void noNamesTakeNoDraw() {
    TorchRandom random = new TorchRandom(5);
    assertEquals(
        new Samples(List.of(), 0, 0),
        options("--samples", "0", "--only-new").draw(sampler, random, known));
    assertEquals(0, random.state().drawn());
  }

  static Stream<Arguments> missing() {
    return Stream.of(
        Arguments.of("é", "'é' (U+00E9)"),
        Arguments.of("ba😁a", "'😁' (U+1F601)"),
        Arguments.of("c.c\u00a0\u202e", "'.' (U+002E), 'c' (U+0063), U+00A0, U+202E"),
        Arguments.of(
            "efghijklmnopqrstuvwxyz",
            IntStream.rangeClosed('e', 'x')
                .mapToObj(c -> "'%c' (U+%04X)".formatted(c, c))
                .collect(Collectors.joining(", ", "", " and 2 more"))));
  }

  @ParameterizedTest
  @MethodSource("missing")
  void missingCharactersAreNamed(String text, String expected) {
    assertEquals(expected, MissingCharacters.of(VOCABULARY, List.of("ab", text)).get());
    assertFalse(MissingCharacters.of(VOCABULARY, List.of("ab", "😀")).isPresent());
  }
}
