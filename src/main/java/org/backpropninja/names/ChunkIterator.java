package org.backpropninja.names;

import java.util.stream.IntStream;

/** Yields every example once, in order; the last chunk may be smaller. */
final class ChunkIterator extends NamesIterator {
  private int position;

  ChunkIterator(NamesDataset data, int chunkSize) {
    super(data, requirePositive("chunkSize", chunkSize));
  }

  @Override
  int[] choose(int num) {
    int start = position;
    position += Math.min(num, data().size() - start);
    return IntStream.range(start, position).toArray();
  }

  @Override
  public boolean hasNext() {
    return position < data().size();
  }

  @Override
  public void reset() {
    position = 0;
  }

  @Override
  public boolean asyncSupported() {
    return false; // the examples are in memory, so there is nothing to wait for
  }
}
