import java.util.HashMap;
import java.util.Map;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesSplit;

/** The names of the three parts of the data, to tell which sampled names are new. */
final class KnownNames {
  private final Map<String, Sample.Origin> origins = new HashMap<>();

  /** A name in several parts counts as the first's, training before validation before test. */
  KnownNames(NamesSplit split) {
    add(split.train(), Sample.Origin.TRAIN);
    add(split.validation(), Sample.Origin.VALIDATION);
    add(split.test(), Sample.Origin.TEST);
  }

  /** The labels are the names, each with the end marker behind it. */
  private void add(NamesDataset part, Sample.Origin origin) {
    StringBuilder name = new StringBuilder();
    for (int example = 0; example < part.size(); example++) {
      int label = part.label(example);
      if (label == 0) {
        origins.putIfAbsent(name.toString(), origin);
        name.setLength(0);
      } else {
        name.append(part.vocabulary().character(label));
      }
    }
  }

  Sample.Origin origin(String name) {
    return origins.getOrDefault(name, Sample.Origin.NEW);
  }

  Sample mark(String name) {
    return new Sample(name, origin(name));
  }
}
