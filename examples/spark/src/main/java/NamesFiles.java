import java.io.Serializable;
import java.util.Comparator;
import java.util.Iterator;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapred.FileSplit;
import org.apache.hadoop.mapred.InvalidInputException;
import org.apache.hadoop.mapred.TextInputFormat;
import org.apache.spark.api.java.JavaHadoopRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesFile;
import scala.Tuple2;

/**
 * Reads names by Spark, one a line, and refuses what {@link NamesFile} refuses, in its words.
 *
 * <p>The workers look at the bytes themselves: Spark's {@code textFile} replaces what is not UTF-8
 * by U+FFFD.
 */
final class NamesFiles {

  private NamesFiles() {}

  /**
   * Reads and checks names.
   *
   * @param spark reads
   * @param source a file, a folder or a pattern, as a path or a URL that Spark takes
   * @param partitions at least so many, where the files can be cut
   * @return the names
   * @throws InvalidNamesException if there is no such file, none can be read, or none holds a name,
   *     or if a line is neither a name nor blank
   */
  static JavaRDD<String> read(JavaSparkContext spark, String source, int partitions) {
    JavaRDD<Line> lines = lines(spark, source, partitions);
    requireNames(source, lines);
    JavaRDD<String> names = lines.flatMap(line -> line.name("").stream().iterator());
    if (names.isEmpty()) {
      throw new InvalidNamesException("%s holds no name".formatted(source));
    }
    return names;
  }

  /**
   * A line of a file.
   *
   * @param file path or URL
   * @param start its first byte's place in the file
   * @param utf8 without the line's end
   */
  private record Line(String file, long start, byte[] utf8)
      implements Comparable<Line>, Serializable {

    /** Empty if the line is blank. */
    Optional<String> name(String where) {
      return NamesFile.name(where, utf8);
    }

    boolean isUnusable() {
      try {
        name("");
        return false;
      } catch (InvalidNamesException e) {
        return true;
      }
    }

    @Override
    public int compareTo(Line other) {
      return Comparator.comparing(Line::file).thenComparing(Line::start).compare(this, other);
    }
  }

  private static JavaRDD<Line> lines(JavaSparkContext spark, String source, int partitions) {
    try {
      JavaHadoopRDD<LongWritable, Text> files =
          (JavaHadoopRDD<LongWritable, Text>)
              spark.hadoopFile(
                  source, TextInputFormat.class, LongWritable.class, Text.class, partitions);
      files.partitions(); // looks for the files
      return files.mapPartitionsWithInputSplit(
          (split, lines) -> lines(((FileSplit) split).getPath().toString(), lines), true);
    } catch (Exception e) { // Scala declares none
      throw new InvalidNamesException(
          e instanceof InvalidInputException
              ? "%s does not exist".formatted(source)
              : "%s cannot be read: %s".formatted(source, e));
    }
  }

  private static Iterator<Line> lines(String file, Iterator<Tuple2<LongWritable, Text>> lines) {
    Iterable<Tuple2<LongWritable, Text>> all = () -> lines;
    return StreamSupport.stream(all.spliterator(), false)
        .map(line -> new Line(file, line._1().get(), line._2().copyBytes()))
        .iterator();
  }

  /** Refuses the first line that is no name; only then are the lines before it counted. */
  private static void requireNames(String source, JavaRDD<Line> lines) {
    JavaRDD<Line> unusable = lines.filter(Line::isUnusable);
    if (unusable.isEmpty()) {
      return;
    }
    Line first = unusable.takeOrdered(1).get(0);
    String file = first.file();
    long number =
        lines.filter(line -> line.file().equals(file) && line.start() <= first.start()).count();
    first.name("%s, line %d".formatted(isFile(source, file) ? source : file, number));
  }

  /** Whether the source is that file; else it is a folder or a pattern. */
  private static boolean isFile(String source, String file) {
    return file.matches("(.*[/:])?" + Pattern.quote(source));
  }
}
