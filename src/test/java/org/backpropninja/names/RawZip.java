package org.backpropninja.names;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** A zip whose headers may say anything; java.util.zip writes only honest ones. */
final class RawZip {
  private static final int STORED = 0;
  private static final int DEFLATED = 8;

  /**
   * An entry as it is written.
   *
   * @param name any, even one that is there already
   * @param data as it stands in the file
   * @param method 0 stored, 8 deflated
   * @param size that the headers say it has when it is unpacked
   * @param crc that they say
   */
  record Entry(String name, byte[] data, int method, long size, long crc) {

    static Entry of(String name, byte[] content) {
      return new Entry(name, deflated(content), DEFLATED, content.length, crcOf(content));
    }

    static Entry stored(String name, byte[] content) {
      return new Entry(name, content, STORED, content.length, crcOf(content));
    }

    Entry saying(long otherSize) {
      return new Entry(name, data, method, otherSize, crc);
    }

    Entry withCrc(long other) {
      return new Entry(name, data, method, size, other);
    }
  }

  private RawZip() {}

  static byte[] of(List<Entry> entries) {
    return of(entries, entries, new byte[0]);
  }

  /** With a directory that tells of other entries, and bytes between the entries and it. */
  static byte[] of(List<Entry> entries, List<Entry> directory, byte[] between) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    List<Integer> offsets = new ArrayList<>();
    for (Entry entry : entries) {
      offsets.add(out.size());
      out.writeBytes(header(entry, 0x04034b50, 30, 0));
      out.writeBytes(entry.data);
    }
    out.writeBytes(between);
    int start = out.size();
    for (int k = 0; k < directory.size(); k++) {
      int offset = offsets.get(Math.min(k, offsets.size() - 1));
      out.writeBytes(header(directory.get(k), 0x02014b50, 46, offset));
    }
    ByteBuffer end = buffer(22).putInt(0x06054b50).putInt(0);
    end.putShort((short) directory.size()).putShort((short) directory.size());
    end.putInt(out.size() - start).putInt(start).putShort((short) 0);
    out.writeBytes(end.array());
    return out.toByteArray();
  }

  /** Before an entry (30 bytes) or in the directory (46 bytes). */
  private static byte[] header(Entry entry, int signature, int length, int offset) {
    byte[] name = entry.name.getBytes(UTF_8);
    ByteBuffer header = buffer(length + name.length).putInt(signature);
    if (length == 46) {
      header.putShort((short) 20);
    }
    header.putShort((short) 20).putShort((short) 0x800).putShort((short) entry.method);
    header.putShort((short) 0).putShort((short) 0x41).putInt((int) entry.crc);
    header.putInt(entry.data.length).putInt((int) entry.size);
    header.putShort((short) name.length).putShort((short) 0);
    if (length == 46) {
      header.putShort((short) 0).putShort((short) 0).putShort((short) 0).putInt(0).putInt(offset);
    }
    return header.put(name).array();
  }

  private static ByteBuffer buffer(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }

  static long crcOf(byte[] content) {
    CRC32 crc = new CRC32();
    crc.update(content);
    return crc.getValue();
  }

  static byte[] deflated(byte[] content) {
    return deflated(content, Deflater.NO_FLUSH);
  }

  private static byte[] deflated(byte[] content, int flush) {
    Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
    deflater.setInput(content);
    if (flush == Deflater.NO_FLUSH) {
      deflater.finish();
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] buffer = new byte[1 << 16];
    int n;
    do {
      n = deflater.deflate(buffer, 0, buffer.length, flush);
      out.write(buffer, 0, n);
    } while (n == buffer.length);
    deflater.end();
    return out.toByteArray();
  }

  /** An entry of that many MiB of zeros, 1 kB each in the file, that says it has one byte. */
  static Entry bomb(String name, int mebibytes) {
    byte[] one = deflated(new byte[1 << 20], Deflater.FULL_FLUSH);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int k = 0; k < mebibytes; k++) {
      all.writeBytes(one);
    }
    all.writeBytes(deflated(new byte[1]));
    return new Entry(name, all.toByteArray(), DEFLATED, 1, 0);
  }
}
