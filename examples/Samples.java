import java.util.List;

/**
 * Sampled names with their marks.
 *
 * @param names in the order in which they were drawn
 * @param wanted how many were to be found
 * @param draws how many were drawn to find them
 */
record Samples(List<Sample> names, int wanted, int draws) {

  /** How many are known from one part of the data, or from none. */
  long count(Sample.Origin origin) {
    return names.stream().filter(sample -> sample.origin() == origin).count();
  }

  /** In one line. */
  String shares() {
    return "%d of %d are new; in train %d, val %d, test %d"
        .formatted(
            count(Sample.Origin.NEW),
            names.size(),
            count(Sample.Origin.TRAIN),
            count(Sample.Origin.VALIDATION),
            count(Sample.Origin.TEST));
  }

  /** Prints the names with their marks, and the shares; what is missing on the error stream. */
  void print() {
    names.forEach(System.out::println);
    if (!names.isEmpty()) {
      System.out.println(shares());
    }
    reportMissing();
  }

  /** Says on the error stream if fewer were found than wanted. */
  void reportMissing() {
    if (names.size() < wanted) {
      System.err.printf(
          "only %d of %d new names were found in %d draws; a higher --temperature or --top-k finds"
              + " more%n",
          names.size(), wanted, draws);
    }
  }
}
