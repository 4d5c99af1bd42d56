import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a full disk refuses is written when there is room again. */
class MetricsTest {

  @Test
  void noRowAndNoValidationLossIsLost() throws IOException {
    Disk disk = new Disk();
    Metrics metrics = new Metrics(disk);
    metrics.add(new Metrics.Row(1, 3.5, 0.5, 7));
    disk.full = true;
    assertThrows(IOException.class, () -> metrics.add(new Metrics.Row(2, 2.5, 0.5, 7)));
    assertThrows(IOException.class, () -> metrics.validated(2.25));
    disk.full = false;
    metrics.add(new Metrics.Row(3, 1.5, 0.5, 7));
    metrics.flush();
    assertEquals(
        List.of("1,3.5,,0.5,7.0", "2,2.5,2.25,0.5,7.0", "3,1.5,,0.5,7.0"),
        disk.content.lines().skip(1).toList());
  }

  /** A file in memory. */
  private static final class Disk extends FileChannel {
    private String content = "";
    private boolean full;

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      if (full) {
        throw new IOException("No space left on device");
      }
      int count = bytes.remaining();
      content += UTF_8.decode(bytes);
      return count;
    }

    @Override
    public long size() {
      return content.getBytes(UTF_8).length;
    }

    @Override
    public long position() {
      return size();
    }

    @Override
    public FileChannel truncate(long length) {
      assertEquals(length, size()); // as nothing was written by halves
      return this;
    }

    @Override
    public void force(boolean metaData) {}

    @Override
    protected void implCloseChannel() {}

    @Override
    public int read(ByteBuffer a) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] a, int b, int c) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] a, int b, int c) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel position(long a) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferTo(long a, long b, WritableByteChannel c) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel a, long b, long c) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int read(ByteBuffer a, long b) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer a, long b) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode a, long b, long c) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long a, long b, boolean c) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileLock tryLock(long a, long b, boolean c) {
      throw new UnsupportedOperationException();
    }
  }
}
