/**
 * A sampled name.
 *
 * @param name may be empty
 * @param origin the part of the data that holds it, or NEW
 */
record Sample(String name, Origin origin) {

  /** Where a name is known from. */
  enum Origin {
    TRAIN("train"),
    VALIDATION("val"),
    TEST("test"),
    NEW("new");

    private final String title;

    Origin(String title) {
      this.title = title;
    }

    @Override
    public String toString() {
      return title;
    }
  }

  /** The mark comes first, so that names of any script are aligned. */
  @Override
  public String toString() {
    return "%-5s  %s".formatted(origin, name);
  }
}
