import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;

/**
 * metrics.csv: a line for each of the first 200 steps, each 100th, and each with a validation loss.
 *
 * <p>What cannot be written, for want of space, is kept and tried again with the next line.
 */
final class Metrics implements Closeable {
  private static final String HEADER =
      "step,minibatch_loss,validation_loss,learning_rate,µs_a_step";

  private final FileChannel file;
  private final StringBuilder unwritten = new StringBuilder();
  private long length;
  private Row last; // without a line yet: its validation loss may follow

  /**
   * A line.
   *
   * @param step the step, from 1
   * @param loss of its minibatch
   * @param learningRate that it was taken with
   * @param microseconds a step, since the line before
   */
  record Row(int step, double loss, double learningRate, double microseconds) {
    String line(Double validationLoss) {
      return String.format(
          Locale.ROOT,
          "%d,%s,%s,%s,%.1f%n",
          step,
          loss,
          validationLoss == null ? "" : validationLoss,
          learningRate,
          microseconds);
    }
  }

  Metrics(FileChannel file) throws IOException {
    this.file = file;
    length = file.size();
    if (length == 0) {
      unwritten.append(HEADER).append(System.lineSeparator());
    }
  }

  /** Opens the file and cuts off what is behind {@code length}, which a checkpoint remembers. */
  static Metrics open(Path path, long length) throws IOException {
    FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    file.truncate(length).position(file.size());
    return new Metrics(file);
  }

  /** Reads all lines of a file, as a report shows them. */
  static List<ReportData.Metrics> read(Path path) throws IOException {
    return Files.readAllLines(path).stream().skip(1).map(Metrics::read).toList();
  }

  private static ReportData.Metrics read(String line) {
    String[] cells = line.split(",");
    return new ReportData.Metrics(
        Integer.parseInt(cells[0]),
        Double.parseDouble(cells[1]),
        cells[2].isEmpty() ? Double.NaN : Double.parseDouble(cells[2]),
        Double.parseDouble(cells[3]),
        Double.parseDouble(cells[4]));
  }

  static boolean isRow(int step) {
    return step <= 200 || step % 100 == 0;
  }

  /** Adds a row. */
  void add(Row row) throws IOException {
    endRow(null);
    last = row; // before the disk can refuse the lines
    write();
  }

  /** Adds the validation loss to the last row, and all lines so far to the file. */
  void validated(double loss) throws IOException {
    endRow(loss);
    write();
  }

  /** Writes all lines so far, as far as the disk. */
  void flush() throws IOException {
    endRow(null);
    write();
    file.force(false);
  }

  /** How long the file is, in bytes. */
  long length() {
    return length;
  }

  private void endRow(Double validationLoss) {
    if (last != null) {
      unwritten.append(last.line(validationLoss));
      last = null;
    }
  }

  private void write() throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(unwritten.toString().getBytes(UTF_8));
    try {
      while (bytes.hasRemaining()) {
        file.write(bytes);
      }
      unwritten.setLength(0);
      length = file.position();
    } catch (IOException e) {
      file.truncate(length); // half a line
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
