package org.backpropninja.names;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect.Visibility;
import org.nd4j.shade.jackson.annotation.PropertyAccessor;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.SerializationFeature;
import org.nd4j.shade.jackson.databind.node.ObjectNode;

/**
 * Where a training run leaves its results, such as {@code summary.json} and {@code model.zip}.
 *
 * <p>A file is written under a temporary name of its own, forced to the disk and moved into place.
 * So what has the final name is whole, whoever else writes it, and whenever the process or the
 * machine stops.
 *
 * @param folder exists
 */
public record RunFolder(Path folder) {
  private static final String LOCK = ".lock";

  /**
   * Real paths of the folders that this process has locked. Who asks for one of them must not open
   * its lock file: on POSIX, closing it again would end the lock that is held.
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  /** Of a file that is written: nobody else's file has such a name. */
  private static final Pattern TEMPORARY = Pattern.compile(".+\\.[0-9a-f-]{36}\\.part");

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .setVisibility(PropertyAccessor.FIELD, Visibility.ANY)
          .enable(SerializationFeature.INDENT_OUTPUT);

  /**
   * What {@code summary.json} holds.
   *
   * @param words number of names
   * @param examples number of examples of each part
   * @param parameters number of trained parameters
   * @param steps number of training steps, of each worker where there are several
   * @param microsecondsPerStep mean wall time of a training step, µs
   * @param losses mean loss of each part after training, nats
   * @param minibatchLosses [step, loss] of the first 200 steps and of every 1000th; on Spark of
   *     every round
   * @param names sampled
   */
  public record Summary(
      int words,
      Parts<Integer> examples,
      long parameters,
      int steps,
      double microsecondsPerStep,
      Parts<Double> losses,
      List<List<Number>> minibatchLosses,
      List<String> names) {}

  /**
   * One value for each part of the data.
   *
   * @param train of the training set
   * @param val of the validation set
   * @param test of the test set
   * @param <T> type of the value
   */
  public record Parts<T>(T train, T val, T test) {}

  /**
   * Makes the folder, with those above it, unless it is there.
   *
   * @param folder path
   * @return the run folder
   * @throws IOException if there is something else than a folder, or it cannot be made
   */
  public static RunFolder create(Path folder) throws IOException {
    return new RunFolder(Files.createDirectories(folder));
  }

  /**
   * Makes a folder that nobody else has.
   *
   * @param parent is made too, with those above it, unless it is there
   * @param name of the folder; if there is something of that name, the first of {@code name-2},
   *     {@code name-3}, … that is free
   * @return the run folder, empty
   * @throws IOException if it cannot be made
   */
  public static RunFolder createNew(Path parent, String name) throws IOException {
    Files.createDirectories(parent);
    for (int number = 1; ; number++) {
      try {
        String numbered = number == 1 ? name : name + "-" + number;
        return new RunFolder(Files.createDirectory(parent.resolve(numbered)));
      } catch (FileAlreadyExistsException e) {
        continue; // the next number
      }
    }
  }

  /**
   * Keeps others from writing here, and removes what a writer that was killed has left half done.
   *
   * <p>The operating system ends the lock with the process. The file {@code .lock} stays.
   *
   * @return the lock, to be closed when all is written; empty if another process, or another run in
   *     this one, has it
   * @throws IOException if the folder cannot be written to
   */
  public Optional<Closeable> tryLock() throws IOException {
    Path real = folder.toRealPath();
    if (!HELD.add(real)) {
      return Optional.empty();
    }
    FileChannel channel = null;
    boolean locked = false;
    try {
      channel =
          FileChannel.open(real.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (channel.tryLock() == null) {
        return Optional.empty();
      }
      deleteTemporary();
      locked = true;
      return Optional.of(lock(real, channel));
    } finally {
      if (!locked) {
        unlock(real, channel);
      }
    }
  }

  /** Ends the lock when it is closed; only the first time, as another may have it by then. */
  private static Closeable lock(Path real, FileChannel channel) {
    AtomicBoolean closed = new AtomicBoolean();
    return () -> {
      if (!closed.getAndSet(true)) {
        unlock(real, channel);
      }
    };
  }

  private static void unlock(Path real, FileChannel channel) throws IOException {
    try {
      if (channel != null) {
        channel.close();
      }
    } finally {
      HELD.remove(real);
    }
  }

  private void deleteTemporary() throws IOException {
    try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, RunFolder::isTemporary)) {
      for (Path file : left) {
        Files.delete(file);
      }
    }
  }

  private static boolean isTemporary(Path file) {
    return TEMPORARY.matcher(file.getFileName().toString()).matches();
  }

  /**
   * Tells whether there is nothing but a lock and what a writer that was killed has left half done.
   *
   * @return false if there is any other file
   * @throws IOException if the folder cannot be read
   */
  public boolean isEmpty() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.allMatch(file -> file.endsWith(LOCK) || isTemporary(file));
    }
  }

  /**
   * Writes {@code summary.json}.
   *
   * @param summary what it holds
   * @throws IOException if it cannot be written
   */
  public void write(Summary summary) throws IOException {
    write(summary, Map.of());
  }

  /**
   * Writes {@code summary.json}, with more than a summary.
   *
   * @param summary what it holds first
   * @param more what follows, by name, in this order
   * @throws IOException if it cannot be written
   */
  public void write(Summary summary, Map<String, ?> more) throws IOException {
    ObjectNode json = JSON.valueToTree(summary);
    more.forEach((name, value) -> json.set(name, JSON.valueToTree(value)));
    writeJson("summary.json", json);
  }

  /**
   * Writes JSON, on several lines.
   *
   * @param name of the file
   * @param content what it holds: records, maps, lists, text, numbers
   * @throws IOException if it cannot be written
   */
  public void writeJson(String name, Object content) throws IOException {
    put(name, out -> out.write(JSON.writeValueAsBytes(content)));
  }

  /**
   * Writes a model, with the vocabulary that belongs to it.
   *
   * @param name of the file
   * @param model what it holds
   * @throws IOException if it cannot be written
   */
  public void write(String name, ModelFile model) throws IOException {
    put(name, model::write);
  }

  /**
   * Writes a file that is made already, such as a picture.
   *
   * @param name of the file
   * @param content all of it
   * @throws IOException if it cannot be written
   */
  public void write(String name, byte[] content) throws IOException {
    put(name, out -> out.write(content));
  }

  /** Writes the content of a file to a stream, which the caller closes. */
  interface Content {
    void to(OutputStream out) throws IOException;
  }

  /** Writes under a temporary name and moves into place; if that fails, the old file stays. */
  void put(String name, Content content) throws IOException {
    Path temporary = folder.resolve("%s.%s.part".formatted(name, UUID.randomUUID()));
    try {
      write(temporary, content);
      Files.move(
          temporary,
          folder.resolve(name),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    forceFolder();
  }

  /**
   * What is moved into place is on the disk: or a power failure would leave an empty file there.
   */
  private static void write(Path file, Content content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel));
      content.to(out);
      out.flush();
      channel.force(true);
    }
  }

  private void forceFolder() {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows does not open folders. The file is whole, whenever its name reaches the disk.
    }
  }
}
