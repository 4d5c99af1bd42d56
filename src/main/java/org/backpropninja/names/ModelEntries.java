package org.backpropninja.names;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The entries of a zip that came from anywhere, read in the order in which a model file has them.
 *
 * <p>They are read as DL4J does, from the front, and what a header says of a size is not believed.
 * The zip's directory, at its end, must then tell of the same entries. So whatever is cut, hidden,
 * doubled or laid over another entry is noticed.
 */
final class ModelEntries implements Closeable {
  private static final int MOST_OUTSIDE = 1 << 12; // 5 entries have 900 bytes of headers

  /** What a file may have beside its arrays: texts, headers, and what compression may add. */
  private static final int MOST_BESIDE = ModelFile.MOST_STATE_BYTES + (4 << 20);

  private static final String ALLOWED =
      "a model file holds %s, %s, %s, %s if the updater has a state, and a checkpoint %s, in this order"
          .formatted(
              ModelFile.VOCABULARY,
              ModelFile.CONFIGURATION,
              ModelFile.COEFFICIENTS,
              ModelFile.UPDATER_STATE,
              ModelFile.TRAINING_STATE);

  private final Path file;
  private final ZipInputStream zip;
  private final long mostBytes;
  private final List<ZipEntry> entries = new ArrayList<>();

  private long bytes; // of the entries so far

  private ModelEntries(Path file, ZipInputStream zip, long mostBytes) {
    this.file = file;
    this.zip = zip;
    this.mostBytes = mostBytes;
  }

  /**
   * Opens a file.
   *
   * @throws InvalidModelException if it is none, or larger than what it may hold
   */
  static ModelEntries open(Path file, long mostBytes) throws IOException {
    if (!Files.isRegularFile(file)) { // opening a named pipe would wait for its writer
      throw new InvalidModelException(
          Files.exists(file) ? "is not a file" : "does not exist, or its folder cannot be read");
    }
    requireAtMost("its arrays take at least", Files.size(file) - MOST_BESIDE, mostBytes);
    return new ModelEntries(
        file, new ZipInputStream(new BufferedInputStream(Files.newInputStream(file))), mostBytes);
  }

  private static void requireAtMost(String what, long bytes, long mostBytes) {
    if (bytes > mostBytes) {
      throw new InvalidModelException(
          "%s %,d bytes; %,d are allowed, or what you pass to ModelFile.read"
              .formatted(what, bytes, mostBytes));
    }
  }

  /** Reads an entry of text, which must be the next. */
  byte[] bytes(String name) throws IOException {
    next(name);
    return text(name);
  }

  /** Here already: to look for the next entry is to unpack the rest of this one. */
  private byte[] text(String name) throws IOException {
    int most =
        name.equals(ModelFile.TRAINING_STATE) ? ModelFile.MOST_STATE_BYTES : StrictJson.MOST_BYTES;
    return StrictJson.requireShort(name, zip.readNBytes(most + 1), most);
  }

  /** Reads an entry of an array, which must be the next. */
  INDArray array(String name, long length, DataType type) throws IOException {
    ArrayEntry entry = new ArrayEntry(name, length, type);
    bytes += entry.bytes();
    requireAtMost("its arrays take", bytes, mostBytes);
    next(name);
    return entry.read(zip);
  }

  private void next(String name) throws IOException {
    ZipEntry entry = next();
    if (entry == null) {
      throw new InvalidModelException(
          entries.isEmpty()
              ? "is no zip file, so no model"
              : "%s is missing; %s".formatted(name, ALLOWED));
    }
    take(entry, name);
  }

  private void take(ZipEntry entry, String name) {
    if (name.equals(ModelFile.VOCABULARY) && entry.getName().equals(ModelFile.CONFIGURATION)) {
      throw new InvalidModelException(
          "%s is missing, as in files that ModelSerializer wrote; if you trust the file, read it with"
                  .formatted(name)
              + " ModelSerializer.restoreMultiLayerNetwork and write a ModelFile of network and"
              + " vocabulary");
    }
    if (!entry.getName().equals(name)) {
      throw unexpected(entry, name);
    }
    if (entry.getMethod() != ZipEntry.DEFLATED) {
      throw new InvalidModelException("%s is not compressed; it must be".formatted(name));
    }
    entries.add(entry);
  }

  private static InvalidModelException unexpected(ZipEntry entry, String right) {
    return new InvalidModelException(
        "entry \"%s\" stands where %s belongs; %s"
            .formatted(OneLine.of(entry.getName()), right, ALLOWED));
  }

  private ZipEntry next() throws IOException {
    try {
      return zip.getNextEntry();
    } catch (IllegalArgumentException e) {
      throw new IOException("an entry's name is malformed", e);
    }
  }

  /**
   * Reads the last entry of text, null if it is not there, and checks that nothing follows and that
   * the directory at the zip's end tells of the same entries.
   */
  byte[] bytesAtEnd(String name) throws IOException {
    ZipEntry entry = next();
    byte[] text = null;
    if (entry != null) {
      take(entry, name);
      text = text(name);
      entry = next();
    }
    if (entry != null) {
      throw unexpected(entry, "the end");
    }
    requireSameDirectory();
    return text;
  }

  private void requireSameDirectory() throws IOException {
    long outside = Files.size(file) - entries.stream().mapToLong(ZipEntry::getCompressedSize).sum();
    if (outside > MOST_OUTSIDE) { // the directory is read into memory
      throw new InvalidModelException(
          "%,d bytes lie outside the entries; %,d are allowed".formatted(outside, MOST_OUTSIDE));
    }
    try (ZipFile directory = new ZipFile(file.toFile())) {
      if (!described(directory.stream().map(ZipEntry.class::cast).toList())
          .equals(described(entries))) {
        throw new InvalidModelException("the zip's directory tells of other entries");
      }
    }
  }

  /** What is known of an entry before and after it is read. */
  private static List<List<Object>> described(List<ZipEntry> entries) {
    return entries.stream()
        .map(e -> List.<Object>of(e.getName(), e.getSize(), e.getCompressedSize(), e.getCrc()))
        .toList();
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }
}
