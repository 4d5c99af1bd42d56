package org.backpropninja.names;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A flat array in the format of {@code Nd4j.write}: a header, then its elements.
 *
 * <p>{@code Nd4j.read} makes what the header says. So the header is compared with the only right
 * one, which follows from length and type, and ND4J gets that one. Source: ND4J 1.0.0-M2.1, {@code
 * BaseDataBuffer.write} and {@code readHeader}.
 *
 * @param entry what messages call it
 * @param length number of elements
 * @param type FLOAT or DOUBLE
 */
record ArrayEntry(String entry, long length, DataType type) {
  private static final String MODE = "MIXED_DATA_TYPES"; // all modes are read alike since beta4
  private static final char ORDER = 'c';

  /** Writes an array of rank 1. */
  static void write(INDArray flat, OutputStream out) throws IOException {
    DataOutputStream data = new DataOutputStream(new BufferedOutputStream(out));
    Nd4j.write(flat, data);
    data.flush();
  }

  /** How many bytes its elements take. */
  long bytes() {
    return length * type.width();
  }

  /**
   * Reads the array, and nothing behind it.
   *
   * @throws InvalidModelException if it begins with another header, or holds more or fewer elements
   */
  INDArray read(InputStream in) throws IOException {
    DataInputStream data = new DataInputStream(new BufferedInputStream(in));
    requireHeader(data);
    InputStream right = new ByteArrayInputStream(header());
    INDArray array;
    try {
      array = Nd4j.read(new DataInputStream(new SequenceInputStream(right, data)));
    } catch (RuntimeException e) { // ND4J wraps IOExceptions, and more than once
      throw new IOException("%s ends before its %d elements do".formatted(entry, length), e);
    }
    if (data.read() >= 0) { // at the end, the zip stream compares the checksum
      throw new InvalidModelException("%s holds more than %d elements".formatted(entry, length));
    }
    return array;
  }

  /** The fields of the header, each a text or a 64-bit number. */
  private List<Object> fields() {
    long[] shape =
        Nd4j.getShapeInfoProvider()
            .createShapeInformation(new long[] {length}, ORDER, type)
            .getSecond();
    List<Object> fields = new ArrayList<>(List.of(MODE, (long) shape.length, "LONG"));
    for (long value : shape) {
      fields.add(value);
    }
    fields.addAll(List.of(MODE, length, type.name()));
    return fields;
  }

  private void requireHeader(DataInputStream in) throws IOException {
    List<Object> fields = fields();
    for (int k = 0; k < fields.size(); k++) {
      Object right = fields.get(k);
      Object found = right instanceof Long ? (Object) in.readLong() : in.readUTF();
      if (!found.equals(right)) {
        throw new InvalidModelException(
            "%s: field %d of the header is %s; that of %d elements of type %s has %s there"
                .formatted(entry, k + 1, OneLine.of(found.toString()), length, type, right));
      }
    }
  }

  private byte[] header() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    for (Object field : fields()) {
      if (field instanceof Long number) {
        out.writeLong(number);
      } else {
        out.writeUTF((String) field);
      }
    }
    return bytes.toByteArray();
  }
}
